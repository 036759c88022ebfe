// Asking for updates: none is lost, none is confirmed before it is kept, and trouble has a name.
import { expect, test } from "bun:test";
import { shuffled } from "../../../../fakes/telegram/updates.ts";
import { TOKEN } from "../../../../fakes/telegram/server.ts";
import { AppError } from "../../../../src/shared/errors.ts";
import { rejectionOf } from "../../../shared/temporary.ts";
import { call } from "../../../fakes/telegram_client.ts";
import { openBot, told, type Bot } from "./bot.ts";

const listen = (bot: Bot) => bot.channel.listen(bot.hall.door, bot.stop.signal);
const polls = (bot: Bot) => bot.telegram.callsOf("getUpdates");
const offsets = (bot: Bot) => polls(bot).map(({ parameters }) => parameters["offset"]);

/** Until the last update is confirmed: the next question is for what follows it. */
async function confirmed(bot: Bot): Promise<void> {
  const last = bot.telegram.updates.ever.at(-1)?.update_id ?? 0;
  await bot.telegram.until(() => offsets(bot).at(-1) === last + 1);
}

async function stopped(bot: Bot, listening: Promise<void>): Promise<void> {
  const startedAt = performance.now();
  bot.stop.abort();
  await listening;
  expect(performance.now() - startedAt).toBeLessThan(1_000);
}

test("what people write arrives, and a stop is obeyed", async () => {
  await using bot = await openBot();
  const listening = listen(bot);
  await bot.hall.until(({ texts }) => texts.includes("/start"));
  bot.ada.say("Hello");
  await bot.hall.until(({ texts }) => texts.includes("Hello"));
  expect(bot.hall.healths).toEqual([{ state: "up", detail: "@sandpiper_fake_bot" }]);
  expect(bot.hall.arrivals[0]).toMatchObject({ chat: "2001", person: ["2001"], isPrivate: true });
  expect(polls(bot).at(-1)?.parameters).toMatchObject({
    timeout: 50,
    limit: 100,
    allowed_updates: ["message", "callback_query", "my_chat_member"],
  });
  await stopped(bot, listening);
});

test("that it works is known at once, though nobody writes", async () => {
  await using bot = await openBot();
  bot.telegram.updates.drop();
  const listening = listen(bot);
  await bot.hall.until(({ states }) => states.includes("up"));
  await stopped(bot, listening);
});

test("an update is confirmed only once it is kept", async () => {
  await using bot = await openBot();
  const bolt = Promise.withResolvers<void>();
  bot.hall.bolt = bolt.promise;
  const listening = listen(bot);
  await bot.telegram.until(() => polls(bot)[0]?.status);
  expect([polls(bot).length, bot.telegram.updates.pendingCount]).toEqual([1, 1]);
  bolt.resolve();
  await confirmed(bot);
  expect(bot.hall.texts).toEqual(["/start"]);
  await stopped(bot, listening);
});

test("what cannot be kept is asked for again, and kept after all", async () => {
  await using bot = await openBot();
  bot.hall.trouble = new Error("SQLITE_BUSY");
  const listening = listen(bot);
  await bot.clock.until(1_000);
  expect([bot.telegram.updates.pendingCount, bot.hall.states]).toEqual([1, ["down"]]);
  bot.clock.move(1_000);
  await bot.clock.until(2_000);
  bot.hall.trouble = null;
  bot.clock.move(2_000);
  await confirmed(bot);
  expect(bot.hall.texts).toEqual(["/start"]);
  expect(bot.hall.states).toEqual(["down", "up"]);
  expect(offsets(bot).slice(0, 3)).toEqual([undefined, undefined, undefined]);
  await stopped(bot, listening);
});

