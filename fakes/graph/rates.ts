// How fast the service lets an application send.

/** One message every `everyMs`, `burst` of them at once. */
export type Rate = { readonly everyMs: number; readonly burst: number };

/** To one person: a message every six seconds, without a burst. What the real one lets through at once is not written down. */
export const STRICT_PAIR_RATE: Rate = { everyMs: 6_000, burst: 1 };
/** From memory: 45 at once, to be paid back. */
export const BURST_PAIR_RATE: Rate = { everyMs: 6_000, burst: 45 };
/** A number before its upgrade: 80 a second. */
export const NUMBER_RATE: Rate = { everyMs: 12.5, burst: 80 };

/** Buckets by key, filled by the clock. */
export class Buckets {
  /** When the bucket of a key is full again. */
  readonly #fullAt = new Map<string, number>();

  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** False, and nothing is taken, if the bucket is empty. No rate, no limit. */
  take(key: string, rate: Rate | null): boolean {
    if (rate === null) return true;
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now) + rate.everyMs;
    if (fullAt - now > rate.everyMs * rate.burst) return false;
    this.#fullAt.set(key, fullAt);
    return true;
  }
}
