// What an update means, from payloads on record and in every shape that people send.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { arrivalOf } from "../../../../src/core/channels/telegram/updates.ts";

const FOLDER = join(import.meta.dir, "../../../../fakes/telegram/payloads");
const Recorded = z.object({ update: z.unknown() });

const recorded = async (name: string) =>
  arrivalOf(Recorded.parse(await Bun.file(join(FOLDER, `${name}.json`)).json()).update);

const ADA = { id: 2001, is_bot: false, first_name: "Ada", username: "ada" };
const CHAT = { id: 2001, type: "private", first_name: "Ada" };
const message = (more: object) => ({
  update_id: 7,
  message: { message_id: 3, from: ADA, chat: CHAT, date: 1, ...more },
});
const stored = { file_id: "F", file_unique_id: "U", file_size: 5 };

test("words", () => {
  expect(arrivalOf(message({ text: "/start" }))).toEqual({
    eventId: "update:7:3",
    chat: "2001",
    person: ["2001"],
    isPrivate: true,
    event: { kind: "message", messageId: "3", text: "/start", files: [], groupId: null, isForwarded: false },
  });
});

test("words, a file, a photo and a voice as they are on record", async () => {
  const events = await Promise.all(["text", "document", "photo", "voice", "reply"].map(recorded));
  expect(events.map((arrival) => arrival?.event)).toMatchObject([
    { text: "/start", files: [] },
    { text: "Graph this", files: [{ name: "sales.csv" }] },
    { files: [{ name: "photo_156.jpg" }] },
    { text: "", files: [{ ref: "AwAC1", name: "voice_158.ogg", bytes: 9_000 }] },
    { text: "That", files: [] },
  ]);
});

test("a press", async () => {
  const arrival = await recorded("callback_query");
  expect(arrival).toMatchObject({ chat: "2001", person: ["2001"], isPrivate: true });
  expect(arrival?.event).toEqual({ kind: "press", messageId: "160", pressId: "4382bfdwdsb323b2d9", action: "chart:1" });
});

test("a press below a message that is too old to be shown, and one of a button that is none of ours", () => {
  const press = {
    id: "Q",
    from: { ...ADA, id: 5 },
    chat_instance: "1",
    message: { message_id: 1, chat: CHAT, date: 0 },
  };
  const of = (more: object) => arrivalOf({ update_id: 1, callback_query: { ...press, ...more } });
  expect(of({ data: "v1:stop:1" })).toMatchObject({ person: ["5"], event: { action: "stop:1" } });
  expect(of({ data: "v9:stop:1" })).toMatchObject({ event: { kind: "press", action: "" } });
  expect(of({ game_short_name: "x" })).toMatchObject({ event: { action: "" } });
  expect(of({ message: undefined, inline_message_id: "1" })).toBeNull();
});

test("what is forwarded is somebody else's", async () => {
  expect((await recorded("forwarded"))?.event).toMatchObject({ text: "/approve", isForwarded: true });
});

test("what is sent together is together", async () => {
  expect((await recorded("album"))?.event).toMatchObject({
    text: "Both",
    groupId: "13245678901234567",
    files: [{ ref: "BQAC2", name: "a.csv", bytes: 3 }],
  });
});

test("what says nothing to us is passed over", async () => {
  for (const name of ["edited", "my_chat_member", "message_reaction"]) expect(await recorded(name)).toBeNull();
  const { from: _from, ...anonymous } = message({ text: "x" }).message;
  const strange = [
    null,
    [],
    "x",
    {},
    { update_id: "7" },
    { update_id: 7 },
    message({ new_chat_members: [ADA] }),
    message({ text: 5 }),
    message({ text: "x", chat: { type: "private" } }),
    { update_id: 7, message: anonymous },
    { update_id: 7, channel_post: { message_id: 1, chat: CHAT, text: "x" } },
  ];
  expect(strange.map(arrivalOf)).toEqual(strange.map(() => null));
});

test("a group is no private chat, and people are their numbers", () => {
  const chat = { id: -1_001_234_567_890, type: "supergroup", title: "G" };
  const arrival = arrivalOf(message({ text: "hi", chat, from: { ...ADA, id: 9_007_199_254_740_991 } }));
  expect(arrival).toMatchObject({ chat: "-1001234567890", isPrivate: false, person: ["9007199254740991"] });
  expect(JSON.stringify(arrival)).not.toContain("ada");
});

const FILES: readonly (readonly [what: object, name: string])[] = [
  [{ document: { ...stored, file_name: "sales.csv", mime_type: "text/csv" } }, "sales.csv"],
  [{ document: { ...stored, mime_type: "application/pdf" } }, "document_3.pdf"],
  [{ document: { ...stored, mime_type: "x/constructor" } }, "document_3.bin"],
  [{ voice: { ...stored, duration: 3, mime_type: "audio/ogg" } }, "voice_3.ogg"],
  [{ audio: { ...stored, duration: 3, file_name: "song.mp3" } }, "song.mp3"],
  [{ audio: { ...stored, duration: 3, mime_type: "audio/mp4" } }, "audio_3.m4a"],
  [{ video: { ...stored, mime_type: "video/quicktime" } }, "video_3.mov"],
  [{ video_note: { ...stored, length: 3 } }, "video_3.mp4"],
  [{ animation: { ...stored, file_name: "fun.mp4" }, document: { ...stored, file_name: "fun.mp4" } }, "fun.mp4"],
  [{ sticker: { ...stored, is_animated: false, is_video: false } }, "sticker_3.webp"],
  [{ sticker: { ...stored, is_animated: true } }, "sticker_3.tgs"],
  [{ sticker: { ...stored, is_video: true } }, "sticker_3.webm"],
];

for (const [what, name] of FILES)
  test(`a file of the kind ${Object.keys(what)[0] ?? ""} is kept as ${name}`, () => {
    const event = { kind: "message", text: "c", files: [{ ref: "F", name, bytes: 5 }] };
    expect(arrivalOf(message({ ...what, caption: "c" }))).toMatchObject({ event });
  });

test("a photo is taken in its largest size, and a size that is not told is not made up", () => {
  const sizes = [
    { file_id: "S", file_unique_id: "1", width: 90, height: 60, file_size: 10 },
    { file_id: "L", file_unique_id: "2", width: 1280, height: 800 },
    { file_id: "M", file_unique_id: "3", width: 320, height: 200, file_size: 30 },
  ];
  expect(arrivalOf(message({ photo: sizes }))?.event).toMatchObject({
    text: "",
    files: [{ ref: "L", name: "photo_3.jpg", bytes: null }],
  });
});
