// The wake-up between core and worker: one byte says "look at the table". It is a hint; the table is the truth.
import { rmSync } from "node:fs";
import { relative } from "node:path";
import type { Socket } from "bun";

export type Nudge = {
  /** Wakes every process at the other end. Never fails: the poll is the safety net. */
  readonly send: () => void;
  readonly isConnected: () => boolean;
  readonly close: () => void;
};

/** A socket's path may have 107 bytes at most (sun_path), so the shorter of absolute and relative is used. */
function socketPath(dataDir: string): string {
  const absolute = `${dataDir}/nudge.sock`;
  const short = relative(process.cwd(), absolute);
  return short.length < absolute.length ? short : absolute;
}

type Peer = Socket<{ workerId: string | null }>;

/** Core's end: workers connect to it and say who they are. `onLost`: that worker's line was cut, it may be dead. */
export function listenForNudges(dataDir: string, onNudge: () => void, onLost: (workerId: string) => void): Nudge {
  const path = socketPath(dataDir);
  rmSync(path, { force: true });
  const peers = new Set<Peer>();
  const lose = (peer: Peer) => {
    peers.delete(peer);
    if (peer.data.workerId !== null) onLost(peer.data.workerId);
    peer.data.workerId = null;
  };
  const server = Bun.listen<{ workerId: string | null }>({
    unix: path,
    socket: {
      open: (peer) => {
        peer.data = { workerId: null };
        peers.add(peer);
      },
      data: (peer, bytes) => {
        // The first thing that a worker writes, a few dozen bytes, arrives in one piece on a local socket.
        peer.data.workerId ??= HELLO.exec(bytes.toString())?.[1] ?? null;
        onNudge();
      },
      close: lose,
      error: lose,
    },
  });
  return {
    send: oncePerTurn(() => peers.forEach((peer) => peer.write("!"))),
    isConnected: () => peers.size > 0,
    close: () => server.stop(true),
  };
}

const HELLO = /^worker ([\w-]{1,100})\n/;
const RECONNECT_MS = 250;

/** The worker's end: connects, and connects again whenever core comes back. */
export function connectNudge(dataDir: string, workerId: string, onNudge: () => void, signal: AbortSignal): Nudge {
  let peer: Socket | null = null;
  const lose = () => {
    peer = null;
    if (!signal.aborted) setTimeout(connect, RECONNECT_MS).unref();
  };
  const open = (socket: Socket) => {
    socket.write(`worker ${workerId}\n`);
    peer = socket;
  };
  const connect = () => {
    if (signal.aborted) return;
    const socket = { open, data: onNudge, close: lose, error: () => undefined };
    Bun.connect({ unix: socketPath(dataDir), socket }).then(onNudge, lose);
  };
  connect();
  return { send: oncePerTurn(() => void peer?.write("!")), isConnected: () => peer !== null, close: () => peer?.end() };
}

/** What many ask for in one turn of the event loop is done once, at its end. */
function oncePerTurn(action: () => void): () => void {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    setImmediate(() => {
      isAsked = false;
      action();
    });
  };
}
