// The WhatsApp adapter in front of the fake Cloud API: what Ada sees, whatever the line does.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { GraphFailure } from "../../../fakes/graph/failure.ts";
import { STRICT_PAIR_RATE } from "../../../fakes/graph/rates.ts";
import type { Operation } from "../../../src/core/channels/operation.ts";
import { openWhatsApp } from "../../../src/core/channels/whatsapp/whatsapp.ts";
import { createLog } from "../../../src/shared/log.ts";
import { failureOf, never, NUMBER, openDesk, type WhatsAppDesk } from "./whatsapp_desk.ts";

const TEXT: Operation = { kind: "text", text: "*Done* & well", plain: "Done & well", buttons: [] };
const BUTTONS = ["Again", "Show code", "Stop"].map((title) => ({ title, action: `${title.toLowerCase()}:1` }));
const PHOTO: Operation = { kind: "photo", artifact: "chart.png", caption: "A _chart_", plain: "A chart", buttons: [] };
const DOCUMENT: Operation = { kind: "document", artifact: "table.csv", caption: "", plain: "", buttons: [] };

/** Again and again, as the outbox does, with the time that it waits. */
async function sayFor(desk: WhatsAppDesk, operation: Operation, id: string): Promise<string> {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    try {
      return await desk.channel.deliver(desk.order(operation, { id, isUnresolved: attempt > 0 }), never);
    } catch (error) {
      const failure = await failureOf(Promise.reject(error));
      if (failure.failure === "permanent") throw failure;
      desk.clock.advance(failure.retryAfterMs ?? 15_000);
    }
  }
  throw new Error("It was never said.");
}