test("updates twice, out of order and with numbers that jump down are all handed in", async () => {
  await using bot = await openBot();
  const { telegram, ada } = bot;
  telegram.updates.order = shuffled(7);
  const said = Array.from({ length: 250 }, (_, index) => `m${index}`);
  for (const text of said) ada.say(text);
  const listening = listen(bot);
  await bot.hall.until(({ texts }) => said.every((text) => texts.includes(text)));
  await confirmed(bot);
  telegram.updates.jumpTo(5);
  ada.say("after a quiet week");
  await bot.hall.until(({ texts }) => texts.includes("after a quiet week"));
  await confirmed(bot);
  ada.say("and the next");
  await bot.hall.until(({ texts }) => texts.includes("and the next"));
  expect(new Set(bot.hall.texts).size).toBe(bot.hall.texts.length);
  telegram.updates.redeliver();
  await bot.hall.until(({ texts }) => texts.filter((text) => text === "m0").length > 1);
  await stopped(bot, listening);
});

test("a service that gives the same again and again is not asked in circles", async () => {
  await using bot = await openBot();
  // What is far beyond the last number confirms nothing.
  bot.telegram.updates.jumpTo(5);
  bot.ada.say("Hello");
  const listening = listen(bot);
  await bot.clock.until(1_000);
  expect(polls(bot)).toHaveLength(2);
  expect(bot.hall.texts).toEqual(["/start", "Hello", "/start", "Hello"]);
  await stopped(bot, listening);
});

test("a token that is refused is tried again every five minutes, and what was written meanwhile arrives", async () => {
  await using bot = await openBot();
  const listening = listen(bot);
  await bot.hall.until(({ states }) => states.includes("up"));
  bot.telegram.token = TOKEN.replace("FAKE0", "FAKE1");
  bot.ada.say("One more");
  await bot.hall.until(({ states }) => states.at(-1) === "refused");
  expect(bot.clock.pauses.filter((ms) => ms < 10_000)).toEqual([]);
  expect(bot.hall.healths.at(-1)?.detail).toContain("@BotFather");
  expect([told(bot.hall.healths), ...bot.lines].join("\n")).not.toContain(TOKEN.split(":")[1] ?? "");
  bot.telegram.token = TOKEN;
  bot.ada.say("And one more");
  const before = polls(bot).length;
  await bot.clock.until(300_000);
  bot.clock.move(299_999);
  expect(polls(bot)).toHaveLength(before);
  bot.clock.move(1);
  await bot.hall.until(({ texts }) => texts.includes("And one more"));
  expect(bot.hall.states).toEqual(["up", "refused", "up"]);
  await stopped(bot, listening);
});

test("another program that asks is told of, and answered with patience", async () => {
  await using bot = await openBot();
  const description =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
  bot.telegram.faults.add({ method: "getUpdates", kind: "status", code: 409, description, times: 3 });
  const listening = listen(bot);
  for (let turn = 0; turn < 3; turn += 1) {
    await bot.clock.until(5_000);
    expect(polls(bot)).toHaveLength(turn + 1);
    bot.clock.move(5_000);
  }
  await bot.hall.until(({ states }) => states.includes("up"));
  expect(bot.hall.healths[0]).toMatchObject({ state: "down" });
  expect(bot.hall.healths[0]?.detail).toContain("Another program");
  expect(bot.hall.states).toEqual(["down", "up"]);
  await stopped(bot, listening);
});

test("a webhook that is left over is taken away, and nothing that waits there is lost", async () => {
  await using bot = await openBot();
  await call(bot.telegram, "setWebhook", { url: "http://127.0.0.1:1/hook" });
  const listening = listen(bot);
  await bot.hall.until(({ texts }) => texts.includes("/start"));
  expect(bot.telegram.callsOf("deleteWebhook")[0]?.parameters).toEqual({ drop_pending_updates: false });
  await stopped(bot, listening);
});

test("a webhook that comes again and again is not fought over in circles", async () => {
  await using bot = await openBot();
  const description =
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
  bot.telegram.faults.add({ method: "getUpdates", kind: "status", code: 409, description, times: 3 });
  const listening = listen(bot);
  await bot.clock.until(12_000);
  expect([polls(bot).length, bot.hall.states]).toEqual([2, ["down"]]);
  bot.clock.move(12_000);
  await bot.telegram.until(() => polls(bot).length === 3);
  await stopped(bot, listening);
});

