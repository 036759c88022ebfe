// What the fake posts to a webhook: signed, in batches, again until it is told 200.
import { afterEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { GraphFailure } from "../../fakes/graph/failure.ts";
import { FakeGraph, type FakeGraphOptions } from "../../fakes/graph/server.ts";
import { idOf, record, say, send } from "./graph_client.ts";

type Received = { readonly raw: string; readonly signature: string | null; readonly event: Record<string, unknown> };

const closing: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one[Symbol.asyncDispose]();
});

/** A webhook that keeps what it is sent and answers what it is told to, 200 by itself. */
function openWebhook(options: FakeGraphOptions = {}) {
  const received: Received[] = [];
  const answers: number[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { searchParams } = new URL(request.url);
      if (request.method === "GET")
        return searchParams.get("hub.verify_token") === graph.account.verifyToken
          ? new Response(searchParams.get("hub.challenge"))
          : new Response(null, { status: 403 });
      const raw = await request.text();
      received.push({ raw, signature: request.headers.get("x-hub-signature-256"), event: record(JSON.parse(raw)) });
      return new Response(null, { status: answers.shift() ?? 200 });
    },
  });
  const graph = new FakeGraph({ webhook: `${server.url}whatsapp`, retryMs: [1, 2], ...options });
  closing.push(graph, { [Symbol.asyncDispose]: async () => await server.stop(true) });
  return { graph, received, answers };
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}

/** Every `value` of a post. */
function valuesOf({ event }: Received): Record<string, unknown>[] {
  return list(event["entry"])
    .flatMap(({ changes }) => list(changes))
    .map(({ value }) => record(value));
}

function itemsOf(received: readonly Received[], kind: "messages" | "statuses"): Record<string, unknown>[] {
  return received.flatMap(valuesOf).flatMap((value) => list(value[kind]));
}

describe("a post", () => {
  test("is signed over its raw bytes, in which all beyond ASCII is escaped", async () => {
    const { graph, received } = openWebhook();
    graph.person({ name: "Zoë" }).say("Grüße 👋 a/b");
    await graph.webhooks.idle();
    const [post] = received;
    const expected = createHmac("sha256", graph.account.appSecret)
      .update(post?.raw ?? "")
      .digest("hex");
    expect(post?.signature).toBe(`sha256=${expected}`);
    expect(post?.raw).toContain(String.raw`Gr\u00fc\u00dfe \ud83d\udc4b a\/b`);
    expect(itemsOf(received, "messages")[0]?.["text"]).toEqual({ body: "Grüße 👋 a/b" });
  });

  test("is plain where that is asked for", async () => {
    const { graph, received } = openWebhook();
    graph.webhooks.isEscaped = false;
    graph.person().say("Grüße a/b");
    await graph.webhooks.idle();
    expect(received[0]?.raw).toContain("Grüße a/b");
  });

  test("of one's own goes once, with whatever signature a test wants", async () => {
    const { graph, received, answers } = openWebhook();
    answers.push(401, 401, 401);
    const body = JSON.stringify({ object: "whatsapp_business_account", entry: [] });
    await graph.webhooks.send(body, { "x-hub-signature-256": graph.webhooks.sign(body, "another secret") });
    await graph.webhooks.send(body, { "x-hub-signature-256": null });
    expect((await graph.webhooks.send(body)).status).toBe(401);
    const signatures = received.map(({ signature }) => signature);
    expect(signatures).toEqual([expect.stringMatching(/^sha256=[0-9a-f]{64}$/), null, graph.webhooks.sign(body)]);
    expect(signatures[0]).not.toBe(signatures[2]);
  });
});

