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

/** Core's end: workers connect to it. */
export function listenForNudges(dataDir: string, onNudge: () => void): Nudge {
  const path = socketPath(dataDir);
  rmSync(path, { force: true });
  const peers = new Set<Socket>();
  const server = Bun.listen({
    unix: path,
    socket: {
      open: (socket) => void peers.add(socket),
      close: (socket) => void peers.delete(socket),
      error: (socket) => void peers.delete(socket),
      data: onNudge,
    },
  });
  return {
    send: () => peers.forEach((peer) => peer.write("!")),
    isConnected: () => peers.size > 0,
    close: () => server.stop(true),
  };
}

const RECONNECT_MS = 250;

/** The worker's end: connects, and connects again whenever core comes back. */
export function connectNudge(dataDir: string, onNudge: () => void, signal: AbortSignal): Nudge {
  let peer: Socket | null = null;
  const lose = () => {
    peer = null;
    if (!signal.aborted) setTimeout(connect, RECONNECT_MS).unref();
  };
  const connect = () => {
    if (signal.aborted) return;
    const socket = { open: (one: Socket) => void (peer = one), data: onNudge, close: lose, error: () => undefined };
    Bun.connect({ unix: socketPath(dataDir), socket }).then(onNudge, lose);
  };
  connect();
  return { send: () => void peer?.write("!"), isConnected: () => peer !== null, close: () => peer?.end() };
}
