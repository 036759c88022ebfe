// Rooms in reserve, with numpy, pandas and matplotlib already imported, so that a new sandbox is there at once.
import { freemem } from "node:os";
import { toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { LIMITS } from "./limits.ts";
import type { Rooms } from "./rooms.ts";
import type { Quarters } from "./sandboxes.ts";

export type PoolOptions = {
  readonly rooms: Rooms;
  /** Off: every room is made when it is asked for. */
  readonly isKept: boolean;
  readonly log: Log;
};

export class Pool {
  readonly #options: PoolOptions;
  /** The oldest first; the last one may still be in the making. */
  #waiting: Promise<Quarters>[] = [];
  #isFilling = false;
  #refill: Timer | undefined;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Makes one after the other, as many as the machine has room for. */
  fill(): void {
    if (!this.#options.isKept || this.#isClosed || this.#isFilling || this.#waiting.length >= this.#size()) return;
    this.#isFilling = true;
    void this.#add();
  }

  async #add(): Promise<void> {
    const made = this.#options.rooms.make();
    this.#waiting.push(made);
    try {
      this.#keep(made, await made);
      this.#isFilling = false;
      this.fill();
    } catch (error) {
      this.#forget(made);
      this.#isFilling = false;
      this.#options.log.error("spare-failed", { error: toAppError(error).message });
    }
  }

  /** One of the reserve, also while it is still being made, or a new one. Throws AppError `unavailable`. */
  async take(): Promise<Quarters> {
    const spare = this.#waiting.shift();
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.fill(), LIMITS.refillMs);
    return await (spare ?? this.#options.rooms.make());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#refill);
    const waiting = this.#waiting.splice(0);
    await Promise.all(
      waiting.map(async (one) => {
        const quarters = await one.catch(() => null);
        await quarters?.room.close(new Error("The server is stopping."));
      }),
    );
  }

  /** What a room costs depends on how it is made. */
  #size(): number {
    const { isFast } = this.#options.rooms;
    const cost = isFast ? LIMITS.forkedRoomBytes : LIMITS.startedRoomBytes;
    const most = isFast ? LIMITS.forkedSpares : LIMITS.startedSpares;
    return Math.min(most, Math.max(1, Math.floor(freemem() / 10 / cost)));
  }

  #keep(made: Promise<Quarters>, quarters: Quarters): void {
    void quarters.room.ended.then(() => this.#forget(made));
    void this.#options.rooms.learnFrom(quarters, () => this.#waiting.includes(made));
  }

  #forget(made: Promise<Quarters>): void {
    this.#waiting = this.#waiting.filter((one) => one !== made);
  }
}