test("a poll that is never answered is given up and begun anew", async () => {
  await using bot = await openBot();
  const listening = listen(bot);
  await confirmed(bot);
  bot.telegram.faults.add({ method: "getUpdates", kind: "hang" });
  bot.ada.say("Before");
  await bot.telegram.until(() => bot.telegram.faults.left === 0);
  bot.ada.say("Meanwhile");
  bot.clock.move(90_000);
  await bot.clock.until(1_000);
  bot.clock.move(1_000);
  await bot.hall.until(({ texts }) => texts.includes("Meanwhile"));
  expect(bot.hall.states).toEqual(["up", "down", "up"]);
  await stopped(bot, listening);
});

test("while nobody listens it waits longer and longer, to half a minute", async () => {
  await using bot = await openBot();
  await bot.telegram.stop();
  const listening = listen(bot);
  for (const ms of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    await bot.clock.until(ms);
    bot.clock.move(ms);
  }
  await bot.clock.until(30_000);
  bot.telegram.start();
  bot.clock.move(30_000);
  await bot.hall.until(({ texts }) => texts.includes("/start"));
  expect(bot.hall.states).toEqual(["down", "up"]);
  await stopped(bot, listening);
});

test("what Telegram asks us to wait, we wait", async () => {
  await using bot = await openBot();
  bot.telegram.faults.add({ method: "getUpdates", kind: "status", code: 429, retryAfterS: 77 });
  const listening = listen(bot);
  await bot.clock.until(77_000);
  expect(polls(bot)).toHaveLength(1);
  bot.clock.move(77_000);
  await bot.hall.until(({ states }) => states.includes("up"));
  await stopped(bot, listening);
});

test("whatever breaks an answer, nothing is lost and no error knows the token", async () => {
  await using bot = await openBot();
  for (const fault of ["drop-after-effect", "truncate", "drop-before-effect"] as const)
    bot.telegram.faults.add({ method: "getUpdates", kind: fault });
  bot.telegram.faults.add({ method: "getUpdates", kind: "status", code: 502, isHtml: true });
  const listening = listen(bot);
  for (const ms of [1_000, 2_000, 4_000, 8_000]) {
    await bot.clock.until(ms);
    bot.clock.move(ms);
  }
  await bot.hall.until(({ texts }) => texts.includes("/start"));
  expect(bot.lines.join("\n")).toContain("poll-failed");
  expect(bot.lines.join("\n")).not.toContain(TOKEN.split(":")[1] ?? "");
  await stopped(bot, listening);
});

test("the menu is set where it is another one, and nothing waits for it", async () => {
  await using bot = await openBot();
  bot.telegram.faults.add({ method: "getMyCommands", kind: "status", code: 500 });
  const listening = listen(bot);
  await bot.hall.until(({ texts }) => texts.includes("/start"));
  await bot.logged("menu-not-set");
  await stopped(bot, listening);
  for (const expected of [1, 1]) {
    const stop = new AbortController();
    const again = bot.channel.listen(bot.hall.door, stop.signal);
    const asked = bot.telegram.callsOf("getMyCommands").length;
    await bot.telegram.until(() => bot.telegram.commands.length > 0);
    await bot.telegram.until(() => (bot.telegram.callsOf("getMyCommands").at(asked)?.status ?? 0) === 200);
    // By the time that this arrives, a second call would have been made.
    bot.ada.say(`${asked}`);
    await bot.hall.until(({ texts }) => texts.includes(`${asked}`));
    stop.abort();
    await again;
    expect(bot.telegram.callsOf("setMyCommands")).toHaveLength(expected);
  }
  expect(bot.telegram.commands.map(({ command }) => command)).toContain("stop");
});

test("a token that is not known, and a Telegram that is not reached, are told in words", async () => {
  await using bot = await openBot({}, () => ({ token: TOKEN }));
  bot.telegram.token = "7000000001:other";
  const unknown = await rejectionOf(bot.open());
  expect(unknown).toMatchObject({ code: "config" });
  expect(String(unknown)).toContain("@BotFather");
  await bot.telegram.stop();
  const unreached = await rejectionOf(bot.open());
  expect(unreached).toMatchObject({ code: "unavailable" });
  expect([unknown, unreached].every((error) => error instanceof AppError)).toBe(true);
  expect(told([unknown, unreached])).not.toContain(TOKEN.split(":")[1] ?? "");
});