describe("what is said", () => {
  test("is one message in the platform's marks, without previews, and known by our id", async () => {
    await using desk = await openDesk();
    const id = await desk.channel.deliver(desk.order(TEXT), never);
    expect(desk.seen()).toMatchObject([{ id, kind: "text", text: "*Done* & well", callbackData: "job:1:0" }]);
    expect(desk.callsOf("messages").at(-1)?.body).toMatchObject({
      recipient_type: "individual",
      text: { preview_url: false },
    });
    await desk.graph.webhooks.idle();
    expect(desk.door.receipts.map(({ delivery, platformId, status }) => [delivery, platformId, status])).toEqual([
      ["job:1:0", id, "sent"],
      ["job:1:0", id, "delivered"],
    ]);
  });

  test("goes to whoever has no number by the id within the business", async () => {
    await using desk = await openDesk();
    const lin = desk.graph.person({ waId: null, userId: "US.7" });
    lin.say("Hi");
    await desk.graph.webhooks.idle();
    const chat = desk.door.arrivals[0]?.chat ?? "";
    await desk.channel.deliver(desk.order(TEXT, { chat }), never);
    expect(desk.graph.view(lin).messages.at(-1)?.text).toBe("*Done* & well");
    expect(await failureOf(desk.channel.deliver(desk.order(TEXT, { chat: "5" }), never))).toMatchObject({
      failure: "permanent",
    });
  });

  test("has buttons that come back as presses", async () => {
    await using desk = await openDesk();
    await desk.channel.deliver(desk.order({ ...TEXT, buttons: BUTTONS }), never);
    const [message] = desk.seen();
    expect(message).toMatchObject({ kind: "interactive", text: "*Done* & well" });
    expect(message?.buttons.map(({ title }) => title)).toEqual(["Again", "Show code", "Stop"]);
    desk.ada.press("v1:show code:1");
    await desk.graph.webhooks.idle();
    expect(desk.door.arrivals).toMatchObject([{ event: { kind: "press", action: "show code:1" } }]);
  });

  test.each([
    ["four buttons", "Which?", [...BUTTONS, { title: "Fourth", action: "fourth" }]],
    ["more words than buttons go with", "x".repeat(1_025), BUTTONS],
    ["twice the same title", "Which?", [...BUTTONS.slice(1), ...BUTTONS.slice(1, 2)]],
    ["a long title", "Which?", [{ title: "A title of 21 letters", action: "a" }]],
  ])("is text with numbers for %s", async (_name, text, buttons) => {
    await using desk = await openDesk();
    await desk.channel.deliver(desk.order({ kind: "text", text, plain: text, buttons }), never);
    expect(desk.seen()).toMatchObject([{ kind: "text", buttons: [] }]);
    expect(desk.seen()[0]?.text).toStartWith(`${text}\n\n1. ${buttons[0]?.title}`);
  });

  test("is a picture with its caption, or a document with its name", async () => {
    await using desk = await openDesk();
    await desk.channel.deliver(desk.order(PHOTO), never);
    await desk.channel.deliver(desk.order(DOCUMENT, { id: "job:1:1" }), never);
    const [photo, document] = desk.seen();
    expect(photo).toMatchObject({ kind: "image", text: "A _chart_", file: { mediaType: "image/png" } });
    expect(document).toMatchObject({ kind: "document", text: null, file: { name: "table.csv" } });
    expect(Buffer.from(document?.file?.bytes ?? []).toString()).toBe("a,b\n1,2\n");
    expect(photo?.file?.bytes).toEqual(await Bun.file(join(desk.folder, "chart.png")).bytes());
  });

  test("is a document where a picture is to be left as it is", async () => {
    await using desk = await openDesk();
    const fileOf = () => ({
      path: join(desk.folder, "chart.png"),
      name: "chart.png",
      mediaType: "image/png",
      bytes: 69,
    });
    await desk.channel.deliver(desk.order(DOCUMENT, { fileOf }), never);
    expect(desk.seen()).toMatchObject([{ kind: "document", file: { name: "chart.png", mediaType: "image/png" } }]);
  });

  test("is a picture above its buttons, in one message", async () => {
    await using desk = await openDesk();
    await desk.channel.deliver(desk.order({ ...PHOTO, buttons: BUTTONS }), never);
    await desk.channel.deliver(desk.order({ ...DOCUMENT, buttons: BUTTONS.slice(0, 1) }), never);
    expect(desk.seen()).toMatchObject([
      { kind: "interactive", text: "A _chart_", file: { mediaType: "image/png" }, buttons: [{}, {}, {}] },
      { kind: "interactive", text: "table.csv", file: { name: "table.csv" }, buttons: [{}] },
    ]);
  });

  test("is refused with a sentence where it is a file that WhatsApp does not take", async () => {
    await using desk = await openDesk();
    await Bun.write(join(desk.folder, "a.zip"), "PK");
    const send = (part: object) => {
      const file = { path: join(desk.folder, "a.zip"), name: "a.zip", mediaType: "application/zip", bytes: 2, ...part };
      return failureOf(desk.channel.deliver(desk.order(DOCUMENT, { fileOf: () => file }), never));
    };
    expect(await send({})).toMatchObject({
      failure: "permanent",
      message: "WhatsApp does not take files like a.zip (application/zip).",
    });
    expect((await send({ mediaType: "image/svg+xml" })).failure).toBe("permanent");
    expect((await send({ mediaType: "text/html" })).failure).toBe("permanent");
    expect((await send({ mediaType: "image/png", bytes: 6 * 2 ** 20 })).message).toContain("5 MB of a picture");
    expect((await send({ mediaType: "text/csv", bytes: 101 * 2 ** 20 })).message).toContain("100 MB of a document");
    expect((await send({ path: join(desk.folder, "gone") })).message).toContain("not there any more");
    const album: Operation = { kind: "album", artifacts: ["a", "b"], caption: "", plain: "" };
    expect((await failureOf(desk.channel.deliver(desk.order(album), never))).failure).toBe("permanent");
    expect(desk.callsOf("media")).toEqual([]);
    // The service looks into it.
    expect((await send({ mediaType: "image/png" })).message).toContain("The bytes are not a PNG image.");
  });
});

