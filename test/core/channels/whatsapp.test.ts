// The WhatsApp adapter in front of the fake service, and a webhook of its own that the fake calls.
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { FakeGraph } from "../../../fakes/graph/server.ts";
import type { Arrival, Door, Order, Receipt } from "../../../src/core/channels/channel.ts";
import type { Operation } from "../../../src/core/channels/operation.ts";
import { openWhatsApp } from "../../../src/core/channels/whatsapp/whatsapp.ts";
import { isSigned } from "../../../src/core/channels/whatsapp/webhook.ts";
import { png } from "../../fakes/graph_client.ts";
import { temporaryFolder } from "../../shared/temporary.ts";

const never = new AbortController().signal;

async function desk(admit: Door["admit"] = async () => undefined) {
  const graph = new FakeGraph({ retryMs: [20, 20, 20, 20] });
  const { token, phoneNumberId, appSecret, verifyToken } = graph.account;
  const settings = { token, phoneId: phoneNumberId, appSecret, verifyToken, apiUrl: graph.url };
  const channel = await openWhatsApp(settings);
  const arrivals: Arrival[] = [];
  const receipts: Receipt[] = [];
  const door: Door = {
    admit: async (came, told = []) => {
      await admit(came, told);
      arrivals.push(...came);
      receipts.push(...told);
    },
    tell: () => undefined,
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => channel.webhook?.receive(request, door) ?? new Response(null, { status: 404 }),
    error: () => new Response(null, { status: 503 }),
  });
  graph.webhooks.url = `${server.url.origin}/whatsapp`;
  const person = graph.person({ name: "Ada" });
  const folder = temporaryFolder();
  const path = join(folder.path, "file");
  await Bun.write(path, png());
  const order = (operation: Operation, mediaType = "image/png", name = "chart.png"): Order => ({
    id: "job:1:0",
    chat: `to:${person.identity.waId ?? ""}`,
    operation,
    placed: null,
    isUnresolved: false,
    fileOf: () => ({ path, name, mediaType, bytes: Bun.file(path).size }),
    onPlaced: async () => undefined,
  });
  return {
    graph,
    person,
    channel,
    arrivals,
    receipts,
    order,
    seen: () => graph.view(person).messages.filter((message) => message.from === "business"),
    failure: async (operation: Operation, mediaType?: string) => {
      const error: unknown = await channel
        .deliver(order(operation, mediaType), never)
        .catch((thrown: unknown) => thrown);
      expect(String(error)).not.toContain(token);
      return error;
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      await graph[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const TEXT: Operation = { kind: "text", text: "*Done*", plain: "Done", buttons: [] };
const PHOTO: Operation = { kind: "photo", artifact: "a", caption: "A chart", plain: "A chart", buttons: [] };

describe("the webhook", () => {
  test("knows the handshake, and no other", async () => {
    await using place = await desk();
    expect(await place.graph.webhooks.handshake(place.graph.account.verifyToken)).toMatchObject({ isGood: true });
    expect(await place.graph.webhooks.handshake("wrong")).toMatchObject({ status: 403 });
  });

  test("believes only what is signed over the very bytes", () => {
    const raw = new TextEncoder().encode('{"text":"\\u00e4"}');
    const sign = (bytes: Uint8Array, secret = "s", kind = "sha256") =>
      `${kind}=${createHmac(kind, secret).update(bytes).digest("hex")}`;
    expect(isSigned(raw, sign(raw), "s")).toBe(true);
    const anew = new TextEncoder().encode(JSON.stringify(JSON.parse(new TextDecoder().decode(raw))));
    for (const header of [
      null,
      "",
      "sha256=",
      sign(raw, "s", "sha1"),
      sign(raw, "t"),
      sign(raw).slice(0, -1),
      sign(anew),
      `sha256=${"g".repeat(64)}`,
    ])
      expect(isSigned(raw, header, "s")).toBe(false);
    expect(isSigned(raw, sign(raw, ""), "")).toBe(false);
  });

  test("takes every message of every change of every entry, whatever order and however often they come", async () => {
    await using place = await desk();
    place.graph.webhooks.hold();
    const ids = Array.from({ length: 60 }, (_, index) => place.person.say(`message ${index}`));
    place.graph.webhooks.release({
      perChange: 3,
      perEntry: 2,
      perPost: 2,
      copies: 2,
      isShuffled: true,
      connections: 4,
    });
    await place.graph.webhooks.idle();
    const came = place.arrivals.map(({ eventId }) => eventId);
    expect(new Set(came)).toEqual(new Set(ids.map((id) => `m:${id}`)));
    expect(came.length).toBe(120);
  });

  test("is called again for what could not be let in", async () => {
    let failures = 2;
    await using place = await desk(async () => {
      if ((failures -= 1) >= 0) throw new Error("The disk is full.");
    });
    place.person.say("Hi");
    await place.graph.webhooks.idle();
    expect(place.arrivals.length).toBe(1);
    expect(place.graph.webhooks.attempts.map(({ status }) => status)).toEqual([503, 503, 200]);
  });

  test("knows a person whose number is not told, and one whose id changes", async () => {
    await using place = await desk();
    const hidden = place.graph.person({ name: "Lin", waId: null, userId: "US.77" });
    hidden.say("Hi");
    place.person.changeNumber("15550009999");
    await place.graph.webhooks.idle();
    expect(place.arrivals[0]).toMatchObject({ chat: "recipient:US.77", person: ["US.77"] });
    expect(place.arrivals.find(({ event }) => event.kind === "renamed")?.person).toContain("15550009999");
  });

  test("tells files, presses and forwarded words apart", async () => {
    await using place = await desk();
    place.person.sendDocument({
      bytes: new TextEncoder().encode("a\n1\n"),
      mediaType: "text/csv",
      name: "a.csv",
      caption: "Graph",
    });
    await place.graph.webhooks.idle();
    const [document] = place.arrivals;
    expect(document?.event).toMatchObject({ kind: "message", text: "Graph", files: [{ name: "a.csv" }] });
    const file = document?.event.kind === "message" ? document.event.files[0] : undefined;
    if (file === undefined) throw new Error("There is no file.");
    expect(await new Response(await place.channel.fetch(file, never)).text()).toBe("a\n1\n");
    place.graph.faults.add({ call: "download", kind: "wrong-sha256" });
    expect(
      await new Response(await place.channel.fetch(file, never)).text().catch((error: unknown) => error),
    ).toMatchObject({ code: "unavailable" });
    place.graph.faults.add({ call: "download", kind: "redirect" });
    await place.channel
      .fetch(file, never)
      .catch((error: unknown) => expect(error).toMatchObject({ code: "unavailable" }));
    expect(place.graph.strangerCalls).toEqual([]);
  });
});

describe("what is said", () => {
  test("arrives as words, as words with buttons, as a picture, as a table under a name that is taken", async () => {
    await using place = await desk();
    place.person.say("Hi");
    await place.channel.deliver(place.order(TEXT), never);
    await place.channel.deliver(place.order({ ...TEXT, buttons: [{ title: "Again", action: "again:1" }] }), never);
    await place.channel.deliver(place.order(PHOTO), never);
    await place.channel.deliver(place.order({ ...PHOTO, kind: "document" }, "text/csv", "table.csv"), never);
    expect(place.seen().map(({ kind, text }) => [kind, text])).toEqual([
      ["text", "*Done*"],
      ["interactive", "*Done*"],
      ["image", "A chart"],
      ["document", "A chart"],
    ]);
    expect(place.seen().every(({ callbackData }) => callbackData === "job:1:0")).toBe(true);
  });

  test("is told of with our own id, and a late refusal has its class", async () => {
    await using place = await desk();
    await place.channel.deliver(place.order(TEXT), never);
    await place.graph.webhooks.idle();
    expect(place.receipts).toMatchObject([{ delivery: "job:1:0", status: "failed", error: { failure: "window" } }]);
  });

  test.each([
    [131047, "window"],
    [131056, "not_sent"],
    [130429, "not_sent"],
    [190, "auth"],
    [131026, "permanent"],
    [131000, "ambiguous"],
  ])("refused with %d is %s", async (code, failure) => {
    await using place = await desk();
    place.person.say("Hi");
    place.graph.faults.add({ call: "messages", kind: "status", http: 400, code });
    expect(await place.failure(TEXT)).toMatchObject({ failure });
  });

  test.each(["drop-after-effect", "drop-before-effect", "truncate"] as const)(
    "with %s is known by nobody",
    async (kind) => {
      await using place = await desk();
      place.person.say("Hi");
      place.graph.faults.add({ call: "messages", kind });
      expect(await place.failure(TEXT)).toMatchObject({ failure: "ambiguous" });
    },
  );

  test("of a kind that Meta does not take is refused with a sentence", async () => {
    await using place = await desk();
    place.person.say("Hi");
    expect(await place.failure({ ...PHOTO, kind: "document" }, "application/zip")).toMatchObject({
      failure: "permanent",
    });
  });
});
