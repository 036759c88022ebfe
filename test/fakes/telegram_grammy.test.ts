// A client that knows the real service finds what it knows.
import { expect, test } from "bun:test";
import { Api, GrammyError, HttpError, InputFile } from "grammy";
import { rejectionOf } from "../shared/temporary.ts";
import { CHAT, png, withAda } from "./telegram_client.ts";

function withApi() {
  const world = withAda();
  const { token, url } = world.telegram;
  return { ...world, api: new Api(token, { apiRoot: url, timeoutSeconds: 5 }) };
}

test("words, edits, buttons and commands", async () => {
  await using world = withApi();
  const { api, telegram } = world;
  expect((await api.getMe()).username).toBe("sandpiper_fake_bot");
  await api.setMyCommands([{ command: "stop", description: "Stop" }]);
  const reply_markup = { inline_keyboard: [[{ text: "Stop", callback_data: "stop" }]] };
  const { message_id } = await api.sendMessage(CHAT, "<b>Working…</b>", { parse_mode: "HTML", reply_markup });
  const edited = await api.editMessageText(CHAT, message_id, "Done");
  expect(edited).toMatchObject({ text: "Done", message_id });
  await api.sendChatAction(CHAT, "typing");
  await api.setMessageReaction(CHAT, 1, [{ type: "emoji", emoji: "👀" }]);
  expect(telegram.view(CHAT).messages).toMatchObject([
    { reactions: ["👀"] },
    { text: "Done", edits: [{ text: "Working…" }] },
  ]);
});

test("files in every way that it sends them", async () => {
  await using world = withApi();
  const { api, telegram } = world;
  const picture = png(20, 10);
  await api.sendPhoto(CHAT, new InputFile(picture, "chart.png"), { caption: "Sales" });
  const table = new InputFile(new Blob(["a,b\n"]).stream(), "table.csv");
  await api.sendDocument(CHAT, table);
  const album = ["a.png", "b.png"].map((name) => ({
    type: "photo" as const,
    media: new InputFile(picture, name),
    caption: name,
  }));
  expect(await api.sendMediaGroup(CHAT, album)).toBeArrayOfSize(2);
  const { message_id } = await api.sendMessage(CHAT, "Working…");
  await api.editMessageMedia(CHAT, message_id, { type: "document", media: new InputFile(picture, "original.png") });
  const files = telegram.view(CHAT).messages.map(({ file }) => file && [file.kind, file.name, file.bytes.length]);
  expect(files).toEqual([
    undefined,
    ["photo", "chart.png", picture.length],
    ["document", "table.csv", 4],
    ["photo", "a.png", picture.length],
    ["photo", "b.png", picture.length],
    ["document", "original.png", picture.length],
  ]);
  expect(telegram.view(CHAT).messages[1]?.file?.bytes).toEqual(picture);
});

test("the long poll gives a document, and its bytes", async () => {
  await using world = withApi();
  const { api, telegram, ada } = world;
  const [start] = await api.getUpdates({ timeout: 0 });
  const waiting = api.getUpdates({ offset: (start?.update_id ?? 0) + 1, timeout: 30, allowed_updates: ["message"] });
  await telegram.until(() => telegram.calls.length === 2);
  ada.sendDocument({ name: "sales.csv", bytes: new TextEncoder().encode("a,b\n1,2\n") }, { caption: "Graph this" });
  const [update] = await waiting;
  expect(update?.message).toMatchObject({ caption: "Graph this", document: { file_name: "sales.csv" } });
  const found = await api.getFile(update?.message?.document?.file_id ?? "");
  const response = await fetch(`${telegram.url}/file/bot${telegram.token}/${found.file_path}`);
  expect(await response.text()).toBe("a,b\n1,2\n");
});

test("errors are its errors", async () => {
  await using world = withApi();
  const { api, telegram } = world;
  const unparsed = await rejectionOf(api.sendMessage(CHAT, "1 < 2", { parse_mode: "HTML" }));
  expect(unparsed).toBeInstanceOf(GrammyError);
  expect(unparsed).toMatchObject({ error_code: 400, method: "sendMessage" });
  telegram.faults.add({
    method: "*",
    kind: "status",
    code: 429,
    description: "Too Many Requests: retry after 7",
    retryAfterS: 7,
  });
  expect(await rejectionOf(api.sendMessage(CHAT, "x"))).toMatchObject({
    error_code: 429,
    parameters: { retry_after: 7 },
  });
  telegram.faults.add({ method: "*", kind: "status", code: 502, isHtml: true });
  telegram.faults.add({ method: "*", kind: "drop-after-effect" });
  telegram.faults.add({ method: "*", kind: "truncate" });
  for (const what of ["page", "cut", "half"])
    expect(await rejectionOf(api.sendMessage(CHAT, what))).toBeInstanceOf(HttpError);
  expect(telegram.view(CHAT).messages).toHaveLength(3);
  const stranger = new Api("1:wrong", { apiRoot: telegram.url });
  expect(await rejectionOf(stranger.getMe())).toMatchObject({ error_code: 401, description: "Unauthorized" });
});
