// The fake refuses what Telegram refuses, in its words.
import { describe, expect, test } from "bun:test";
import { call, CHAT, file, idOf, png, pngHead, post, withAda } from "./telegram_client.ts";

function button(data: string, text = "Go"): object {
  return { inline_keyboard: [[{ text, callback_data: data }]] };
}

describe("a message is refused when", () => {
  test.each([
    ["it is empty", { text: "" }, "Bad Request: message text is empty"],
    ["it is white space", { text: " \n " }, "Bad Request: text must be non-empty"],
    ["it is too long", { text: "x".repeat(4097) }, "Bad Request: message is too long"],
    ["its UTF-16 units are too many", { text: "😀".repeat(2049) }, "Bad Request: message is too long"],
    ["nobody is named", { text: "x", chat_id: "" }, "Bad Request: chat_id is empty"],
    ["nobody is there", { text: "x", chat_id: 77 }, "Bad Request: chat not found"],
    ["its mode is unknown", { text: "x", parse_mode: "Word" }, "Bad Request: unsupported parse_mode"],
    [
      "an entity is outside",
      { text: "x", entities: [{ type: "bold", offset: 0, length: 2 }] },
      "Bad Request: entity beginning at UTF-16 offset 0 ends after the end of the text",
    ],
    [
      "what it answers is not there",
      { text: "x", reply_parameters: { message_id: 99 } },
      "Bad Request: message to be replied not found",
    ],
    [
      "a button has 65 bytes",
      { text: "x", reply_markup: button("é".repeat(32) + "x") },
      "Bad Request: BUTTON_DATA_INVALID",
    ],
    [
      "a button does nothing",
      { text: "x", reply_markup: { inline_keyboard: [[{ text: "Go" }]] } },
      "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ],
    ["its keyboard is none", { text: "x", reply_markup: { rows: [] } }, "Bad Request: object expected as reply markup"],
    [
      "its keyboard is no JSON",
      { text: "x", reply_markup: "{" },
      "Bad Request: can't parse reply keyboard markup JSON object",
    ],
  ])("%s", async (_why, parameters, description) => {
    await using world = withAda();
    const answer = await call(world.telegram, "sendMessage", { chat_id: CHAT, ...parameters });
    expect(answer).toEqual({ status: 400, ok: false, error_code: 400, description });
    expect(world.telegram.view(CHAT).messages.filter((message) => message.isFromBot)).toEqual([]);
  });

  test("4096 units after parsing and 64 bytes of data are fine", async () => {
    await using world = withAda();
    const text = `<b>${"&lt;".repeat(4096)}</b>`;
    const reply_markup = button("é".repeat(32));
    const answer = await call(world.telegram, "sendMessage", { chat_id: CHAT, text, parse_mode: "HTML", reply_markup });
    expect(answer.ok).toBe(true);
  });
});

describe("a file is refused when", () => {
  const tooWide = pngHead(9000, 1001);
  const tooLong = pngHead(2100, 100);
  test.each([
    [
      "a photo is no picture",
      "sendPhoto",
      { photo: file("a.png", "no picture") },
      400,
      "Bad Request: IMAGE_PROCESS_FAILED",
    ],
    [
      "a photo is cut off",
      "sendPhoto",
      { photo: file("a.png", png(9, 9).subarray(0, 60)) },
      400,
      "Bad Request: IMAGE_PROCESS_FAILED",
    ],
    [
      "a photo is too large",
      "sendPhoto",
      { photo: file("a.png", tooWide) },
      400,
      "Bad Request: PHOTO_INVALID_DIMENSIONS",
    ],
    [
      "a photo is too thin",
      "sendPhoto",
      { photo: file("a.png", tooLong) },
      400,
      "Bad Request: PHOTO_INVALID_DIMENSIONS",
    ],
    [
      "a photo has over 10 MB",
      "sendPhoto",
      { photo: file("a.png", new Uint8Array(10_485_761)) },
      400,
      "Bad Request: file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes",
    ],
    [
      "a document has over 50 MB",
      "sendDocument",
      { document: file("a.bin", new Uint8Array(52_428_801)) },
      413,
      "Request Entity Too Large",
    ],
    [
      "a document is empty",
      "sendDocument",
      { document: file("a.bin", "") },
      400,
      "Bad Request: file must be non-empty",
    ],
    ["there is none", "sendDocument", {}, 400, "Bad Request: there is no document in the request"],
    [
      "its id is nobody's",
      "sendPhoto",
      { photo: "AgAC" },
      400,
      "Bad Request: wrong file identifier/HTTP URL specified",
    ],
    [
      "a caption is too long",
      "sendDocument",
      { document: file("a", "x"), caption: "x".repeat(1025) },
      400,
      "Bad Request: message caption is too long",
    ],
  ])("%s", async (_why, method, form, status, description) => {
    await using world = withAda();
    expect(await post(world.telegram, method, { chat_id: String(CHAT), ...form })).toMatchObject({
      status,
      description,
    });
    expect(world.telegram.view(CHAT).messages).toHaveLength(1);
  });

  test("it is over 20 MB and the bot wants it", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    const message = ada.sendDocument({ name: "big.csv", bytes: new Uint8Array(20 * 1024 * 1024 + 1) });
    const answer = await call(telegram, "getFile", { file_id: message.document?.file_id });
    expect(answer).toMatchObject({ status: 400, description: "Bad Request: file is too big" });
    const strange = await call(telegram, "getFile", { file_id: "x" });
    expect(strange.description).toBe("Bad Request: wrong file_id or the file is temporarily unavailable");
  });

  test("a path was not asked for", async () => {
    await using world = withAda();
    const { telegram, ada } = world;
    ada.sendDocument({ name: "a.csv", bytes: new Uint8Array(3) });
    const response = await fetch(`${telegram.url}/file/bot${telegram.token}/documents/file_1.csv`);
    expect(response.status).toBe(404);
  });
});

