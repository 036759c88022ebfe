// How words, pictures and files are said on Telegram, and what becomes of what it will not take.
import { expect, test } from "bun:test";
import { TOKEN } from "../../../../fakes/telegram/server.ts";
import { DeliveryError } from "../../../../src/core/channels/channel.ts";
import type { Operation } from "../../../../src/core/channels/operation.ts";
import { png, pngHead } from "../../../fakes/telegram_client.ts";
import { rejectionOf } from "../../../shared/temporary.ts";
import { CHAT, openBot, told, type Bot } from "./bot.ts";

const words = (text: string, plain = text): Operation => ({ kind: "text", text, plain, buttons: [] });
const picture = (artifact: string): Operation => ({ kind: "photo", artifact, caption: "C", plain: "C", buttons: [] });

const deliver = (bot: Bot, operation: Operation, more: Parameters<Bot["order"]>[1] = {}) =>
  bot.channel.deliver(bot.order(operation, more), bot.stop.signal);
const methods = (bot: Bot) => bot.telegram.calls.map(({ method }) => method).filter((one) => one !== "getMe");

async function failureOf(promise: Promise<unknown>): Promise<DeliveryError> {
  const error = await rejectionOf(promise);
  if (error instanceof DeliveryError) return error;
  throw error;
}

test("a message is placed and known before it is filled, and keeps its number", async () => {
  await using bot = await openBot();
  const before: string[][] = [];
  const onPlaced = async () => void before.push(bot.seen());
  const id = await deliver(bot, words("<b>Six</b> &lt; 7", "Six < 7"), { onPlaced });
  expect(before).toEqual([["…"]]);
  const message = bot.telegram.view(CHAT).messages.at(-1);
  expect(message).toMatchObject({ messageId: Number(id), text: "Six < 7", html: "<b>Six</b> &lt; 7" });
  expect(bot.telegram.callsOf("editMessageText")[0]?.parameters).toMatchObject({
    link_preview_options: { is_disabled: true },
  });
});

test("what showed progress becomes the answer, and its buttons go", async () => {
  await using bot = await openBot();
  await bot.keep("chart.png", png(4, 4));
  const placed = await bot.channel.progress?.place(
    String(CHAT),
    "⏳ 1 < 2",
    [{ title: "Stop", action: "stop:1" }],
    bot.stop.signal,
  );
  await bot.channel.progress?.change(String(CHAT), placed ?? "", "⏳ 1 < 2", [], bot.stop.signal);
  await bot.channel.progress?.change(String(CHAT), placed ?? "", "⏳ 1 < 2", [], bot.stop.signal);
  expect(await deliver(bot, picture("chart.png"), { placed: placed ?? null })).toBe(placed ?? "");
  expect(bot.seen()).toEqual(["C + photo"]);
  const [message] = bot.telegram.view(CHAT).messages.filter((one) => one.isFromBot);
  expect(message).toMatchObject({ buttons: [], edits: [{ text: "⏳ 1 < 2" }, { text: "⏳ 1 < 2" }] });
  expect(message?.file?.bytes).toEqual(png(4, 4));
});

test("buttons carry what they do, and come back as it", async () => {
  await using bot = await openBot();
  const buttons = ["A", "B", "C"].map((title) => ({ title, action: `do:${title}` }));
  await deliver(bot, { kind: "text", text: "Which?", plain: "Which?", buttons });
  const rows = bot.telegram.view(CHAT).messages.at(-1)?.buttons;
  expect(rows?.map((row) => row.map((one) => one.callback_data))).toEqual([["v1:do:A", "v1:do:B"], ["v1:do:C"]]);
  const long = { kind: "text" as const, text: "x", plain: "x", buttons: [{ title: "A", action: "é".repeat(31) }] };
  const calls = methods(bot).length;
  expect((await failureOf(deliver(bot, long))).failure).toBe("permanent");
  expect([methods(bot).length, bot.seen()]).toEqual([calls, ["Which?"]]);
  const press = bot.ada.press(bot.telegram.view(CHAT).messages.at(-1)?.messageId ?? 0, "A");
  await bot.channel.acknowledge(press, "Seen".repeat(100), bot.stop.signal);
  expect(bot.ada.answer(press)?.text).toHaveLength(200);
});

