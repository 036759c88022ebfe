// The WhatsApp adapter between a fake of the Cloud API and a door of the test's own, over the wire both ways.
import { join } from "node:path";
import { DEFAULT_ACCOUNT } from "../../../fakes/graph/account.ts";
import { FakeGraph, type FakeGraphOptions } from "../../../fakes/graph/server.ts";
import {
  DeliveryError,
  type Arrival,
  type Channel,
  type Door,
  type Health,
  type IncomingFile,
  type Order,
  type Receipt,
} from "../../../src/core/channels/channel.ts";
import type { Operation } from "../../../src/core/channels/operation.ts";
import { openWhatsApp, type Surroundings } from "../../../src/core/channels/whatsapp/whatsapp.ts";
import { createLog } from "../../../src/shared/log.ts";
import { png, stoppedClock } from "../../fakes/graph_client.ts";
import { rejectionOf, temporaryFolder } from "../../shared/temporary.ts";

export const NUMBER = "4915112345678";
export const never = new AbortController().signal;

export type WhatsAppDesk = Awaited<ReturnType<typeof openDesk>>;

/** Ada has written, so that she may be answered. The clock stands still. */
export async function openDesk(options: FakeGraphOptions = {}, surroundings: Partial<Surroundings> = {}) {
  const clock = stoppedClock();
  const lines: string[] = [];
  const log = createLog("core", "debug", (line) => void lines.push(line));
  const graph = new FakeGraph({ now: clock.now, retryMs: [1], ...options });
  const { token, phoneNumberId: phoneId, appSecret, verifyToken } = DEFAULT_ACCOUNT;
  const settings = { token, phoneId, appSecret, verifyToken, apiUrl: graph.url };
  const channel = await openWhatsApp(settings, log, { now: clock.now, monotonic: clock.now }, surroundings);
  const folder = temporaryFolder();
  await Bun.write(join(folder.path, "chart.png"), png());
  await Bun.write(join(folder.path, "table.csv"), "a,b\n1,2\n");
  const door = openDoor();
  const server = serve(channel, door);
  graph.webhooks.url = `${server.url}whatsapp`;
  const ada = graph.person({ name: "Ada", waId: NUMBER });
  ada.say("Hello");
  await graph.webhooks.idle();
  door.clear();
  return {
    graph,
    channel,
    clock,
    lines,
    settings,
    folder: folder.path,
    door,
    ada,
    order: (operation: Operation, more: Partial<Order> = {}) => orderOf(folder.path, operation, more),
    /** What Ada's phone shows of ours. */
    seen: () => graph.view(ada).messages.filter(({ from }) => from === "business"),
    callsOf: (name: string) => graph.calls.filter(({ call }) => call === name),
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      await graph[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** A door that keeps what is let in, each event once, as the real one does. */
export function openDoor() {
  const arrivals = new Map<string, Arrival>();
  const receipts: Receipt[] = [];
  const states: Health[] = [];
  const troubles: Error[] = [];
  let told = Promise.withResolvers<void>();
  const door: Door = {
    admit: async (some, ofOurs = []) => {
      const trouble = troubles.shift();
      if (trouble !== undefined) throw trouble;
      for (const arrival of some) arrivals.set(arrival.eventId, arrival);
      receipts.push(...ofOurs);
    },
    tell: (health) => {
      states.push(health);
      told.resolve();
      told = Promise.withResolvers<void>();
    },
  };
  return {
    ...door,
    receipts,
    states,
    troubles,
    get arrivals() {
      return [...arrivals.values()];
    },
    get texts() {
      return [...arrivals.values()].flatMap(({ event }) => (event.kind === "message" ? [event.text] : []));
    },
    get files(): IncomingFile[] {
      return [...arrivals.values()].flatMap(({ event }) => (event.kind === "message" ? [...event.files] : []));
    },
    /** Resolves when so many states were told. */
    untilTold: async (count: number) => {
      while (states.length < count) await told.promise;
    },
    clear: () => {
      arrivals.clear();
      receipts.length = 0;
    },
  };
}

function serve(channel: Channel, door: Door) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => (await channel.webhook?.receive(request, door)) ?? new Response(null, { status: 404 }),
  });
}

function orderOf(folder: string, operation: Operation, more: Partial<Order>): Order {
  return {
    id: "job:1:0",
    chat: `to:${NUMBER}`,
    operation,
    placed: null,
    isUnresolved: false,
    fileOf: (name) => {
      const path = join(folder, name);
      const mediaType = name.endsWith(".png") ? "image/png" : "text/csv";
      return { path, name, mediaType, bytes: Bun.file(path).size };
    },
    onPlaced: () => Promise.reject(new Error("Nothing is placed beforehand on WhatsApp.")),
    ...more,
  };
}

/** The error with which it fails. Throws when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<DeliveryError> {
  const thrown = await rejectionOf(promise);
  if (!(thrown instanceof DeliveryError)) throw new Error(`It did not fail as it should: ${String(thrown)}`);
  return thrown;
}
