// Being called by Telegram: only with the secret, and nothing is confirmed that is not kept.
import { expect, test } from "bun:test";
import type { Channel, Door } from "../../../../src/core/channels/channel.ts";
import { AppError } from "../../../../src/shared/errors.ts";
import { rejectionOf } from "../../../shared/temporary.ts";
import { Hall, openBot } from "./bot.ts";

const SECRET = "a-secret_of-sixteen_or-more";
const HEADER = "x-telegram-bot-api-secret-token";
const UPDATE = {
  update_id: 5,
  message: { message_id: 1, from: { id: 2 }, chat: { id: 2, type: "private" }, text: "Hi" },
};

const openHooked = (url = "http://127.0.0.1:1/telegram/hook", secret = SECRET) =>
  openBot({}, () => ({ webhook: { url, secret } }));

function hookOf({ webhook }: Channel): NonNullable<Channel["webhook"]> {
  if (webhook === undefined) throw new Error("There is no webhook.");
  return webhook;
}

function post(body: BodyInit, secret: string | null, method = "POST"): Request {
  const headers = new Headers(secret === null ? {} : { [HEADER]: secret });
  return new Request("http://here/telegram/hook", { method, headers, ...(method === "POST" && { body }) });
}

test("without a secret, or with one that cannot be, it is not opened", async () => {
  for (const [url, secret] of [
    ["https://example.com/hook", ""],
    ["https://example.com/hook", "fifteen-letters"],
    ["https://example.com/hook", "with space between"],
    ["https://example.com/hook", "x".repeat(257)],
    ["nowhere", SECRET],
  ] as const) {
    const error = await rejectionOf(openHooked(url, secret));
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "config" });
  }
});

test("whoever does not show the secret is turned away before a byte is read", async () => {
  await using bot = await openHooked();
  const { receive, path } = hookOf(bot.channel);
  expect(path).toBe("/telegram/hook");
  for (const secret of [null, "", "a", `${SECRET}x`, SECRET.toUpperCase()]) {
    const request = post(JSON.stringify(UPDATE), secret);
    expect((await receive(request, bot.hall.door)).status).toBe(401);
    expect(request.bodyUsed).toBe(false);
  }
  expect(bot.hall.arrivals).toEqual([]);
});

test("200 comes after it is kept, and not without", async () => {
  await using bot = await openHooked();
  const { receive } = hookOf(bot.channel);
  const events: string[] = [];
  const door: Door = {
    ...bot.hall.door,
    admit: async (arrivals) => {
      await bot.hall.door.admit(arrivals);
      events.push("kept");
    },
  };
  const response = await receive(post(JSON.stringify(UPDATE), SECRET), door);
  events.push(String(response.status));
  expect(events).toEqual(["kept", "200"]);
  bot.hall.trouble = new Error("SQLITE_FULL");
  expect(await rejectionOf(receive(post(JSON.stringify(UPDATE), SECRET), door))).toBe(bot.hall.trouble);
});

test("what is too large, or no JSON, is refused, and what says nothing to us is confirmed", async () => {
  await using bot = await openHooked();
  const { receive } = hookOf(bot.channel);
  const large = `{"update_id":1,"x":"${"y".repeat(4 * 2 ** 20)}"}`;
  const { door } = bot.hall;
  const chunks = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20)),
  });
  expect((await receive(post(large, SECRET), door)).status).toBe(413);
  expect((await receive(post(chunks, SECRET), door)).status).toBe(413);
  expect((await receive(post("{", SECRET), door)).status).toBe(400);
  expect((await receive(post("", SECRET, "GET"), door)).status).toBe(405);
  expect((await receive(post(`{"update_id":1,"poll":{}}`, SECRET), door)).status).toBe(200);
  expect(bot.hall.arrivals).toEqual([]);
});

test("Telegram is told where to call, and what people write arrives", async () => {
  const hall = new Hall();
  let receive: ((request: Request) => Promise<Response>) | null = null;
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    fetch: (request) => receive?.(request) ?? new Response(null, { status: 503 }),
    error: () => new Response(null, { status: 503 }),
  });
  await using bot = await openBot({ webhookRetryMs: 5 }, () => ({
    webhook: { url: `http://127.0.0.1:${server.port}/hook`, secret: SECRET },
  }));
  receive = (request) => hookOf(bot.channel).receive(request, hall.door);
  hall.trouble = new Error("SQLITE_BUSY");
  bot.telegram.faults.add({ method: "setWebhook", kind: "status", code: 500 });
  const listening = bot.channel.listen(hall.door, bot.stop.signal);
  await bot.clock.until(1_000);
  expect(hall.states).toEqual(["down"]);
  bot.clock.move(1_000);
  await hall.until(({ states }) => states.includes("up"));
  bot.ada.say("Hello");
  hall.trouble = null;
  await hall.until(({ texts }) => texts.includes("Hello"));
  expect(hall.texts).toEqual(["/start", "Hello"]);
  expect(bot.telegram.callsOf("getUpdates")).toEqual([]);
  bot.stop.abort();
  await listening;
});

test("a webhook that Telegram refuses is asked for again every five minutes, not in circles", async () => {
  await using bot = await openHooked("http://example.com/hook");
  const listening = bot.channel.listen(bot.hall.door, bot.stop.signal);
  for (let turn = 1; turn <= 3; turn += 1) {
    await bot.clock.until(300_000);
    expect(bot.telegram.callsOf("setWebhook")).toHaveLength(turn);
    bot.clock.move(300_000);
  }
  expect(bot.hall.healths[0]).toMatchObject({ state: "refused" });
  expect(bot.hall.healths[0]?.detail).toContain("HTTPS URL");
  bot.stop.abort();
  await listening;
});