test("formatting that is refused is sent without, at once and in the same message", async () => {
  await using bot = await openBot();
  await bot.keep("chart.png", png(4, 4));
  await deliver(bot, words("1 < 2 <b>", "1 < 2"));
  await deliver(bot, { kind: "photo", artifact: "chart.png", caption: "<i>", plain: "so", buttons: [] });
  const album = { kind: "album" as const, artifacts: ["chart.png", "chart.png"], caption: "</b>", plain: "both" };
  await deliver(bot, album);
  expect(bot.seen()).toEqual(["1 < 2", "so + photo", "both + photo", "photo"]);
});

test("a picture that is no photo for Telegram is sent as a file", async () => {
  await using bot = await openBot();
  await Promise.all([bot.keep("long.png", pngHead(9_000, 300)), bot.keep("no.png", "no picture")]);
  for (const name of ["long.png", "no.png"]) await deliver(bot, picture(name));
  await deliver(bot, { kind: "album", artifacts: ["long.png", "no.png"], caption: "C", plain: "C" });
  expect(bot.seen()).toEqual(["C + document", "C + document", "C + document", "document"]);
  expect(methods(bot).filter((one) => one === "sendMessage")).toHaveLength(2);
});

test("a name arrives as it is, and can add nothing to the request", async () => {
  await using bot = await openBot();
  const names = ["a;b.csv", 'c"; filename="d.csv', "größe 表 😀.csv", "e\r\nx-y: z.csv"];
  for (const name of names) {
    await bot.keep("file", "a,b\n");
    const fileOf = (artifact: string) => ({ ...bot.order(words("")).fileOf(artifact), name });
    const document: Operation = { kind: "document", artifact: "file", caption: "", plain: "", buttons: [] };
    await deliver(bot, document, { fileOf });
  }
  const seen = bot.telegram.view(CHAT).messages.flatMap(({ file }) => (file === undefined ? [] : [file.name]));
  expect(seen).toEqual(["a;b.csv", "c'; filename='d.csv", "größe 表 😀.csv", "e  x-y: z.csv"]);
});

test("what was placed and deleted is placed anew", async () => {
  await using bot = await openBot();
  await bot.keep("chart.png", png(4, 4));
  const placed: string[] = [];
  const onPlaced = async (id: string) => void placed.push(id);
  for (const operation of [words("Done"), picture("chart.png")])
    expect(await deliver(bot, operation, { placed: "999", onPlaced })).toBe(placed.at(-1) ?? "");
  expect(bot.seen()).toEqual(["Done", "C + photo"]);
});

test("an album takes the place of the progress", async () => {
  await using bot = await openBot();
  await bot.keep("chart.png", png(4, 4));
  const placed = (await bot.channel.progress?.place(String(CHAT), "⏳", [], bot.stop.signal)) ?? null;
  const artifacts = ["chart.png", "chart.png", "chart.png"];
  const id = await deliver(bot, { kind: "album", artifacts, caption: "<b>C</b>", plain: "C" }, { placed });
  expect(bot.seen()).toEqual(["C + photo", "photo", "photo"]);
  const messages = bot.telegram.view(CHAT).messages.filter((one) => one.isFromBot);
  expect(new Set(messages.map(({ album }) => album)).size).toBe(1);
  expect(id).toBe(String(messages[0]?.messageId));
});

test("an album that is sent again says so below the second picture where the first has no room", async () => {
  await using bot = await openBot();
  await bot.keep("chart.png", png(4, 4));
  const caption = "x".repeat(1_000);
  const artifacts = ["chart.png", "chart.png"];
  await deliver(bot, { kind: "album", artifacts, caption, plain: caption }, { isUnresolved: true });
  expect(bot.seen()).toEqual([`${caption} + photo`, "(sent again after a connection problem) + photo"]);
});

test("a file that is gone or too large is refused before anything is asked or placed", async () => {
  await using bot = await openBot();
  await bot.keep("large.bin", "");
  await Bun.$`truncate -s ${51 * 2 ** 20} ${bot.order(words("")).fileOf("large.bin").path}`.quiet();
  for (const artifact of ["large.bin", "gone.bin"]) {
    const error = await failureOf(deliver(bot, { kind: "document", artifact, caption: "", plain: "", buttons: [] }));
    expect([error.failure, error.message]).toEqual(["permanent", expect.stringContaining(artifact)]);
  }
  expect(methods(bot)).toEqual([]);
});

test("what can never be said leaves no empty message behind", async () => {
  await using bot = await openBot();
  expect((await failureOf(deliver(bot, words("x".repeat(4_097))))).failure).toBe("permanent");
  expect(bot.seen()).toEqual([]);
});

