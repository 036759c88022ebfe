// What people do becomes updates, numbered, in order, kept until they are confirmed, and once more when that is asked for.
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { shuffled } from "../../fakes/telegram/updates.ts";
import { call, CHAT, file, idOf, png, post, withAda, type Answer } from "./telegram_client.ts";

const UPDATES = z.array(z.looseObject({ update_id: z.number() }));
const FIRST = 700_000_001;
const bytes = (text: string) => new TextEncoder().encode(text);

function ids({ result }: Answer): number[] {
  return UPDATES.parse(result).map((update) => update.update_id - FIRST);
}

describe("a poller", () => {
  test("gets what is not confirmed, again and again, and not what is", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    for (const word of ["one", "two", "three"]) ada.say(word);
    expect(ids(await call(telegram, "getUpdates", { limit: 2 }))).toEqual([0, 1]);
    expect(ids(await call(telegram, "getUpdates"))).toEqual([0, 1, 2, 3]);
    expect(ids(await call(telegram, "getUpdates", { offset: FIRST + 2 }))).toEqual([2, 3]);
    expect(ids(await call(telegram, "getUpdates"))).toEqual([2, 3]);
    expect(ids(await call(telegram, "getUpdates", { offset: -1 }))).toEqual([3]);
    expect(ids(await call(telegram, "getUpdates", { offset: FIRST + 4 }))).toEqual([]);
  });

  test("waits for the next, and takes nothing with it when it goes", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    const gone = new AbortController();
    const left = call(telegram, "getUpdates", { offset: FIRST + 1, timeout: 50 }, gone.signal).catch(() => "gone");
    await telegram.until(() => telegram.calls.length === 1);
    gone.abort();
    expect(await left).toBe("gone");
    await telegram.until(() => telegram.calls[0]?.status === 200);
    const waiting = call(telegram, "getUpdates", { offset: FIRST + 1, timeout: 50 });
    await telegram.until(() => telegram.calls.length === 2);
    ada.say("Hello");
    expect(ids(await waiting)).toEqual([1]);
  });

  test("is told to go when another comes, or a webhook", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    const first = call(telegram, "getUpdates", { offset: FIRST + 1, timeout: 50 });
    await telegram.until(() => telegram.calls.length === 1);
    const second = call(telegram, "getUpdates", { offset: FIRST + 1, timeout: 50 });
    expect(await first).toMatchObject({
      status: 409,
      description: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    });
    ada.say("Hello");
    expect(ids(await second)).toEqual([1]);

    await call(telegram, "setWebhook", { url: "https://example.invalid/hook" });
    expect(await call(telegram, "getUpdates")).toMatchObject({
      status: 409,
      description:
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    });
  });

  test("gets what it asked for from then on, reactions only when asked", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    ada.react(1, "👍");
    expect(ids(await call(telegram, "getUpdates", { allowed_updates: ["message_reaction"] }))).toEqual([0]);
    ada.say("Not asked for");
    ada.react(1, undefined);
    const answer = await call(telegram, "getUpdates", { offset: FIRST + 1, allowed_updates: [] });
    expect(answer.result).toMatchObject([{ message_reaction: { old_reaction: [{ emoji: "👍" }], new_reaction: [] } }]);
    ada.say("By default");
    expect(ids(await call(telegram, "getUpdates", { offset: FIRST + 2 }))).toEqual([2]);
  });

  test("misses what is a day old", async () => {
    let nowMs = 1_700_000_000_000;
    await using world = withAda({ nowMs: () => nowMs });
    nowMs += 24 * 3_600_000;
    world.ada.say("Today");
    expect(ids(await call(world.telegram, "getUpdates"))).toEqual([1]);
  });

  test("gets updates twice and out of order on demand", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    for (let number = 1; number < 6; number += 1) ada.say(String(number));
    await call(telegram, "getUpdates", { offset: FIRST + 6 });
    telegram.updates.redeliver((update) => update.update_id > FIRST + 1);
    expect(ids(await call(telegram, "getUpdates", { offset: FIRST + 6 }))).toEqual([2, 3, 4, 5]);
    expect(ids(await call(telegram, "getUpdates", { offset: FIRST + 6 }))).toEqual([]);
    telegram.updates.order = shuffled(7);
    telegram.updates.redeliver();
    const order = ids(await call(telegram, "getUpdates", { offset: FIRST + 6 }));
    expect(order.toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(order).not.toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("with an offset of before the numbers jumped down still gets everything", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    await call(telegram, "getUpdates", { offset: FIRST + 1 });
    telegram.updates.jumpTo(1_000);
    ada.say("After a week");
    const answer = await call(telegram, "getUpdates", { offset: FIRST + 1 });
    expect(answer.result).toMatchObject([{ update_id: 1_000, message: { text: "After a week" } }]);
    expect((await call(telegram, "getUpdates", { offset: 1_001 })).result).toEqual([]);
  });

  test("finds everything as it was after the service was away", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    const { url } = telegram;
    const waiting = call(telegram, "getUpdates", { offset: FIRST + 1, timeout: 50 }).catch(() => "cut");
    await telegram.until(() => telegram.calls.length === 1);
    await telegram.stop();
    expect(await waiting).toBe("cut");
    expect(await call(telegram, "getMe").catch(() => "nobody there")).toBe("nobody there");
    ada.say("While you were away");
    telegram.start();
    expect(telegram.url).toBe(url);
    expect(ids(await call(telegram, "getUpdates"))).toEqual([1]);
    expect(telegram.view(CHAT).messages).toHaveLength(2);
  });
});

