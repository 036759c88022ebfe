// What a bot sends is what the person sees; what it does to its messages later, too.
import { expect, test } from "bun:test";
import { call, CHAT, file, idOf, png, post, withAda } from "./telegram_client.ts";

const CSV = "month,sales\n1,20\n";

test("a bot knows itself, and its menu", async () => {
  await using world = withAda({ username: "piper_bot" });
  const { telegram } = world;
  expect((await call(telegram, "getMe")).result).toMatchObject({
    id: 7_000_000_001,
    is_bot: true,
    username: "piper_bot",
    can_read_all_group_messages: false,
  });
  const commands = [{ command: "help", description: "What I can do" }];
  expect(await call(telegram, "setMyCommands", { commands })).toMatchObject({ ok: true, result: true });
  expect((await call(telegram, "getMyCommands")).result).toEqual(commands);
  expect(telegram.commands).toEqual(commands);
  expect((await call(telegram, "getChat", { chat_id: CHAT })).result).toMatchObject({
    id: CHAT,
    type: "private",
    first_name: "Ada",
  });
});

test("JSON, form, query and any case of the method's name say the same", async () => {
  await using world = withAda();
  const { telegram } = world;
  const root = `${telegram.url}/bot${telegram.token}`;
  const form = new URLSearchParams({ chat_id: String(CHAT), text: "two" });
  await call(telegram, "sendMessage", { chat_id: CHAT, text: "one" });
  await fetch(`${root}/sendMessage`, { method: "POST", body: form });
  await fetch(`${root}/SENDMESSAGE?chat_id=${CHAT}&text=three`);
  await post(telegram, "sendMessage", { chat_id: String(CHAT), text: "four" });
  const said = telegram.view(CHAT).messages.filter((message) => message.isFromBot);
  expect(said.map((message) => message.text)).toEqual(["one", "two", "three", "four"]);
  expect(telegram.calls.map(({ method, effect, status }) => [method, effect, status])).toEqual(
    [2, 3, 4, 5].map((id) => ["sendMessage", `message:${id}`, 200]),
  );
});

test("a message with buttons that answers another", async () => {
  await using world = withAda();
  const { telegram } = world;
  const keyboard = { inline_keyboard: [[{ text: "Chart", callback_data: "v1:chart", style: "success" }], []] };
  const answer = await call(telegram, "sendMessage", {
    chat_id: CHAT,
    text: "Which?",
    reply_parameters: { message_id: 1 },
    reply_markup: JSON.stringify(keyboard),
  });
  expect(answer.result).toMatchObject({ reply_to_message: { message_id: 1, text: "/start" } });
  expect(telegram.view(CHAT).messages[1]).toMatchObject({
    text: "Which?",
    replyTo: 1,
    buttons: [[{ text: "Chart", callback_data: "v1:chart", style: "success" }]],
  });
});

test("photos and documents arrive byte by byte, and can be sent again by their ids", async () => {
  await using world = withAda();
  const { telegram } = world;
  const picture = png(1600, 800);
  const form = { chat_id: String(CHAT), caption: "<b>Sales</b>", parse_mode: "HTML" };
  const photo = await post(telegram, "sendPhoto", { ...form, photo: file("chart.png", picture, "image/png") });
  expect(photo.result).toMatchObject({
    caption: "Sales",
    photo: [{ width: 90, height: 45 }, { width: 320 }, { width: 800 }, { width: 1280, height: 640 }],
  });
  await post(telegram, "sendDocument", { chat_id: String(CHAT), document: "attach://it", it: file("s.csv", CSV) });
  const [, seenPhoto, seenDocument] = telegram.view(CHAT).messages;
  expect(seenPhoto).toMatchObject({ html: "<b>Sales</b>", file: { kind: "photo", name: "chart.png" } });
  expect(seenPhoto?.file?.bytes).toEqual(picture);
  expect(seenDocument?.file).toMatchObject({ kind: "document", name: "s.csv", mimeType: "text/csv" });
  expect(Buffer.from(seenDocument?.file?.bytes ?? []).toString()).toBe(CSV);

  const fileId = telegram.callsOf("sendPhoto").length === 1 ? idOfPhoto(photo.result) : "";
  expect((await call(telegram, "sendPhoto", { chat_id: CHAT, photo: fileId })).ok).toBe(true);
  expect(telegram.view(CHAT).messages[3]?.file?.bytes).toEqual(picture);
  const mixed = await call(telegram, "sendDocument", { chat_id: CHAT, document: fileId });
  expect(mixed.description).toBe("Bad Request: can't use file of type Photo as Document");
});