describe("what a person does", () => {
  test("arrives as messages of every kind, in order", async () => {
    const { graph, received } = openWebhook();
    const person = graph.person({ waId: "4915100000000" });
    const bytes = new Uint8Array([1, 2, 3]);
    const first = person.say("Hello");
    person.sendDocument({ bytes, mediaType: "text/csv", name: "sales.csv", caption: "Graph this" });
    person.sendImage({ bytes, mediaType: "image/jpeg" });
    person.sendVideo({ bytes, mediaType: "video/mp4" });
    person.sendVoice(bytes);
    person.sendSticker(bytes);
    person.sendLocation(52.5, 13.4, "Berlin");
    person.sendContact("Grace", "+1 555 000 0000");
    person.react(first, "👍");
    person.react(first, "");
    person.choose({ id: "row", title: "Row" }, first);
    person.pressTemplate("Yes", "payload", first);
    person.sendUnsupported();
    await graph.webhooks.idle();
    const messages = itemsOf(received, "messages");
    expect(messages.map(({ type }) => type)).toEqual(
      "text document image video audio sticker location contacts reaction reaction interactive button unsupported".split(
        " ",
      ),
    );
    expect(record(messages[1]?.["document"])).toMatchObject({
      caption: "Graph this",
      filename: "sales.csv",
      mime_type: "text/csv",
    });
    expect(record(messages[4]?.["audio"])["voice"]).toBe(true);
    expect(record(messages[9]?.["reaction"])["emoji"]).toBe("");
    expect(messages[12]?.["errors"]).toMatchObject([{ code: 131051 }]);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(13);
  });

  test("without a number has no number anywhere", async () => {
    const { graph, received } = openWebhook();
    const person = graph.person({ name: "Lin", username: "lin", waId: null, userId: "US.42" });
    person.say("Hi");
    await send(graph, { recipient: "US.42", text: { body: "Hello" } });
    await graph.webhooks.idle();
    const [value] = received.flatMap(valuesOf);
    expect(value?.["contacts"]).toEqual([{ profile: { name: "Lin", username: "lin" }, user_id: "US.42" }]);
    expect(itemsOf(received, "messages")[0]).not.toHaveProperty("from");
    expect(itemsOf(received, "messages")[0]).toMatchObject({ from_user_id: "US.42" });
    for (const status of itemsOf(received, "statuses")) {
      expect(status).toMatchObject({ recipient_user_id: "US.42" });
      expect(status).not.toHaveProperty("recipient_id");
    }
    expect(received.map(({ raw }) => raw).join("")).not.toContain("wa_id");
  });

  test("under another number is told by the old one, with the change of id in its own post", async () => {
    const { graph, received } = openWebhook();
    const person = graph.person({ waId: "4915100000000", userId: "US.1" });
    person.changeNumber("4915199999999", "US.2");
    person.changeUserId("US.3");
    await graph.webhooks.idle();
    const [number, id] = itemsOf(received, "messages");
    expect(number).toMatchObject({
      from: "4915100000000",
      system: { type: "user_changed_number", wa_id: "4915199999999" },
    });
    expect(id).toMatchObject({ system: { type: "user_changed_user_id", user_id: "US.3" } });
    const rotations = received.flatMap(valuesOf).flatMap((value) => list(value["user_id_update"]));
    expect(rotations.map(({ user_id }) => user_id)).toEqual([
      { previous: "US.1", current: "US.2" },
      { previous: "US.2", current: "US.3" },
    ]);
    expect(JSON.stringify(received[1]?.event)).toContain('"field":"user_id_update"');
    expect((await say(graph, "4915100000000", "Old")).status).toBe(200);
    expect(JSON.stringify(graph.webhooks.posts.at(-1))).toContain("131026");
  });
});

describe("statuses", () => {
  test("follow a message, carry the application's own data, and read comes when the chat is opened", async () => {
    const { graph, received } = openWebhook();
    const person = graph.person({ waId: "4915100000000" });
    person.say("Hi");
    const own = { biz_opaque_callback_data: "outbox:7" };
    const id = idOf(await send(graph, { to: "4915100000000", text: { body: "Hello" }, ...own }));
    expect(person.chat.find(id)?.progress).toBe("delivered");
    person.read();
    await graph.webhooks.idle();
    const statuses = itemsOf(received, "statuses");
    expect(statuses.map(({ status }) => status)).toEqual(["sent", "delivered", "read"]);
    for (const status of statuses) expect(status).toMatchObject({ id, recipient_id: "4915100000000", ...own });
    expect(graph.view(person).messages.at(-1)?.progress).toBe("read");
  });

  test("can be told in any order, and failures by hand", async () => {
    const { graph, received } = openWebhook({ rules: { statuses: [] } });
    graph.person({ waId: "4915100000000" }).say("Hi");
    const id = idOf(await say(graph, "4915100000000", "Hello"));
    for (const status of ["read", "sent", "delivered"] as const) graph.tell(id, status);
    graph.tell(id, new GraphFailure(131047, "Too late."));
    graph.complain(new GraphFailure(130429, "Too many."));
    await graph.webhooks.idle();
    const statuses = itemsOf(received, "statuses");
    expect(statuses.map(({ status }) => status)).toEqual(["read", "sent", "delivered", "failed"]);
    expect(statuses.at(-1)?.["errors"]).toMatchObject([{ code: 131047, error_data: { details: "Too late." } }]);
    expect(received.flatMap(valuesOf).at(-1)?.["errors"]).toMatchObject([{ code: 130429 }]);
  });
});

