// How much a bot may write: in the measure of a public bot, for those who switch it on.
import type { Room } from "./chats.ts";
import { tooManyRequests } from "./refusal.ts";

/** A bucket holds `most` messages and gains one each `everyMs`. Edits count like messages. */
type Measure = { readonly most: number; readonly everyMs: number };

/** https://core.telegram.org/bots/faq#my-bot-is-hitting-limits: one a second in a chat (short bursts may pass), 20 a minute
 * in a group, 30 a second in all. */
const PRIVATE: Measure = { most: 3, everyMs: 1_000 };
const GROUP: Measure = { most: 20, everyMs: 3_000 };
const ALL: Measure = { most: 30, everyMs: 1_000 / 30 };

type Bucket = { level: number; atMs: number; refusedUntilMs: number };

export class Limits {
  isOn: boolean;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<Measure | Room, Bucket>();

  constructor(nowMs: () => number, isOn: boolean) {
    this.#nowMs = nowMs;
    this.isOn = isOn;
  }

  /** Counts `messages` for this chat; throws the service's 429 when that is too much. */
  count(room: Room, messages = 1): void {
    if (!this.isOn) return;
    const own = room.chat.type === "private" ? PRIVATE : GROUP;
    const waitMs = Math.max(this.#waitMs(room, own), this.#waitMs(ALL, ALL));
    if (waitMs > 0) throw tooManyRequests(Math.ceil(waitMs / 1_000));
    for (const key of [room, ALL]) {
      const bucket = this.#buckets.get(key);
      if (bucket !== undefined) bucket.level -= messages;
    }
  }

  /** How long until there is room; who asks too early is told the same moment again. */
  #waitMs(key: Measure | Room, { most, everyMs }: Measure): number {
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(key) ?? { level: most, atMs: nowMs, refusedUntilMs: 0 };
    this.#buckets.set(key, bucket);
    bucket.level = Math.min(most, bucket.level + (nowMs - bucket.atMs) / everyMs);
    bucket.atMs = nowMs;
    if (bucket.level < 1 && bucket.refusedUntilMs <= nowMs)
      bucket.refusedUntilMs = nowMs + Math.ceil(((1 - bucket.level) * everyMs) / 1_000) * 1_000;
    return Math.max(0, bucket.refusedUntilMs - nowMs);
  }
}