const ANSWERS = [
  [400, "Bad Request: chat not found", "permanent", null, false],
  [403, "Forbidden: bot was blocked by the user", "permanent", null, false],
  [413, "Request Entity Too Large", "permanent", null, false],
  [401, "Unauthorized", "auth", null, false],
  [404, "Not Found", "auth", null, false],
  [404, "Not Found: method not found", "permanent", null, false],
  [409, "Conflict: x", "not_sent", null, false],
  [429, "Too Many Requests: retry after 2", "not_sent", 2_000, false],
  [429, "Too Many Requests: retry after 3600", "not_sent", 3_600_000, true],
  [500, "Internal Server Error", "ambiguous", null, false],
  [504, "Gateway Timeout", "ambiguous", null, false],
] as const;

for (const [code, description, failure, retryAfterMs, isForAll] of ANSWERS)
  test(`${code} ${description} is ${failure}`, async () => {
    await using bot = await openBot();
    const retry = retryAfterMs === null ? {} : { retryAfterS: retryAfterMs / 1_000 };
    bot.telegram.faults.add({ method: "sendMessage", kind: "status", code, description, ...retry });
    const error = await failureOf(deliver(bot, words("Hi")));
    expect([error.failure, error.retryAfterMs, error.isForAll]).toEqual([failure, retryAfterMs, isForAll]);
    expect(methods(bot)).toEqual(["sendMessage"]);
  });

test("a page with 413 is too large, and any other page could be anything", async () => {
  await using bot = await openBot();
  for (const [code, failure] of [
    [413, "permanent"],
    [403, "ambiguous"],
    [200, "ambiguous"],
  ] as const) {
    bot.telegram.faults.add({ method: "sendMessage", kind: "status", code, isHtml: true });
    expect((await failureOf(deliver(bot, words("Hi")))).failure).toBe(failure);
  }
});

test("where nobody listens nothing was sent, and a stop in the middle is nobody's knowledge", async () => {
  await using bot = await openBot();
  await bot.telegram.stop();
  const refused = await failureOf(deliver(bot, words("Hi")));
  expect(refused.failure).toBe("not_sent");
  expect(told(refused)).not.toContain("/bot");
  bot.telegram.start();
  bot.telegram.faults.add({ method: "sendMessage", kind: "hang" });
  const hanging = failureOf(deliver(bot, words("Hi")));
  await bot.telegram.until(() => bot.telegram.faults.left === 0);
  bot.stop.abort();
  expect((await hanging).failure).toBe("ambiguous");
});

test("a redirect is not followed: it would carry the token to a stranger", async () => {
  const met: string[] = [];
  const serve = (fetch: (request: Request) => Response) => Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  using stranger = serve(({ url }) => {
    met.push(url);
    return Response.json({ ok: true, result: { message_id: 1 } });
  });
  using redirecting = serve(({ url }) => {
    if (url.endsWith("/getMe")) return Response.json({ ok: true, result: { id: 1, username: "bot" } });
    if (url.endsWith("/getFile")) return Response.json({ ok: true, result: { file_path: "a.csv" } });
    return new Response(null, { status: 307, headers: { location: `${stranger.url.origin}${new URL(url).pathname}` } });
  });
  await using bot = await openBot({}, () => ({ apiUrl: redirecting.url.origin }));
  expect((await failureOf(deliver(bot, words("Hi")))).failure).toBe("ambiguous");
  const lost = await rejectionOf(bot.channel.fetch({ ref: "F", name: "f", bytes: 1 }, bot.stop.signal));
  expect(lost).toMatchObject({ code: "unavailable" });
  expect(met).toEqual([]);
});

test("a service that answers with the token does not make us repeat it", async () => {
  await using bot = await openBot();
  const description = `Bad Request: no /bot${TOKEN}/x`;
  bot.telegram.faults.add({ method: "sendMessage", kind: "status", code: 400, description });
  expect(told(await failureOf(deliver(bot, words("Hi"))))).not.toContain(TOKEN.split(":")[1] ?? "");
});

test("hints are shown", async () => {
  await using bot = await openBot();
  await bot.channel.hint(String(CHAT), "typing", "1", bot.stop.signal);
  await bot.channel.hint(String(CHAT), "photo", null, bot.stop.signal);
  expect(bot.telegram.view(CHAT).actions.map(({ action }) => action)).toEqual(["typing", "upload_photo"]);
});

test("a link opens the chat with its code", async () => {
  await using bot = await openBot();
  expect(bot.channel.linkFor("a_b-c")).toBe("https://t.me/sandpiper_fake_bot?start=a_b-c");
  expect(bot.channel.account).toBe("7000000001");
});