describe("a person", () => {
  test("opens with a code, sends files of each kind, and the bot fetches them", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    ada.start("CODE42");
    const csv = bytes("a,b\n1,2\n");
    const sent = ada.sendDocument({ name: "sales.csv", bytes: csv }, { caption: "Graph this" });
    ada.sendVoice({ name: "note.oga", bytes: bytes("OggS") }, 3);
    ada.sendPhoto({ name: "x.png", bytes: png(200, 100) });
    const answer = await call(telegram, "getUpdates", { offset: FIRST + 1 });
    expect(answer.result).toMatchObject([
      { message: { text: "/start CODE42", entities: [{ type: "bot_command", offset: 0, length: 6 }] } },
      { message: { caption: "Graph this", document: { file_name: "sales.csv", mime_type: "text/csv", file_size: 8 } } },
      { message: { voice: { duration: 3, mime_type: "audio/ogg" } } },
      {
        message: {
          photo: [
            { width: 90, height: 45 },
            { width: 200, height: 100 },
          ],
        },
      },
    ]);
    const found = await call(telegram, "getFile", { file_id: sent.document?.file_id });
    const { file_path: path } = z.looseObject({ file_path: z.string() }).parse(found.result);
    const response = await fetch(`${telegram.url}/file/bot${telegram.token}/${path}`);
    expect(await response.bytes()).toEqual(csv);
    expect(telegram.callsOf("download")).toHaveLength(1);
  });

  test("sends an album: one update each", async () => {
    await using world = withAda();
    const items = ["a.csv", "b.csv"].map((name) => ({
      kind: "document" as const,
      upload: { name, bytes: bytes(name) },
    }));
    const [one, two] = world.ada.sendAlbum(items);
    expect(one?.media_group_id).toBeString();
    expect(one?.media_group_id).toBe(two?.media_group_id ?? "");
    expect(ids(await call(world.telegram, "getUpdates"))).toEqual([0, 1, 2]);
  });

  test("forwards, answers, edits and blocks", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    const sender_user = telegram.person({ id: 5, firstName: "Bob" }).user;
    ada.say("/approve", { forwardedFrom: { type: "user", sender_user, date: 1 } });
    ada.say("That", { replyTo: 1 });
    ada.edit(2, "/stop");
    ada.block();
    const answer = await call(telegram, "getUpdates", { offset: FIRST + 1 });
    expect(answer.result).toMatchObject([
      { message: { text: "/approve", forward_origin: { type: "user", sender_user: { first_name: "Bob" } } } },
      { message: { text: "That", reply_to_message: { message_id: 1 } } },
      { edited_message: { message_id: 2, text: "/stop", entities: [{ type: "bot_command" }] } },
      { my_chat_member: { old_chat_member: { status: "member" }, new_chat_member: { status: "kicked" } } },
    ]);
  });

  test("presses a button, and so does another in a group; the bot answers each once", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    const bob = telegram.person({ id: 5, firstName: "Bob" });
    const { chatId } = telegram.group("Ops");
    const reply_markup = { inline_keyboard: [[{ text: "Chart", callback_data: "v1:chart" }]] };
    const message_id = idOf(await call(telegram, "sendMessage", { chat_id: chatId, text: "Which?", reply_markup }));
    const query = ada.press(message_id, "Chart", chatId);
    bob.press(message_id, "v1:chart", chatId);
    const answer = await call(telegram, "getUpdates", { offset: FIRST + 1 });
    expect(answer.result).toMatchObject([
      { callback_query: { id: query, from: { id: CHAT }, data: "v1:chart", message: { message_id, reply_markup } } },
      { callback_query: { from: { id: 5 } } },
    ]);
    expect(ada.answer(query)).toBeUndefined();
    const parameters = { callback_query_id: query, text: "Not yours", show_alert: true };
    expect((await call(telegram, "answerCallbackQuery", parameters)).ok).toBe(true);
    expect(ada.answer(query)).toEqual({ text: "Not yours", isAlert: true });
    expect((await call(telegram, "answerCallbackQuery", parameters)).status).toBe(400);
    expect(() => ada.press(message_id, "Table", chatId)).toThrow('has no button "Table"');
  });

  test("is heard in a group when she calls the bot, or always where it may hear all", async () => {
    const words = [
      "hello all",
      "/stop",
      "/stop@other_bot",
      "/stop@sandpiper_fake_bot",
      "hi @Sandpiper_Fake_Bot",
      "that",
    ];
    for (const [hearsAll, heard] of [
      [false, [1, 3, 4, 5]],
      [true, [0, 1, 2, 3, 4, 5]],
    ] as const) {
      await using world = withAda({ hearsAll });
      const { telegram, ada } = world;
      const group = telegram.group("Ops");
      const message = idOf(await call(telegram, "sendMessage", { chat_id: group.chatId, text: "Here I am" }));
      const last = words.length - 1;
      words.forEach((text, index) => ada.say(text, { in: group, ...(index === last && { replyTo: message }) }));
      const answer = await call(telegram, "getUpdates", { offset: FIRST + 1 });
      expect(answer.result).toMatchObject(
        heard.map((index) => ({ message: { text: words[index], chat: { id: group.chatId, type: "supergroup" } } })),
      );
    }
  });
});