describe("what fails", () => {
  test.each([
    [
      "message after message",
      { call: "messages", kind: "status", http: 429, code: 130_429, retryAfterSeconds: 7 },
      { failure: "not_sent", retryAfterMs: 7_000, isForAll: true },
    ],
    [
      "the hour's calls",
      { call: "messages", kind: "status", http: 400, code: 80_007 },
      { failure: "not_sent", retryAfterMs: null, isForAll: true },
    ],
    [
      "the pair",
      { call: "messages", kind: "status", http: 429, code: 131_056, retryAfterSeconds: 1 },
      { failure: "not_sent", retryAfterMs: 6_000, isForAll: false },
    ],
    ["the window", { call: "messages", kind: "status", http: 400, code: 131_047 }, { failure: "window" }],
    ["the token", { call: "messages", kind: "status", http: 401, code: 190 }, { failure: "auth", isForAll: true }],
    ["a permission", { call: "messages", kind: "status", http: 403, code: 200 }, { failure: "auth", isForAll: true }],
    ["spam", { call: "messages", kind: "status", http: 400, code: 131_048 }, { failure: "auth", isForAll: true }],
    ["a lock", { call: "messages", kind: "status", http: 400, code: 131_031 }, { failure: "auth", isForAll: true }],
    ["a person who is gone", { call: "messages", kind: "status", http: 400, code: 131_026 }, { failure: "permanent" }],
    ["our mistake", { call: "messages", kind: "status", http: 400, code: 100 }, { failure: "permanent" }],
    ["a moment of weakness", { call: "messages", kind: "status", http: 500, code: 131_000 }, { failure: "ambiguous" }],
    [
      "a gateway",
      { call: "messages", kind: "status", http: 502, text: "<html>Bad gateway</html>" },
      { failure: "ambiguous" },
    ],
    [
      "an answer without sense",
      { call: "messages", kind: "status", http: 200, text: "<html>" },
      { failure: "ambiguous" },
    ],
    ["half an answer", { call: "messages", kind: "truncate" }, { failure: "ambiguous" }],
    ["a broken line", { call: "messages", kind: "drop-before-effect" }, { failure: "ambiguous" }],
    ["a redirect", { call: "messages", kind: "redirect" }, { failure: "ambiguous" }],
  ] as const)("over %s does so in its class, without the token", async (_name, fault, expected) => {
    await using desk = await openDesk();
    desk.graph.faults.add(fault);
    const error = await failureOf(desk.channel.deliver(desk.order(TEXT), never));
    expect(error).toMatchObject(expected);
    expect(JSON.stringify([error.message, error.stack, desk.lines])).not.toContain(desk.settings.token);
    expect(desk.graph.strangerCalls).toEqual([]);
  });

  test("over a hang is unknown when the time is up", async () => {
    await using desk = await openDesk();
    desk.graph.faults.add({ call: "messages", kind: "hang", isAfterEffect: true });
    const stop = new AbortController();
    const delivery = failureOf(desk.channel.deliver(desk.order(TEXT), stop.signal));
    await desk.graph.until(() => desk.seen().length === 1);
    stop.abort();
    expect((await delivery).failure).toBe("ambiguous");
  });

  test("while nobody is there has had no effect", async () => {
    await using desk = await openDesk();
    const log = createLog("core", "error", () => undefined);
    const channel = await openWhatsApp({ ...desk.settings, apiUrl: "http://127.0.0.1:1" }, log);
    expect((await failureOf(channel.deliver(desk.order(TEXT), never))).failure).toBe("not_sent");
  });

  test("repeats no token that the service has repeated", async () => {
    await using desk = await openDesk();
    const title = `Malformed access token ${desk.settings.token}`;
    desk.graph.faults.add({ call: "messages", kind: "status", http: 401, code: 190, title });
    expect((await failureOf(desk.channel.deliver(desk.order(TEXT), never))).message).toContain("Malformed");
    desk.graph.faults.add({ call: "messages", kind: "status", http: 401, code: 190, title });
    expect((await failureOf(desk.channel.deliver(desk.order(TEXT), never))).message).not.toContain(desk.settings.token);
  });

  test.each(["drop-after-effect", "truncate", "drop-before-effect", "hang"] as const)(
    "while a file is brought there has had no effect that anybody sees: %s",
    async (kind) => {
      await using desk = await openDesk();
      desk.graph.faults.add({ call: "media", kind });
      const stop = new AbortController();
      const delivery = failureOf(desk.channel.deliver(desk.order(PHOTO), stop.signal));
      if (kind === "hang") await desk.graph.until(() => desk.callsOf("media").length === 1);
      if (kind === "hang") stop.abort();
      expect((await delivery).failure).toBe("not_sent");
      await sayFor(desk, PHOTO, "job:1:0");
      expect(desk.seen().length).toBe(1);
    },
  );

  test("after its effect is asked once, so that the status settles it and nothing is said twice", async () => {
    await using desk = await openDesk();
    // A line that is open already is where clients like to ask again by themselves.
    await desk.channel.deliver(desk.order(TEXT, { id: "job:0:0" }), never);
    desk.graph.faults.add({ call: "messages", kind: "drop-after-effect" });
    expect((await failureOf(desk.channel.deliver(desk.order(TEXT), never))).failure).toBe("ambiguous");
    await desk.graph.webhooks.idle();
    expect(desk.seen().length).toBe(2);
    expect(
      desk.door.receipts.filter(({ delivery }) => delivery === "job:1:0").map(({ platformId }) => platformId),
    ).toEqual([desk.seen()[1]?.id, desk.seen()[1]?.id].map(String));
  });

  test("is sent when the core asks again because no status came", async () => {
    await using desk = await openDesk();
    desk.graph.faults.add({ call: "messages", kind: "drop-before-effect" });
    await sayFor(desk, TEXT, "job:1:0");
    expect(desk.seen().map(({ callbackData }) => callbackData)).toEqual(["job:1:0"]);
  });

  test("afterwards is told by the status: the window", async () => {
    await using desk = await openDesk();
    desk.clock.advance(25 * 3_600_000);
    await desk.channel.deliver(desk.order(TEXT), never);
    await desk.graph.webhooks.idle();
    expect(desk.door.receipts).toMatchObject([{ delivery: "job:1:0", status: "failed", error: { failure: "window" } }]);
    expect(desk.seen()).toEqual([]);
  });

  test("in any order, statuses come through one by one", async () => {
    await using desk = await openDesk({ rules: { statuses: [] } });
    const id = await desk.channel.deliver(desk.order(TEXT), never);
    for (const status of ["read", "sent", "delivered"] as const) desk.graph.tell(id, status);
    desk.graph.tell(id, new GraphFailure(131_026, "Gone"));
    await desk.graph.webhooks.idle();
    expect(desk.door.receipts.map(({ status }) => status).toSorted()).toEqual(["delivered", "failed", "read", "sent"]);
  });
});

