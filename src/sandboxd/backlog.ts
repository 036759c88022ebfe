// What the clients of one sandbox have asked to hear and do not read, bounded for all of them together.
import { LIMITS } from "./limits.ts";
import type { Channel } from "./room/channel.ts";

/** The stream of one client. */
export type Follower = { readonly unreadBytes: number; readonly drop: () => void };

const followers = new WeakMap<Channel, Set<Follower>>();

/** After each message to `one`: when too much waits, whoever reads least loses its stream. */
export function boundBacklog(channel: Channel, one: Follower): void {
  // Most read at once, and need not be counted.
  if (one.unreadBytes < LIMITS.frameBodyBytes) return;
  const all = followers.get(channel) ?? new Set();
  followers.set(channel, all.add(one));
  for (const other of all) if (other.unreadBytes === 0) all.delete(other);
  const [most] = [...all].toSorted((a, b) => b.unreadBytes - a.unreadBytes);
  const bytes = [...all].reduce((sum, { unreadBytes }) => sum + unreadBytes, 0);
  if (bytes <= LIMITS.unreadTotalBytes || most === undefined) return;
  all.delete(most);
  most.drop();
}

/** Of a stream that counts bytes and wants none ahead. */
export function unreadOf(controller: ReadableStreamDefaultController<Uint8Array>): number {
  return Math.max(0, -(controller.desiredSize ?? 0));
}
