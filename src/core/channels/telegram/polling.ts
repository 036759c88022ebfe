// Asks for updates, and confirms them only once they are kept. No place is remembered: after a start Telegram still has
// what nobody confirmed, and its numbers may begin anew.
import { z } from "zod";
import type { Log } from "../../../shared/log.ts";
import type { Door, Health } from "../channel.ts";
import type { Client, Timing } from "./client.ts";
import { isAbout, refusalOf } from "./failure.ts";
import { arrivalOf, KINDS, Numbered } from "./updates.ts";

export type Listening = {
  readonly client: Client;
  readonly timing: Timing;
  readonly log: Log;
  readonly username: string;
};

/** The service's longest. */
const POLL_S = 50;
const BATCH = 100;
/** Beyond its time a poll is given up: a connection may be dead without saying so. */
const STALL_MS = 40_000;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
const CONFLICT_MS = 5_000;
/** Two requests a time. */
const HOOKED_MS = 12_000;
const CALL_MS = 10_000;
/** Whoever is refused does not ask again and again; but a service in trouble refuses, too. */
export const REFUSED_MS = 300_000;

/** Until the signal aborts. */
export async function poll(listening: Listening, door: Door, signal: AbortSignal): Promise<void> {
  const poll = new Poll(listening, door, signal);
  while (!signal.aborted) {
    const waitMs = await poll.turn();
    if (waitMs > 0) await listening.timing.pause(waitMs, signal);
  }
}

class Poll {
  readonly #listening: Listening;
  readonly #door: Door;
  readonly #signal: AbortSignal;
  readonly #backoff: () => number;
  #failures = 0;
  #offset: number | null = null;
  #batch = "";
  #told = "";

  constructor(listening: Listening, door: Door, signal: AbortSignal) {
    this.#listening = listening;
    this.#door = door;
    this.#signal = signal;
    this.#backoff = () => {
      this.#failures += 1;
      return backoff(this.#failures, listening.timing.random);
    };
  }

  /** One question; how long to wait before the next. */
  async turn(): Promise<number> {
    let updates: z.infer<typeof Numbered>[];
    try {
      updates = await this.#ask();
    } catch (error) {
      return this.#signal.aborted ? 0 : this.#explain(error);
    }
    try {
      const arrivals = updates.flatMap((update) => arrivalOf(update) ?? []);
      if (arrivals.length > 0) await this.#door.admit(arrivals);
    } catch (error) {
      this.#listening.log.error("arrivals-not-kept", { channel: "telegram", error });
      this.#tell("down", "What people write cannot be kept at the moment; Telegram holds it until it can.");
      return this.#backoff();
    }
    this.#tell("up", `@${this.#listening.username}`);
    return this.#confirm(updates.map((update) => update.update_id));
  }

  async #ask(): Promise<z.infer<typeof Numbered>[]> {
    // The first answer comes at once, so that it is known that there are answers.
    const timeout = this.#told.startsWith("up") ? POLL_S : 0;
    const payload = {
      ...(this.#offset !== null && { offset: this.#offset }),
      limit: BATCH,
      timeout,
      allowed_updates: KINDS,
    };
    const limits = { timeoutMs: timeout * 1_000 + STALL_MS, signal: this.#signal };
    return this.#listening.client.ask(z.array(Numbered), limits, (api) => api.getUpdates(payload));
  }

  /** With the next question they are forgotten there. Of this batch alone: numbers may jump down. */
  #confirm(numbers: readonly number[]): number {
    this.#failures = 0;
    if (numbers.length === 0) return 0;
    this.#offset = Math.max(...numbers) + 1;
    const batch = numbers.join();
    const isSameAgain = batch === this.#batch;
    this.#batch = batch;
    // Whoever is given the same again although it was confirmed must not ask in circles.
    return isSameAgain ? FIRST_PAUSE_MS : 0;
  }

  async #explain(thrown: unknown): Promise<number> {
    const error = this.#listening.client.toError(thrown);
    if (error.failure === "auth") {
      this.#tell("refused", REFUSED);
      return REFUSED_MS;
    }
    if (isAbout(error, /webhook is active/i)) return this.#takeOver();
    this.#listening.log.warn("poll-failed", { channel: "telegram", error });
    if (refusalOf(error)?.status === 409) {
      this.#tell("down", "Another program asks Telegram for this bot's messages; stop it, there can be only one.");
      return CONFLICT_MS;
    }
    const waitMs = this.#backoff();
    if (error.retryAfterMs !== null) {
      this.#tell("down", error.message);
      return error.retryAfterMs;
    }
    this.#tell("down", "Telegram cannot be reached; it is tried again until it answers.");
    return waitMs;
  }

  /** Nobody set a webhook in our settings, so it is left over. Nothing that waits there is dropped. */
  async #takeOver(): Promise<number> {
    const isAgain = this.#failures > 0;
    const waitMs = this.#backoff();
    try {
      await this.#listening.client.ask(z.unknown(), { timeoutMs: CALL_MS, signal: this.#signal }, (api) =>
        api.deleteWebhook({ drop_pending_updates: false }),
      );
    } catch (error) {
      if (!this.#signal.aborted) this.#listening.log.warn("webhook-not-deleted", { channel: "telegram", error });
      return Math.max(waitMs, HOOKED_MS);
    }
    if (!isAgain) return 0;
    this.#tell("down", "Something sets a webhook for this bot again and again; stop it, or set it up here.");
    return HOOKED_MS;
  }

  #tell(state: Health["state"], detail: string): void {
    if (this.#told === `${state} ${detail}`) return;
    this.#told = `${state} ${detail}`;
    this.#door.tell({ state, detail });
  }
}

export const REFUSED =
  "Telegram does not know this bot's token. Ask @BotFather for one and put it into SANDPIPER_TELEGRAM_TOKEN.";

export const backoff = (failures: number, random: () => number): number =>
  Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.75 + 0.25 * random());