describe("an album is refused when", () => {
  const photo = (name: string) => ({ type: "photo", media: `attach://${name}` });
  const document = (name: string) => ({ type: "document", media: `attach://${name}` });
  test.each([
    ["it is empty", [], "Bad Request: there are no messages to send"],
    ["it has one item", [photo("a")], "Bad Request: media group must include 2-10 items"],
    [
      "it has eleven",
      Array.from({ length: 11 }, () => photo("a")),
      "Bad Request: too many messages to send as an album",
    ],
    [
      "it mixes photos and documents",
      [photo("a"), document("a")],
      "Bad Request: document can't be mixed with other media types",
    ],
    ["a part is missing", [photo("a"), photo("b")], "Bad Request: can't parse InputMedia: media not found"],
    [
      "it has something else",
      [photo("a"), { type: "animation", media: "attach://a" }],
      'Bad Request: can\'t parse InputMedia: type "animation" is unsupported',
    ],
  ])("%s", async (_why, media, description) => {
    await using world = withAda();
    const form = { chat_id: String(CHAT), media: JSON.stringify(media), a: file("a.png", png(4, 4)) };
    expect(await post(world.telegram, "sendMediaGroup", form)).toMatchObject({ status: 400, description });
    expect(world.telegram.view(CHAT).messages).toHaveLength(1);
  });
});

describe("an edit is refused when", () => {
  test.each([
    [
      "nothing changes",
      "editMessageText",
      { text: "Hello" },
      "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
    ],
    [
      "there is no such message",
      "editMessageText",
      { text: "x", message_id: 99 },
      "Bad Request: message to edit not found",
    ],
    [
      "the message is not named",
      "editMessageText",
      { text: "x", message_id: undefined },
      "Bad Request: message identifier is not specified",
    ],
    [
      "the message is the person's",
      "editMessageText",
      { text: "x", message_id: 1 },
      "Bad Request: message can't be edited",
    ],
    ["it is too long", "editMessageText", { text: "x".repeat(4097) }, "Bad Request: message is too long"],
    [
      "there is no caption",
      "editMessageCaption",
      { caption: "x" },
      "Bad Request: there is no caption in the message to edit",
    ],
    [
      "the keyboard is the same",
      "editMessageReplyMarkup",
      {},
      "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
    ],
    ["a deletion finds nothing", "deleteMessage", { message_id: 99 }, "Bad Request: message to delete not found"],
    ["a reaction finds nothing", "setMessageReaction", { message_id: 99 }, "Bad Request: message to react not found"],
    [
      "a reaction is none of Telegram's",
      "setMessageReaction",
      { reaction: [{ type: "emoji", emoji: "⏳" }] },
      "Bad Request: REACTION_INVALID",
    ],
  ])("%s", async (_why, method, parameters, description) => {
    await using world = withAda();
    const message_id = idOf(await call(world.telegram, "sendMessage", { chat_id: CHAT, text: "Hello" }));
    const answer = await call(world.telegram, method, { chat_id: CHAT, message_id, ...parameters });
    expect(answer).toMatchObject({ status: 400, description });
  });

  test("the words of a photo are meant, or an album would mix", async () => {
    await using world = withAda();
    const { telegram } = world;
    const media = JSON.stringify(["a", "b"].map((name) => ({ type: "photo", media: `attach://${name}` })));
    const picture = file("a.png", png(4, 4));
    await post(telegram, "sendMediaGroup", { chat_id: String(CHAT), media, a: picture, b: picture });
    const text = await call(telegram, "editMessageText", { chat_id: CHAT, message_id: 2, text: "x" });
    expect(text.description).toBe("Bad Request: there is no text in the message to edit");
    const form = { chat_id: String(CHAT), message_id: "2", media: '{"type":"document","media":"attach://d"}' };
    const mixed = await post(telegram, "editMessageMedia", { ...form, d: file("d.csv", "1") });
    expect(mixed.description).toBe("Bad Request: can't change media type in the album");
  });

  test("a message is over two days old and shall go", async () => {
    let nowMs = 1_700_000_000_000;
    await using world = withAda({ nowMs: () => nowMs });
    const message_id = idOf(await call(world.telegram, "sendMessage", { chat_id: CHAT, text: "Hello" }));
    nowMs += 48 * 3_600_000 + 1;
    const answer = await call(world.telegram, "deleteMessage", { chat_id: CHAT, message_id });
    expect(answer.description).toBe("Bad Request: message can't be deleted");
  });
});

