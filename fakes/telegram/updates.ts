// The queue of updates: numbered, kept until confirmed, given to one poller or to the webhook.
import { conflict } from "./refusal.ts";
import type { Happening, Update } from "./wire.ts";

/** Without a list of its own a bot gets everything but reactions. */
const BY_DEFAULT = ["message", "edited_message", "callback_query", "my_chat_member"];
const KEPT_MS = 24 * 3_600_000;
const MAX_TIMEOUT_S = 50;
const MAX_LIMIT = 100;
/** TDLib's queue takes an offset for one of the future, and starts at its head, when it is so far beyond its tail. */
const FUTURE = 10;

export type PollQuery = {
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  readonly timeoutS?: number | undefined;
};
type Kept = { readonly update: Update; readonly atMs: number };

export class Updates {
  /** How updates that are given out together are ordered; change it to have them out of order. */
  order: (updates: readonly Update[]) => readonly Update[] = (updates) => updates;
  /** Called when there is something to give out. */
  onPush: () => void = () => {};
  readonly #nowMs: () => number;
  readonly #ever: Update[] = [];
  #pending: Kept[] = [];
  #again: Update[] = [];
  #allowed: readonly string[] = BY_DEFAULT;
  #nextId: number;
  #endPoll: (reason: Error) => void = () => {};
  #wakePoll: () => void = () => {};

  constructor(nowMs: () => number, firstId: number) {
    this.#nowMs = nowMs;
    this.#nextId = firstId;
  }

  /** Everything that was ever put in, oldest first. */
  get ever(): readonly Update[] {
    return this.#ever;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** An empty list means the default. What came before stays as it is. */
  allow(kinds: readonly string[] | undefined): void {
    if (kinds !== undefined) this.#allowed = kinds.length === 0 ? BY_DEFAULT : kinds;
  }

  /** Undefined when the bot did not ask for such. */
  push(happening: Happening): Update | undefined {
    if (!Object.keys(happening).some((kind) => this.#allowed.includes(kind))) return undefined;
    const update = { update_id: this.#nextId, ...happening };
    this.#nextId += 1;
    this.#ever.push(update);
    this.#pending.push({ update, atMs: this.#nowMs() });
    this.#wake();
    return update;
  }

  /** The next update has this number, as after a quiet week; it may be lower than the last. */
  jumpTo(updateId: number): void {
    this.#nextId = updateId;
  }

  /** Gives out again, once and whatever was confirmed; all of them unless chosen. */
  redeliver(which: (update: Update) => boolean = () => true): void {
    this.#again.push(...this.#ever.filter(which));
    this.#wake();
  }

  drop(): void {
    this.#pending = [];
    this.#again = [];
  }

  /** Waits up to the timeout for something to give. A second poller ends the first with a conflict. */
  async poll(query: PollQuery, signal: AbortSignal): Promise<readonly Update[]> {
    this.end(conflict("terminated by other getUpdates request; make sure that only one bot instance is running"));
    const ready = this.#take(query);
    const timeoutS = Math.min(query.timeoutS ?? 0, MAX_TIMEOUT_S);
    if (ready.length > 0 || timeoutS <= 0) return ready;
    const waiting = Promise.withResolvers<readonly Update[]>();
    const timer = setTimeout(() => waiting.resolve([]), timeoutS * 1_000);
    // Who is gone takes nothing with him.
    signal.addEventListener("abort", () => waiting.resolve([]), { once: true });
    this.#wakePoll = () => {
      const found = this.#take(query);
      if (found.length > 0) waiting.resolve(found);
    };
    const end = (reason: Error) => waiting.reject(reason);
    this.#endPoll = end;
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
      if (this.#endPoll === end) this.#forgetPoll();
    }
  }

  /** Ends the poll that waits. */
  end(reason: Error): void {
    const end = this.#endPoll;
    this.#forgetPoll();
    end(reason);
  }

  /** The next for the webhook; it stays until it is confirmed. */
  peek(): Update | undefined {
    return this.#again[0] ?? this.order(this.#pending.map(({ update }) => update))[0];
  }

  confirm(update: Update): void {
    if (this.#again[0] === update) this.#again.shift();
    else this.#pending = this.#pending.filter((kept) => kept.update !== update);
  }

  #take({ offset = 0, limit = MAX_LIMIT }: PollQuery): readonly Update[] {
    const from = offset < 0 ? this.#nextId + offset : offset;
    if (from <= this.#nextId + FUTURE) this.#pending = this.#pending.filter(({ update }) => update.update_id >= from);
    this.#pending = this.#pending.filter(({ atMs }) => atMs > this.#nowMs() - KEPT_MS);
    const most = Math.min(Math.max(limit, 1), MAX_LIMIT);
    const again = this.#again.splice(0, most);
    const fresh = this.#pending.slice(0, most - again.length).map(({ update }) => update);
    return this.order([...again, ...fresh]);
  }

  #wake(): void {
    this.#wakePoll();
    this.onPush();
  }

  #forgetPoll(): void {
    this.#endPoll = () => {};
    this.#wakePoll = () => {};
  }
}

/** An order for `Updates.order`, the same for the same seed. */
export function shuffled(seed: number): Updates["order"] {
  return (updates) =>
    updates
      .map((update, index) => ({ update, key: Bun.hash(`${seed}/${index}/${update.update_id}`) }))
      .toSorted((one, other) => (one.key < other.key ? -1 : 1))
      .map(({ update }) => update);
}
