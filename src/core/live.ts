// Events to browsers, as they happen: replay from a cursor, then the tail of the table.
import type { ServerWebSocket, WebSocketHandler } from "bun";
import { z } from "zod";
import type { Board } from "../shared/db.ts";
import { eventsAfter, latestSeq } from "../shared/events.ts";
import type { Log } from "../shared/log.ts";
import { parseJson } from "../shared/rows.ts";
import type { LiveFrame } from "../shared/types.ts";
import type { Auth } from "./auth.ts";

/** What a socket remembers. `sent` is null until it has shown who it is. */
export type Follower = {
  readonly cookies: string | null;
  sent: number | null;
  deadline: ReturnType<typeof setTimeout> | null;
};

export type Live = {
  readonly handler: WebSocketHandler<Follower>;
  /** Sends what is new in the table; cheap when nothing is. */
  readonly pump: () => void;
  readonly close: () => void;
};

const AUTH_WITHIN_MS = 2_000;
/** Events read at one time; one may be as large as a job's whole output. */
const BATCH = 100;
/** A client with more than this on its way waits, and only that client. */
const MAX_BUFFERED_BYTES = 2 ** 18;
/** The net under the nudges: rows of programs that do not nudge are seen this often. */
const POLL_MS = 500;
/** Close codes of our own (4000–4999 are free for applications, RFC 6455 §7.4.2). */
const CLOSE_UNPAIRED = 4401;

const FirstFrame = z.object({
  type: z.literal("auth"),
  key: z.string().max(200),
  after: z.number().int().min(0).default(0),
});

export function createLive(board: Board, auth: Auth, log: Log, port: () => number, version: string): Live {
  const followers = new Set<ServerWebSocket<Follower>>();
  let seen = board.read(latestSeq);

  const send = (socket: ServerWebSocket<Follower>, frame: LiveFrame) => void socket.send(JSON.stringify(frame));

  /** What is after the socket's cursor, in batches and at the client's pace, so that nobody holds up the rest. */
  const catchUp = (socket: ServerWebSocket<Follower>) => {
    const after = socket.data.sent;
    if (after === null || socket.readyState !== WebSocket.OPEN) return;
    const events = board.read((tx) => eventsAfter(tx, after, BATCH));
    for (const event of events) {
      // `drain` goes on from here.
      if (socket.getBufferedAmount() > MAX_BUFFERED_BYTES) return;
      send(socket, { type: "event", event });
      socket.data.sent = event.seq;
    }
    if (events.length === BATCH) setImmediate(() => catchUp(socket));
  };

  const pump = () => {
    const newest = board.read(latestSeq);
    if (newest === seen) return;
    seen = newest;
    for (const socket of followers) catchUp(socket);
  };

  const greet = (socket: ServerWebSocket<Follower>, message: string | Buffer) => {
    const frame = FirstFrame.safeParse(parseJson(String(message)));
    if (!frame.success || !auth.isAllowedKey(frame.data.key, socket.data.cookies, port())) {
      socket.close(CLOSE_UNPAIRED, "not paired");
      return;
    }
    if (socket.data.deadline !== null) clearTimeout(socket.data.deadline);
    const newest = board.read(latestSeq);
    // A cursor beyond the log is one of a longer log, before a restore.
    socket.data.sent = Math.min(frame.data.after, newest);
    send(socket, { type: "hello", seq: newest, version });
    catchUp(socket);
  };

  const handler: WebSocketHandler<Follower> = {
    maxPayloadLength: 64 * 1024,
    idleTimeout: 120,
    sendPings: true,
    open: (socket) => {
      followers.add(socket);
      socket.data.deadline = setTimeout(() => socket.close(CLOSE_UNPAIRED, "not paired"), AUTH_WITHIN_MS);
    },
    message: (socket, message) => {
      if (socket.data.sent === null) greet(socket, message);
    },
    drain: catchUp,
    close: (socket) => {
      if (socket.data.deadline !== null) clearTimeout(socket.data.deadline);
      followers.delete(socket);
    },
  };

  const stopPolling = pollForStrangers(board, pump);
  const close = () => {
    stopPolling();
    for (const socket of followers) socket.close(1001, "stopping");
  };
  log.debug("live-ready", { seq: seen });
  return { handler, pump, close };
}

/** Calls `onChange` within half a second of any other connection's commit. Returns what stops it. */
export function pollForStrangers(board: Board, onChange: () => void): () => void {
  let known = board.dataVersion();
  const poll = setInterval(() => {
    const current = board.dataVersion();
    if (current !== known) onChange();
    known = current;
  }, POLL_MS);
  return () => clearInterval(poll);
}
