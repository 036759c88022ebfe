// WhatsApp's people at the real door: whoever was let in stays let in under any of their ids, and hears what was held.
import { describe, expect, test } from "bun:test";
import { DeliveryError } from "../../../src/core/channels/channel.ts";
import { GraphFailure } from "../../../fakes/graph/failure.ts";
import { createDoor } from "../../../src/core/door.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import { beginDelivery, endAttempt, queueDelivery } from "../../../src/shared/deliveries.ts";
import { temporaryBoard } from "../../shared/temporary.ts";
import { never, NUMBER, openDesk, type WhatsAppDesk } from "./whatsapp_desk.ts";

/** What is posted goes to a board from now on; Ada owns the bot. */
async function openHouse(desk: WhatsAppDesk) {
  const place = temporaryBoard();
  const { board } = place;
  const { channel, clock, graph, ada } = desk;
  const channels = new Map([[`whatsapp:${channel.account}`, channel]]);
  const nothing = () => undefined;
  const door = createDoor({ board, channels, now: clock.now, onAdmitted: nothing, onHealth: nothing }, channel);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => (await channel.webhook?.receive(request, door)) ?? new Response(null, { status: 404 }),
  });
  graph.webhooks.url = `${server.url}whatsapp`;
  const person = ada.identity.userId ?? "";
  await board.write((tx) =>
    setStanding(tx, { channel: "whatsapp", account: channel.account, person, standing: "owner" }, 0),
  );
  return {
    ...place,
    /** Of those who were let in, what was said; of others nothing. */
    kept: () =>
      place.rows("SELECT body FROM arrivals WHERE body IS NOT NULL ORDER BY seq").map(({ body }) => String(body)),
    /** As the outbox does with what is queued. */
    send: async (id: string) => {
      const operation = { kind: "text", text: id, plain: id, buttons: [] } as const;
      await beginDelivery(board, id);
      const platformId = await channel.deliver(desk.order(operation, { id }), never);
      await endAttempt(board, id, { outcome: "sent", platformId }, clock.now());
      return platformId;
    },
    /** As the outbox does. */
    say: async (id: string) => {
      const known = place.rows("SELECT id FROM chats")[0]?.["id"];
      const chatId = typeof known === "string" ? known : `whatsapp:${channel.account}:x`;
      const operation = { kind: "text", text: id, plain: id, buttons: [] } as const;
      await board.write((tx) => queueDelivery(tx, { id, chatId, operation }, clock.now()));
      await beginDelivery(board, id);
      const platformId = await channel.deliver(desk.order(operation, { id }), never);
      await endAttempt(board, id, { outcome: "sent", platformId }, clock.now());
      return platformId;
    },
    stateOf: (id: string) => place.rows("SELECT state, receipt FROM deliveries WHERE id = ?", id)[0],
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      place[Symbol.dispose]();
    },
  };
}

test("the owner is the owner by number, by user id, and after either of them changed", async () => {
  await using desk = await openDesk();
  await using house = await openHouse(desk);
  const { ada, graph } = desk;
  const deeds = [
    () => ada.say("One"),
    () => ada.changeNumber("4915199999999"),
    () => ada.say("Two"),
    () => ada.changeUserId(),
    () => ada.say("Three"),
    () => {
      ada.identity = { ...ada.identity, waId: null };
      ada.say("Four");
    },
  ];
  for (const deed of deeds) {
    deed();
    await graph.webhooks.idle();
  }
  expect(house.kept().map((body) => /One|Two|Three|Four/.exec(body)?.[0])).toEqual(["One", "Two", "Three", "Four"]);
  expect(house.value("SELECT count(*) FROM contacts")).toBe(1);
});

test("of a stranger nothing is kept but the id", async () => {
  await using desk = await openDesk();
  await using house = await openHouse(desk);
  desk.graph.person({ waId: null, userId: "US.666" }).say("Let me in");
  await desk.graph.webhooks.idle();
  expect(house.value("SELECT count(*) FROM arrivals")).toBe(0);
  expect(house.rows("SELECT person, standing FROM contacts ORDER BY created_at DESC")[0]).toEqual({
    person: "US.666",
    standing: "asking",
  });
});