describe("a webhook", () => {
  test("gets each update with its secret, in order, again until it says 2xx", async () => {
    const seen: { secret: string | null; text: string }[] = [];
    const arrived = Promise.withResolvers<void>();
    const message = z.looseObject({ message: z.looseObject({ text: z.string() }) });
    using hook = Bun.serve({
      port: 0,
      fetch: async (request) => {
        const secret = request.headers.get("x-telegram-bot-api-secret-token");
        seen.push({ secret, text: message.parse(await request.json()).message.text });
        if (seen.length === 4) arrived.resolve();
        return new Response(null, { status: seen.length < 3 ? 500 : 200 });
      },
    });
    await using world = withAda({ webhookRetryMs: 5 });
    const { telegram, ada } = world;
    const url = `http://127.0.0.1:${hook.port}/hook`;
    await call(telegram, "setWebhook", { url, secret_token: "open-sesame" });
    ada.say("two");
    await arrived.promise;
    expect(seen.map(({ text }) => text)).toEqual(["/start", "/start", "/start", "two"]);
    expect(new Set(seen.map(({ secret }) => secret))).toEqual(new Set(["open-sesame"]));
    expect((await call(telegram, "getWebhookInfo")).result).toMatchObject({
      url,
      last_error_message: "Wrong response from the webhook: 500 Internal Server Error",
    });
    await call(telegram, "deleteWebhook", { drop_pending_updates: true });
    expect((await call(telegram, "getWebhookInfo")).result).toEqual({
      url: "",
      has_custom_certificate: false,
      pending_update_count: 0,
    });
  });
});

test("a file that the bot sent has an id that the bot can fetch", async () => {
  await using world = withAda();
  const answer = await post(world.telegram, "sendDocument", {
    chat_id: String(CHAT),
    document: file("a.txt", "hello"),
  });
  const { document } = z.looseObject({ document: z.looseObject({ file_id: z.string() }) }).parse(answer.result);
  expect((await call(world.telegram, "getFile", { file_id: document.file_id })).result).toMatchObject({ file_size: 5 });
});
