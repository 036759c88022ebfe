// WhatsApp's people at the real door: whoever was let in stays let in under any of their ids, and hears what was held.
import { expect, test } from "bun:test";
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
    kept: () => place.rows("SELECT body FROM arrivals ORDER BY seq").map(({ body }) => String(body)),
    /** As the outbox does. */
    say: async (id: string) => {
      const chatId = `whatsapp:${channel.account}:to:${NUMBER}`;
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
  expect(house.kept()).toEqual(["null"]);
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

test("a message whose answer was lost is known by its status", async () => {
  await using desk = await openDesk();
  await using house = await openHouse(desk);
  desk.graph.faults.add({ call: "messages", kind: "drop-after-effect" });
  await house.say("job:1:0").catch(() => undefined);
  await desk.graph.webhooks.idle();
  expect(house.stateOf("job:1:0")).toEqual({ state: "sent", receipt: "delivered" });
  expect(desk.seen().length).toBe(1);
});