test("the most that was told of a message counts, in whatever order", async () => {
  await using desk = await openDesk({ rules: { statuses: [] } });
  await using house = await openHouse(desk);
  const id = await house.say("job:1:0");
  for (const status of ["read", "sent", "delivered"] as const) {
    desk.graph.tell(id, status);
    await desk.graph.webhooks.idle();
  }
  expect(house.stateOf("job:1:0")).toEqual({ state: "sent", receipt: "read" });
});

test("what came too late for the window is held until the person writes", async () => {
  await using desk = await openDesk();
  await using house = await openHouse(desk);
  desk.ada.say("Graph this");
  await desk.graph.webhooks.idle();
  desk.clock.advance(25 * 3_600_000);
  // The status comes after the answer.
  desk.graph.webhooks.hold();
  await house.say("job:1:0");
  desk.graph.webhooks.release();
  await desk.graph.webhooks.idle();
  expect(house.stateOf("job:1:0")).toEqual({ state: "held", receipt: null });
  desk.ada.say("Well?");
  await desk.graph.webhooks.idle();
  expect(house.stateOf("job:1:0")).toEqual({ state: "ready", receipt: null });
});

test("that a message failed is heard once, and what is told of it afterwards changes nothing", async () => {
  await using desk = await openDesk({ rules: { statuses: [] } });
  await using house = await openHouse(desk);
  const { channel, clock } = desk;
  const door = createDoor(
    { board: house.board, channels: new Map(), now: clock.now, onAdmitted: () => undefined, onHealth: () => undefined },
    channel,
  );
  const first = await house.say("job:1:0");
  const told = (status: "sent" | "failed", platformId: string) => ({
    delivery: "job:1:0",
    platformId,
    status,
    error: status === "failed" ? new DeliveryError("not_sent", "Too many.", { retryAfterMs: 10.5 }) : null,
  });
  await door.admit([], [told("failed", first)]);
  expect(house.stateOf("job:1:0")?.["state"]).toBe("ready");
  await door.admit([], [told("sent", first)]);
  expect(house.stateOf("job:1:0")?.["state"]).toBe("ready");
  await beginDelivery(house.board, "job:1:0");
  await endAttempt(house.board, "job:1:0", { outcome: "sent", platformId: "second" }, clock.now());
  await door.admit([], [told("failed", first)]);
  expect(house.stateOf("job:1:0")?.["state"]).toBe("sent");
});

test("who was sent what the platform could not deliver after all is told so, once", async () => {
  await using desk = await openDesk({ rules: { statuses: [] } });
  await using house = await openHouse(desk);
  desk.ada.say("Graph this");
  await desk.graph.webhooks.idle();
  const first = await house.say("job:1:0");
  const told = () => house.rows("SELECT id, operation FROM deliveries WHERE id LIKE 'sorry:%'");
  desk.graph.tell(first, new GraphFailure(131_053, "The file could not be read"));
  await desk.graph.webhooks.idle();
  expect(house.stateOf("job:1:0")?.["state"]).toBe("failed");
  expect(told().length).toBe(1);
  expect(JSON.stringify(told())).toContain("could not be delivered here");
  const second = await house.send(String(told()[0]?.["id"]));
  desk.graph.tell(second, new GraphFailure(131_026, "Gone"));
  await desk.graph.webhooks.idle();
  expect(told().length).toBe(1);
});

test("a message whose answer was lost is known by its status", async () => {
  await using desk = await openDesk();
  await using house = await openHouse(desk);
  desk.graph.faults.add({ call: "messages", kind: "drop-after-effect" });
  await house.say("job:1:0").catch(() => undefined);
  await desk.graph.webhooks.idle();
  expect(house.stateOf("job:1:0")).toEqual({ state: "sent", receipt: "delivered" });
  expect(desk.seen().length).toBe(1);
});