describe("a call is refused when", () => {
  test("its token is another's", async () => {
    await using world = withAda();
    const response = await fetch(`${world.telegram.url}/bot1:wrong/getMe`);
    expect([response.status, await response.json()]).toEqual([
      401,
      { ok: false, error_code: 401, description: "Unauthorized" },
    ]);
    expect(world.telegram.calls).toMatchObject([{ method: "getMe", parameters: {}, status: 401 }]);
    world.telegram.token = "1:wrong";
    expect((await call(world.telegram, "getMe")).ok).toBe(true);
  });

  test("there is no such method, and no such path", async () => {
    await using world = withAda();
    const answer = await call(world.telegram, "sendMoney");
    expect(answer).toMatchObject({ status: 404, error_code: 404, description: "Not Found: method not found" });
    expect((await fetch(`${world.telegram.url}/elsewhere`)).status).toBe(404);
  });

  test("the person has blocked the bot, and not after she writes again", async () => {
    await using world = withAda();
    world.ada.block();
    const blocked = await call(world.telegram, "sendMessage", { chat_id: CHAT, text: "x" });
    expect(blocked).toMatchObject({ status: 403, description: "Forbidden: bot was blocked by the user" });
    world.ada.say("Back");
    expect((await call(world.telegram, "sendMessage", { chat_id: CHAT, text: "x" })).ok).toBe(true);
  });

  test.each([
    ["sendChatAction", { chat_id: CHAT, action: "dancing" }, "Bad Request: wrong parameter action in request"],
    [
      "answerCallbackQuery",
      { callback_query_id: "1" },
      "Bad Request: query is too old and response timeout expired or query ID is invalid",
    ],
    ["setMyCommands", { commands: [{ command: "No Way", description: "x" }] }, "Bad Request: BOT_COMMAND_INVALID"],
    [
      "setMyCommands",
      { commands: [{ command: "ok", description: "" }] },
      "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID",
    ],
    [
      "setMyCommands",
      { commands: Array.from({ length: 101 }, () => ({ command: "a", description: "b" })) },
      "Bad Request: BOT_COMMANDS_TOO_MUCH",
    ],
    [
      "setWebhook",
      { url: "http://example.org/hook" },
      "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
    ],
    [
      "setWebhook",
      { url: "https://example.org:8444/hook" },
      "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
    ],
    [
      "setWebhook",
      { url: "https://example.org/hook", secret_token: "a b" },
      "Bad Request: secret token contains unallowed characters",
    ],
  ])("%s gets what does not fit", async (method, parameters, description) => {
    await using world = withAda();
    expect(await call(world.telegram, method, parameters)).toMatchObject({ status: 400, description });
  });

  test("too much is written, for as long as it says, where the limits are on", async () => {
    let nowMs = 1_700_000_000_000;
    await using world = withAda({ nowMs: () => nowMs, hasLimits: true });
    const say = (text: string) => call(world.telegram, "sendMessage", { chat_id: CHAT, text });
    for (const text of ["1", "2", "3"]) expect((await say(text)).ok).toBe(true);
    const refused = await say("4");
    expect(refused).toMatchObject({
      status: 429,
      description: "Too Many Requests: retry after 1",
      parameters: { retry_after: 1 },
    });
    nowMs += 999;
    expect((await say("4")).status).toBe(429);
    nowMs += 1;
    expect((await say("4")).ok).toBe(true);
  });

  test("twenty a minute are written to a group, edits counted", async () => {
    await using world = withAda({ nowMs: () => 1_700_000_000_000, hasLimits: true });
    const { chatId } = world.telegram.group("Ops");
    const message_id = idOf(await call(world.telegram, "sendMessage", { chat_id: chatId, text: "0" }));
    for (let number = 1; number < 20; number += 1)
      await call(world.telegram, "editMessageText", { chat_id: chatId, message_id, text: String(number) });
    const refused = await call(world.telegram, "editMessageText", { chat_id: chatId, message_id, text: "20" });
    expect(refused.parameters).toEqual({ retry_after: 3 });
    expect(world.telegram.view(chatId).messages[0]?.edits).toHaveLength(19);
  });
});
