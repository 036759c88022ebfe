// WhatsApp's payloads as they were recorded, and the twists of them that lose messages elsewhere → arrivals and receipts.
import { describe, expect, test } from "bun:test";
import * as messages from "../../../fakes/graph/payloads/messages.ts";
import { posted, type Recorded } from "../../../fakes/graph/payloads/recorded.ts";
import * as statuses from "../../../fakes/graph/payloads/statuses.ts";
import { DEFAULT_ACCOUNT } from "../../../fakes/graph/account.ts";
import { readPayload } from "../../../src/core/channels/whatsapp/payload.ts";

const ADA = "15550000001";
const PHONE = DEFAULT_ACCOUNT.phoneNumberId;

const read = ({ body }: Recorded) => readPayload(body, PHONE);
const events = (recorded: Recorded) => read(recorded).arrivals.map(({ event }) => event);
/** A message of Ada's. */
const said = (part: object) =>
  posted("made up", { messages: [{ from: ADA, id: "wamid.1", timestamp: "1764000000", ...part }] });
const message = (part: object) => ({
  kind: "message" as const,
  messageId: "wamid.QQ==",
  text: "",
  files: [],
  groupId: null,
  isForwarded: false,
  ...part,
});

describe("what people do", () => {
  test.each([
    ["a text", messages.text, message({ text: "Hi" })],
    [
      "a picture with its caption",
      messages.image,
      message({ text: "Look", files: [{ ref: "1", name: "image_1.jpg", bytes: null }] }),
    ],
    [
      "a document with its name",
      messages.document,
      message({ text: "Graph this", files: [{ ref: "1", name: "sales.csv", bytes: null }] }),
    ],
    [
      "a button of somebody else's",
      messages.buttonReply,
      { kind: "press", messageId: "wamid.QQ==", pressId: "wamid.QQ==", action: "" },
    ],
  ] as const)("%s", (_name, recorded, event) => {
    expect(read(recorded).arrivals).toEqual([
      { eventId: "m:wamid.QQ==", chat: `to:${ADA}`, person: [ADA], isPrivate: true, event },
    ]);
  });

  test.each([
    ["audio", "audio/ogg; codecs=opus", "audio_7.ogg"],
    ["voice", "audio/ogg", "voice_7.ogg"],
    ["audio", "audio/mpeg", "audio_7.mp3"],
    ["video", "video/mp4", "video_7.mp4"],
    ["sticker", "image/webp", "sticker_7.webp"],
    ["document", "application/x-../../etc", "document_7.bin"],
  ])("%s of %s is the file %s", (type, mime_type, name) => {
    expect(events(said({ type, [type]: { id: "7", mime_type, sha256: "00=" } }))).toMatchObject([
      { kind: "message", text: "", files: [{ ref: "7", name, bytes: null }] },
    ]);
  });

  test("an id of a file that would lead elsewhere is none", () => {
    for (const id of ["../../me", "", "1/2", "1?x=1"])
      expect(events(said({ type: "image", image: { id, mime_type: "image/png" } }))).toEqual([]);
  });

  test.each([
    ["a reply button", { type: "interactive", interactive: { button_reply: { id: "v1:stop:5", title: "Stop" } } }],
    ["a row of a list", { type: "interactive", interactive: { list_reply: { id: "v1:stop:5", title: "Stop" } } }],
    ["a quick reply", { type: "button", button: { text: "Stop", payload: "v1:stop:5" } }],
  ])("%s is a press, and the press is what can be marked as read", (_name, part) => {
    expect(events(said(part))).toEqual([{ kind: "press", messageId: "wamid.1", pressId: "wamid.1", action: "stop:5" }]);
  });

  test.each(["forwarded", "frequently_forwarded"])("%s words are somebody else's", (how) => {
    const context = { [how]: true };
    expect(events(said({ type: "text", text: { body: "/approve" }, context }))).toMatchObject([{ isForwarded: true }]);
  });

  test("what cannot be answered is passed over", () => {
    const nobody = posted("made up", { messages: [{ id: "wamid.1", type: "text", text: { body: "Hi" } }] });
    for (const recorded of [
      messages.reaction,
      messages.unsupported,
      nobody,
      said({ type: "location", location: { latitude: 1, longitude: 2 } }),
      said({ type: "text", text: { body: "" } }),
      said({ type: "something_new", something_new: {} }),
    ])
      expect(events(recorded)).toEqual([]);
  });

  test("a message in a group is not private", () => {
    const recorded = said({ group_id: "G1", type: "text", text: { body: "Hi" } });
    expect(read(recorded).arrivals).toMatchObject([{ isPrivate: false }]);
  });
});