test("an album is several messages with one id, the caption on the first", async () => {
  await using world = withAda();
  const { telegram } = world;
  const media = [
    { type: "photo", media: "attach://a", caption: "Three" },
    { type: "photo", media: "attach://b" },
    { type: "photo", media: "attach://c" },
  ];
  const pictures = { a: file("a.png", png(3, 3)), b: file("b.png", png(4, 4)), c: file("c.png", png(5, 5)) };
  const answer = await post(telegram, "sendMediaGroup", {
    chat_id: String(CHAT),
    media: JSON.stringify(media),
    ...pictures,
  });
  expect(answer.result).toBeArrayOfSize(3);
  const seen = telegram.view(CHAT).messages.slice(1);
  expect(new Set(seen.map((message) => message.album)).size).toBe(1);
  expect(seen.map((message) => [message.text, message.file?.name])).toEqual([
    ["Three", "a.png"],
    ["", "b.png"],
    ["", "c.png"],
  ]);
  expect(telegram.calls.at(-1)?.effect).toBe("album:2,3,4");
});

test("a message is edited in place: its words, its buttons, and at last a photo in their stead", async () => {
  let nowMs = 1_700_000_000_000;
  await using world = withAda({ nowMs: () => nowMs });
  const { telegram } = world;
  const keyboard = { inline_keyboard: [[{ text: "Stop", callback_data: "stop" }]] };
  const message_id = idOf(
    await call(telegram, "sendMessage", { chat_id: CHAT, text: "Working…", reply_markup: keyboard }),
  );
  nowMs += 1_100;
  const edited = await call(telegram, "editMessageText", {
    chat_id: CHAT,
    message_id,
    text: "Drawing…",
    reply_markup: keyboard,
  });
  expect(edited.result).toMatchObject({ text: "Drawing…", edit_date: 1_700_000_001 });
  nowMs += 1_100;
  await call(telegram, "editMessageReplyMarkup", { chat_id: CHAT, message_id });
  const media = JSON.stringify({ type: "photo", media: "attach://p", caption: "Done" });
  const form = { chat_id: String(CHAT), message_id: String(message_id), media };
  await post(telegram, "editMessageMedia", { ...form, p: file("chart.png", png(8, 8)) });
  await call(telegram, "editMessageCaption", { chat_id: CHAT, message_id, caption: "Done in 14 s" });
  expect(telegram.view(CHAT).messages[1]).toMatchObject({
    text: "Done in 14 s",
    buttons: [],
    file: { kind: "photo", name: "chart.png" },
    edits: [
      { atMs: 1_700_000_001_100, text: "Working…" },
      { atMs: 1_700_000_002_200, text: "Drawing…" },
      { atMs: 1_700_000_002_200, text: "Drawing…" },
      { atMs: 1_700_000_002_200, text: "Done" },
    ],
  });
});

test("an edit without buttons takes them away", async () => {
  await using world = withAda();
  const keyboard = { inline_keyboard: [[{ text: "Stop", callback_data: "stop" }]] };
  const message_id = idOf(
    await call(world.telegram, "sendMessage", { chat_id: CHAT, text: "Same", reply_markup: keyboard }),
  );
  expect((await call(world.telegram, "editMessageText", { chat_id: CHAT, message_id, text: "Same" })).ok).toBe(true);
  expect(world.telegram.view(CHAT).messages[1]?.buttons).toEqual([]);
});

test("what is deleted is gone; reactions and actions are seen", async () => {
  await using world = withAda();
  const { telegram } = world;
  const message_id = idOf(await call(telegram, "sendMessage", { chat_id: CHAT, text: "Oops" }));
  await call(telegram, "setMessageReaction", {
    chat_id: CHAT,
    message_id: 1,
    reaction: [{ type: "emoji", emoji: "👀" }],
  });
  await call(telegram, "sendChatAction", { chat_id: CHAT, action: "upload_photo" });
  await call(telegram, "deleteMessage", { chat_id: CHAT, message_id });
  const view = telegram.view(CHAT);
  expect(view.messages.map((message) => [message.messageId, message.reactions])).toEqual([[1, ["👀"]]]);
  expect(view.deleted).toEqual([message_id]);
  expect(view.actions.map(({ action }) => action)).toEqual(["upload_photo"]);
  await call(telegram, "setMessageReaction", { chat_id: CHAT, message_id: 1, reaction: [] });
  expect(telegram.view(CHAT).messages[0]?.reactions).toEqual([]);
});

test("others' messages in a group are not the bot's to delete, and a supergroup counts for itself", async () => {
  await using world = withAda();
  const { telegram, ada } = world;
  const group = telegram.group("Ops");
  expect(ada.say("Hello", { in: group }).message_id).toBe(1);
  const answer = await call(telegram, "deleteMessage", { chat_id: group.chatId, message_id: 1 });
  expect(answer.description).toBe("Bad Request: message can't be deleted");
  expect((await call(telegram, "deleteMessage", { chat_id: CHAT, message_id: 1 })).ok).toBe(true);
});

function idOfPhoto(result: unknown): string {
  return /"file_id":"(AgAC[^"]+)"/.exec(JSON.stringify(result))?.[1] ?? "";
}