describe("a number that changes hands", () => {
  test("leaves its person in the same chat, and what was held there is said", async () => {
    await using desk = await openDesk();
    await using house = await openHouse(desk);
    const { ada, graph, clock } = desk;
    ada.say("One");
    await graph.webhooks.idle();
    clock.advance(25 * 3_600_000);
    await house.say("job:1:0");
    await graph.webhooks.idle();
    expect(house.stateOf("job:1:0")?.["state"]).toBe("held");
    ada.changeNumber("4915199999999");
    ada.say("Two");
    await graph.webhooks.idle();
    expect(house.stateOf("job:1:0")?.["state"]).toBe("ready");
    expect(house.rows("SELECT chat, person FROM chats")).toEqual([
      { chat: "to:4915199999999", person: ada.identity.userId },
    ]);
  });

  test("lets nobody else in: neither with an id of their own nor without", async () => {
    await using desk = await openDesk();
    await using house = await openHouse(desk);
    const { ada, graph } = desk;
    ada.say("One");
    ada.changeNumber("4915199999999");
    await graph.webhooks.idle();
    graph.person({ waId: NUMBER, userId: null }).say("Two");
    await graph.webhooks.idle();
    expect(house.kept().at(-1)).toContain("One");
    expect(house.value("SELECT standing FROM contacts WHERE person = ?", NUMBER)).toBe("asking");
  });

  test("lets nobody else in, even if nobody told us of the change", async () => {
    await using desk = await openDesk();
    await using house = await openHouse(desk);
    const { ada, graph } = desk;
    ada.say("One");
    await graph.webhooks.idle();
    for (const userId of ["US.666", null]) {
      graph.person({ waId: NUMBER, userId }).say("Two");
      await graph.webhooks.idle();
      expect(house.kept().at(-1)).toContain("One");
    }
    // Nothing of hers goes there any more, until it is known where she is.
    expect(house.value("SELECT chat FROM chats")).toBe("");
    ada.identity = { ...ada.identity, waId: "4915199999999" };
    ada.say("Three");
    await graph.webhooks.idle();
    expect(house.kept().at(-1)).toContain("Three");
    expect(house.value("SELECT chat FROM chats")).toBe("to:4915199999999");
  });

  test("is no chat of its own when it is not told any more", async () => {
    await using desk = await openDesk();
    await using house = await openHouse(desk);
    const { ada, graph } = desk;
    ada.say("One");
    await graph.webhooks.idle();
    ada.identity = { ...ada.identity, waId: null };
    ada.say("Two");
    await graph.webhooks.idle();
    expect(house.rows("SELECT chat FROM chats")).toEqual([{ chat: `recipient:${ada.identity.userId}` }]);
    expect(house.value("SELECT count(DISTINCT chat_id) FROM arrivals")).toBe(1);
  });

  test("is the weaker id: who was known by it alone is known by their own from the day it is told", async () => {
    await using desk = await openDesk();
    await using house = await openHouse(desk);
    const { graph } = desk;
    const bob = graph.person({ waId: "4917000000000", userId: null });
    const account = { channel: "whatsapp", account: desk.channel.account };
    await house.board.write((tx) => setStanding(tx, { ...account, person: "4917000000000", standing: "allowed" }, 0));
    bob.say("One");
    await graph.webhooks.idle();
    bob.identity = { ...bob.identity, userId: "US.7" };
    bob.say("Two");
    await graph.webhooks.idle();
    graph.person({ waId: "4917000000000", userId: "US.666" }).say("Three");
    await graph.webhooks.idle();
    expect(house.kept().map((body) => /One|Two|Three/.exec(body)?.[0])).toEqual(["One", "Two"]);
    expect(house.rows("SELECT person FROM chats")).toEqual([{ person: "US.7" }]);
  });
});