test("a failure has no contact, and an id within the business only where the message was sent to that", async () => {
  const { graph, received } = openWebhook();
  const person = graph.person({ waId: "4915100000000", userId: "US.1" });
  person.leave();
  await say(graph, "4915100000000", "By number");
  await send(graph, { recipient: "US.1", text: { body: "By id" } });
  await graph.webhooks.idle();
  const [byNumber, byId] = itemsOf(received, "statuses");
  expect(received.flatMap(valuesOf).some((value) => "contacts" in value)).toBe(false);
  expect([byNumber?.["recipient_id"], byNumber?.["recipient_user_id"]]).toEqual(["4915100000000", undefined]);
  expect([byId?.["recipient_id"], byId?.["recipient_user_id"]]).toEqual([undefined, "US.1"]);
});

describe("delivery", () => {
  test("is tried again until the answer is 200, and what comes later is not held up", async () => {
    const { graph, received, answers } = openWebhook();
    answers.push(500, 200, 503, 202);
    const person = graph.person();
    person.say("First");
    person.say("Second");
    await graph.webhooks.idle();
    const bodies = itemsOf(received, "messages").map(({ text }) => record(text)["body"]);
    expect(bodies).toEqual(["First", "Second", "First", "First", "First"]);
    const first = graph.webhooks.attempts.filter(({ post }) => post === 0);
    expect(first.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 500],
      [2, 503],
      [3, 202],
      [4, 200],
    ]);
  });

  test("outlives a webhook that is not there", async () => {
    const { graph, received } = openWebhook();
    const url = graph.webhooks.url;
    graph.webhooks.url = "http://127.0.0.1:1/";
    graph.person().say("Is anybody there?");
    await graph.until(() => graph.webhooks.attempts.length >= 2);
    expect(graph.webhooks.attempts[0]?.status).toBeNull();
    graph.webhooks.url = url;
    await graph.webhooks.idle();
    expect(itemsOf(received, "messages")).toHaveLength(1);
  });

  test("gathers many events into a post", async () => {
    const { graph, received } = openWebhook();
    graph.webhooks.hold();
    const people = [graph.person(), graph.person()];
    for (let count = 0; count < 8; count += 1) people[count % 2]?.say(`${count}`);
    expect(received).toHaveLength(0);
    graph.webhooks.release({ perChange: 2, perEntry: 2, perPost: 2 });
    await graph.webhooks.idle();
    expect(received).toHaveLength(1);
    const entries = list(received[0]?.event["entry"]);
    expect(entries.map(({ changes }) => list(changes).length)).toEqual([2, 2]);
    expect(
      received.flatMap(valuesOf).map((value) => [list(value["messages"]).length, list(value["contacts"]).length]),
    ).toEqual(Array.from({ length: 4 }, () => [2, 2]));
    people[0]?.say("alone");
    await graph.webhooks.idle();
    expect(received).toHaveLength(2);
  });

  test("sends copies, shuffled, over several connections, and loses none", async () => {
    let seed = 1;
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const { graph, received } = openWebhook({ random });
    graph.webhooks.hold();
    const person = graph.person();
    const sent = Array.from({ length: 200 }, (_, count) => person.say(`${count}`));
    graph.webhooks.release({ perChange: 2, copies: 2, isShuffled: true, connections: 8 });
    await graph.webhooks.idle();
    const ids = itemsOf(received, "messages").map(({ id }) => id);
    expect(received).toHaveLength(200);
    expect(ids).toHaveLength(400);
    expect(new Set(ids)).toEqual(new Set<unknown>(sent));
    expect(ids.slice(0, 200)).not.toEqual(sent);
    const pairs = received.map((post) =>
      itemsOf([post], "messages").map(({ id }) => sent.findIndex((one) => one === id)),
    );
    expect(pairs.some(([one = 0, other = 0]) => other !== one + 1)).toBe(true);
    const order = graph.webhooks.attempts.map(({ post }) => post);
    const firstCopies = order.filter((post, at) => order.indexOf(post) === at);
    expect(new Set(order.slice(0, 100)).size).toBeLessThan(100);
    expect(firstCopies).toHaveLength(100);
  });

  test("keeps what it would post when there is nobody to post to", async () => {
    await using graph = new FakeGraph();
    graph.person().say("Hi");
    expect(graph.webhooks.posts).toHaveLength(1);
    await graph.webhooks.idle();
    expect(() => graph.webhooks.handshake()).toThrow("no webhook");
  });
});

test("the handshake tells a good webhook from one that knows another word", async () => {
  const { graph } = openWebhook();
  expect(await graph.webhooks.handshake()).toEqual({ status: 200, body: "1158201444", isGood: true });
  expect(await graph.webhooks.handshake("another word")).toEqual({ status: 403, body: "", isGood: false });
});