describe("the pace", () => {
  test("to one person is a message every six seconds, two at once", async () => {
    await using desk = await openDesk();
    const say = (id: string, chat = `to:${NUMBER}`) => desk.channel.deliver(desk.order(TEXT, { id, chat }), never);
    await say("1");
    await say("2");
    expect(await failureOf(say("3"))).toMatchObject({ failure: "not_sent", retryAfterMs: 6_000, isForAll: false });
    desk.clock.advance(2_000);
    expect(await failureOf(say("3"))).toMatchObject({ retryAfterMs: 4_000 });
    const lin = desk.graph.person();
    lin.say("Hi");
    await say("4", `to:${lin.identity.waId}`);
    desk.clock.advance(4_000);
    await say("3");
    expect(desk.callsOf("messages").length).toBe(4);
  });

  test("yields to a service that is stricter, and everything is said once", async () => {
    await using desk = await openDesk({ rules: { pairRate: STRICT_PAIR_RATE } });
    const began = desk.clock.now();
    for (const id of ["1", "2", "3", "4"]) await sayFor(desk, TEXT, id);
    expect(desk.seen().map(({ callbackData }) => callbackData)).toEqual(["1", "2", "3", "4"]);
    expect(desk.clock.now() - began).toBeLessThanOrEqual(18_000);
    expect(desk.callsOf("messages").length).toBe(5);
  });

  test("a job's picture and its words are two messages, sent at once", async () => {
    await using desk = await openDesk();
    await desk.channel.deliver(desk.order(PHOTO), never);
    await desk.channel.deliver(desk.order(TEXT, { id: "job:1:1" }), never);
    expect(desk.seen().length).toBe(2);
    expect(desk.channel.can.messagesPerJob).toBe(2);
    expect(desk.channel.progress).toBeNull();
  });
});
