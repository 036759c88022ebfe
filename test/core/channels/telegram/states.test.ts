// What /api/channels says while Telegram will not have us, and that nobody is asked in circles meanwhile.
import { afterEach, describe, expect, jest, setDefaultTimeout, test } from "bun:test";
import { z } from "zod";
import { FakeTelegram, TOKEN } from "../../../../fakes/telegram/server.ts";
import type { OpenChannel } from "../../../../src/core/channels/index.ts";
import { openTelegram } from "../../../../src/core/channels/telegram/telegram.ts";
import { call } from "../../../fakes/telegram_client.ts";
import { temporaryBoard } from "../../../shared/temporary.ts";
import { startCore } from "../../server.ts";
import { until } from "../connected.ts";
import { messengerOver } from "../office.ts";
import { openBot, type Bot } from "./bot.ts";

setDefaultTimeout(30_000);
afterEach(() => void jest.useRealTimers());

const OTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
const HOOKED =
  "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";

const Channels = z.object({
  channels: z.array(z.object({ name: z.string(), state: z.string(), detail: z.string() })),
});

/** What a real core says of a Telegram like this, once it says `state`; it is the same core in the end. */
async function toldBy(telegram: FakeTelegram, state: string) {
  await using core = await startCore({
    SANDPIPER_TELEGRAM_TOKEN: TOKEN,
    SANDPIPER_TELEGRAM_API: telegram.url,
  });
  let told: z.infer<typeof Channels>["channels"] = [];
  await until(async () => {
    told = Channels.parse(await (await core.call("/api/channels")).json()).channels;
    return told[0]?.state === state;
  });
  expect((await core.call("/health")).status).toBe(200);
  return told;
}

describe("/api/channels says that", () => {
  test("another program asks for the same bot", async () => {
    await using telegram = new FakeTelegram();
    telegram.faults.add({ method: "getUpdates", kind: "status", code: 409, description: OTHER, times: 1_000 });
    const [told] = await toldBy(telegram, "down");
    expect(told?.detail).toContain("Another program asks Telegram for this bot's messages");
    expect(telegram.callsOf("getUpdates").length).toBeLessThanOrEqual(2);
  });

  test("the token is none", async () => {
    await using telegram = new FakeTelegram();
    telegram.token = TOKEN.replace("FAKE0", "FAKE1");
    const [told] = await toldBy(telegram, "refused");
    expect(told?.detail).toContain("@BotFather");
    expect(told?.detail).not.toContain(TOKEN.split(":")[1] ?? "");
    expect(telegram.calls).toHaveLength(1);
  });

  test("a webhook comes again and again", async () => {
    await using telegram = new FakeTelegram();
    telegram.faults.add({ method: "getUpdates", kind: "status", code: 409, description: HOOKED, times: 1_000 });
    const [told] = await toldBy(telegram, "down");
    expect(told?.detail).toContain("Something sets a webhook for this bot again and again");
  });

  test("it is up after a webhook that was left over is gone", async () => {
    await using telegram = new FakeTelegram();
    await call(telegram, "setWebhook", { url: "http://127.0.0.1:1/hook" });
    const [told] = await toldBy(telegram, "up");
    expect(told?.detail).toBe("@sandpiper_fake_bot");
  });
});

/** Requests in ten minutes of its clock. */
async function askedInTenMinutes(bot: Bot, turnMs: number): Promise<number> {
  const listening = bot.channel.listen(bot.hall.door, bot.stop.signal);
  for (let turn = 0; turn < 600_000 / turnMs; turn += 1) {
    await bot.clock.until(turnMs);
    bot.clock.move(turnMs);
  }
  await bot.clock.until(turnMs);
  bot.stop.abort();
  await listening;
  return bot.telegram.calls.filter(({ method }) => /getUpdates|Webhook/.test(method)).length;
}

test.each([
  ["another program is there", OTHER, 5_000],
  ["a webhook comes again and again", HOOKED, 12_000],
])("while %s it is asked no more than once in five seconds", async (_name, description, turnMs) => {
  await using bot = await openBot();
  bot.telegram.faults.add({ method: "getUpdates", kind: "status", code: 409, description, times: 1_000 });
  // What is asked at the beginning, and once in five seconds from then on.
  expect(await askedInTenMinutes(bot, turnMs)).toBeLessThanOrEqual(600_000 / 5_000 + 4);
});

test("a token that is none is asked about once in half a minute", async () => {
  await using telegram = new FakeTelegram();
  telegram.token = TOKEN.replace("FAKE0", "FAKE1");
  using place = temporaryBoard();
  jest.useFakeTimers();
  const lines: string[] = [];
  const open: OpenChannel = (_config, log) => () =>
    openTelegram({ token: TOKEN, apiUrl: telegram.url, webhook: null }, log);
  const messenger = messengerOver(place, { telegram: open }, lines);
  for (let count = 1; count <= 20; count += 1) {
    await waited(() => lines.filter((line) => line.includes("channel-not-open")).length === count);
    expect(messenger.states()).toMatchObject([{ state: "refused" }]);
    jest.advanceTimersByTime(29_999);
    // What was asked before this is known after it.
    for (let look = 0; look < 3; look += 1) await fetch(telegram.url);
    expect(telegram.calls).toHaveLength(count);
    jest.advanceTimersByTime(1);
  }
  jest.useRealTimers();
  await messenger.close();
});

async function waited(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