describe("who they are", () => {
  test("the id within the business comes first, and a number is what is answered", () => {
    expect(read(messages.bothIds).arrivals).toMatchObject([{ chat: `to:${ADA}`, person: ["US.1", ADA] }]);
  });

  test("an id alone is enough", () => {
    expect(read(messages.userIdOnly).arrivals).toMatchObject([{ chat: "recipient:US.1", person: ["US.1"] }]);
  });

  test("what only the contacts tell is known, too, of the right one", () => {
    const contacts = [
      { wa_id: "15550000002", user_id: "US.2" },
      { wa_id: ADA, user_id: "US.1", parent_user_id: "US.ENT.1" },
    ];
    const recorded = posted("made up", {
      contacts,
      messages: [{ from: ADA, id: "wamid.1", type: "text", text: { body: "Hi" } }],
    });
    expect(read(recorded).arrivals).toMatchObject([{ person: ["US.1", ADA, "US.ENT.1"] }]);
  });

  test("another number is the same person", () => {
    expect(read(messages.changedNumber).arrivals).toEqual([
      {
        eventId: "m:wamid.QQ==",
        chat: "to:15550000009",
        person: ["US.2", "15550000009"],
        isPrivate: true,
        event: { kind: "renamed", from: ADA },
      },
    ]);
  });

  test("another user id is the same person where the old one is told", () => {
    expect(read(messages.changedUserId).arrivals).toEqual([]);
    expect(read(messages.userIdUpdate).arrivals).toEqual([
      {
        eventId: "r:US.1:US.2",
        chat: "to:15550000009",
        person: ["US.2", "15550000009"],
        isPrivate: true,
        event: { kind: "renamed", from: "US.1" },
      },
    ]);
    const system = { type: "user_changed_user_id", user_id: "US.2" };
    expect(read(said({ from_user_id: "US.1", type: "system", system })).arrivals).toMatchObject([
      { person: ["US.2"], event: { from: "US.1" } },
      { person: ["US.2"], event: { from: ADA } },
    ]);
  });
});

describe("batches", () => {
  test("every message of every change of every entry is there", () => {
    const value = (ids: readonly string[]) => ({
      metadata: { phone_number_id: PHONE },
      messages: ids.map((id) => ({ from: ADA, id, type: "text", text: { body: id } })),
    });
    const changes = (...lists: readonly string[][]) => ({ changes: lists.map((ids) => ({ value: value(ids) })) });
    const body = {
      object: "whatsapp_business_account",
      entry: [changes(["a", "b"], ["c"]), changes(["d"]), changes(["e", "f"])],
    };
    expect(readPayload(body, PHONE).arrivals.map(({ eventId }) => eventId)).toEqual(
      ["a", "b", "c", "d", "e", "f"].map((id) => `m:${id}`),
    );
  });

  test("what is not understood spoils nothing beside it", () => {
    const good = { from: ADA, id: "wamid.1", type: "text", text: { body: "Hi" } };
    const value = { metadata: { phone_number_id: PHONE }, messages: [null, { id: 5 }, good], statuses: "none" };
    const body = {
      object: "whatsapp_business_account",
      entry: [null, { changes: 5 }, { changes: [{}, { value: null }, { value, field: "messages" }] }],
    };
    expect(readPayload(body, PHONE).arrivals).toHaveLength(1);
  });

  test("what belongs to another number or another product is passed over", () => {
    expect(readPayload(messages.text.body, "1").arrivals).toEqual([]);
    expect(readPayload({ ...Object(messages.text.body), object: "page" }, PHONE).arrivals).toEqual([]);
    for (const body of [null, [], "text", 5, {}]) expect(readPayload(body, PHONE).arrivals).toEqual([]);
  });
});

describe("what becomes of messages", () => {
  test("is told by our own id where the platform repeats it", () => {
    expect(read(statuses.deliveredWithIds).receipts).toEqual([
      { delivery: "outbox:1", platformId: "wamid.QQ==", status: "delivered", error: null },
    ]);
    expect(read(statuses.sent).receipts).toMatchObject([{ delivery: null, status: "sent" }]);
  });

  test("is told without our id where that is empty", () => {
    const status = { id: "wamid.1", status: "read", biz_opaque_callback_data: "" };
    expect(read(posted("made up", { statuses: [status] })).receipts).toMatchObject([
      { delivery: null, status: "read" },
    ]);
  });

  test("is passed over where it is no step of ours", () => {
    expect(read(posted("made up", { statuses: [{ id: "wamid.1", status: "played" }] })).receipts).toEqual([]);
  });

  const failed = (code: number) =>
    read(posted("made up", { statuses: [{ id: "wamid.1", status: "failed", errors: [{ code, title: "No" }] }] }))
      .receipts[0]?.error;

  test.each([
    [131_047, "window", null],
    [131_026, "permanent", null],
    [131_053, "permanent", null],
    [131_056, "not_sent", 6_000],
    [130_429, "not_sent", 60_000],
    // It has failed for sure: nothing about it is unknown.
    [131_000, "not_sent", 60_000],
    [131_049, "auth", null],
    [190, "auth", null],
  ] as const)("%d fails as %s", (code, failure, retryAfterMs) => {
    expect(failed(code)).toMatchObject({ failure, retryAfterMs });
  });

  test("fails for good where no reason is given", () => {
    const { receipts } = read(posted("made up", { statuses: [{ id: "wamid.1", status: "failed" }] }));
    expect(receipts[0]?.error).toMatchObject({ failure: "permanent" });
  });

  test("troubles of the account are told apart", () => {
    const { problems, receipts } = read(statuses.accountError);
    expect(problems.map(({ message: words }) => words)).toEqual([
      "WhatsApp refused it: Message Undeliverable. (131026)",
    ]);
    expect(receipts).toEqual([]);
  });
});
