// How often WhatsApp wants to hear from us about one person.
import type { Clock } from "../../../shared/clock.ts";
import { PAIR_MS } from "./failure.ts";

const BURST = 2;
const TYPING_MS = 20_000;
/** Beyond this what is over is forgotten. */
const MOST_KEPT = 1_000;

/** A message every six seconds to the same person, two at once. */
export class Pairs {
  readonly #clock: Clock;
  /** When a chat may have its whole burst again. */
  readonly #fullAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long this chat has to be left alone (ms); 0: a message may go. */
  waitMs(chat: string): number {
    const now = this.#clock.monotonic();
    return Math.max(0, (this.#fullAt.get(chat) ?? now) - now - (BURST - 1) * PAIR_MS);
  }

  /** A message goes. */
  count(chat: string): void {
    const now = this.#clock.monotonic();
    forget(this.#fullAt, now);
    this.#fullAt.set(chat, Math.max(this.#fullAt.get(chat) ?? now, now) + PAIR_MS);
  }
}

/** The indicator stays for 25 s: it is lit for each message once, and then again every 20 s for the chat. */
export class Typing {
  readonly #clock: Clock;
  /** By chat, and by the message that it was lit for: until when that is enough. */
  readonly #enoughUntil = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True: light it, and it is noted. */
  isDue(chat: string, messageId: string): boolean {
    const now = this.#clock.monotonic();
    const keys = [`${chat} ${messageId}`, chat];
    const isSeen = this.#enoughUntil.has(keys[0] ?? "");
    if (isSeen && (this.#enoughUntil.get(chat) ?? 0) > now) return false;
    forget(this.#enoughUntil, now);
    for (const key of keys) this.#enoughUntil.set(key, now + TYPING_MS);
    return true;
  }
}

function forget(until: Map<string, number>, now: number): void {
  if (until.size < MOST_KEPT) return;
  for (const [key, at] of until) if (at <= now) until.delete(key);
}
