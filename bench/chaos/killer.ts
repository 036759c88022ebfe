// Kills core and workers at random moments after they are ready, and stops some for longer than their lease.
import type { Observer } from "./observer.ts";
import type { Sizes } from "./sizes.ts";
import type { Slot } from "./slot.ts";

/** What a kill met. */
export type Kill = {
  readonly name: Slot["name"];
  /** For a worker: jobs that ran in it, by their rows. For core: messages that were sent to it and not yet answered. */
  readonly held: number;
  readonly ready: number;
  readonly mismatches: number;
};

export type Stop = {
  readonly name: Slot["name"];
  readonly ms: number;
  readonly held: number;
  /** Jobs that were taken from it meanwhile. */
  readonly lost: number;
};

export type KillerOptions = {
  readonly slots: readonly Slot[];
  readonly observer: Observer;
  /** Messages that core has not answered. */
  readonly inFlight: () => number;
  readonly sizes: Sizes;
  /** Whether there is something left to do besides the kills. */
  readonly isEnough: () => boolean;
};

const FIRST_MS = 100;
const LAST_MS = 2_000;
/** Those who are to notice a stop may be starting at this moment. */
const NOTICED_MS = 600;
/** Who cannot write for so long is kept from it by somebody who is stopped. */
const LOCKED_MS = 200;
/** Later than this a kill meets an empty board, and the run is void. */
const BACKLOG_WITHIN_MS = 10_000;

export class Killer {
  readonly #options: KillerOptions;
  readonly #kills: Kill[] = [];
  readonly #stops: Stop[] = [];
  #stopsBegun = 0;
  #isStopping = false;
  /** While one is stopped the others live, or nobody would be there for a whole lease to notice. */
  #calm: Promise<void> = Promise.resolve();

  constructor(options: KillerOptions) {
    this.#options = options;
  }

  get kills(): readonly Kill[] {
    return this.#kills;
  }

  get stops(): readonly Stop[] {
    return this.#stops;
  }

  /** All slots at once, each at its own moments. Rejects if one does not start again. */
  async rage(): Promise<void> {
    await Promise.all(this.#options.slots.map((slot) => this.#haunt(slot)));
  }

  async #haunt(slot: Slot): Promise<void> {
    const { sizes, isEnough } = this.#options;
    const isOver = () => this.#kills.length >= sizes.kills && this.#stops.length >= sizes.stops && isEnough();
    while (!isOver()) {
      await Bun.sleep(FIRST_MS + Math.random() * (LAST_MS - FIRST_MS));
      if (this.#isStopDue(slot)) await this.#stop(slot);
      await this.#calm;
      await this.#backlog();
      if (isOver()) return;
      await this.#kill(slot);
      await slot.start();
    }
  }

  /** Spread over the run: as far as the kills are, so far are the stops. Every fourth is core's. */
  #isStopDue(slot: Slot): boolean {
    const { kills, stops } = this.#options.sizes;
    const begun = this.#stopsBegun;
    if (this.#isStopping || begun >= stops || begun / stops > this.#kills.length / kills) return false;
    return slot.name === (begun % 4 === 3 ? "core" : "worker");
  }

  async #kill(slot: Slot): Promise<void> {
    const { observer } = this.#options;
    const ready = observer.ready();
    const mismatches = observer.mismatches();
    // Last, so that nothing comes between the look and the kill.
    this.#kills.push({ name: slot.name, held: this.#heldBy(slot), ready, mismatches });
    await slot.kill();
  }

  /** Longer than the lease; then it wakes and goes on as if nothing had been. */
  async #stop(slot: Slot): Promise<void> {
    this.#isStopping = true;
    this.#stopsBegun += 1;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#calm = promise;
    // In the middle of a transaction it would keep everybody waiting, and nobody could take its jobs: that too is tried.
    await this.#freeze(slot, this.#stopsBegun % 3 === 0);
    const held = this.#heldBy(slot);
    const startedAt = performance.now();
    await Bun.sleep(this.#options.sizes.leaseMs * (1.5 + Math.random() / 2) + NOTICED_MS);
    const left = this.#heldBy(slot);
    const ms = performance.now() - startedAt;
    this.#stops.push({ name: slot.name, ms, held, lost: slot.name === "worker" ? held - left : 0 });
    slot.signal("SIGCONT");
    // Its late results come now.
    await Bun.sleep(300 + Math.random() * 700);
    this.#isStopping = false;
    resolve();
  }

  /** While core was stopped, nobody came through its door. */
  async #backlog(): Promise<void> {
    const giveUpAt = performance.now() + BACKLOG_WITHIN_MS;
    while (this.#options.observer.ready() === 0 && performance.now() < giveUpAt) await Bun.sleep(10);
  }

  async #freeze(slot: Slot, isAnywhere: boolean): Promise<void> {
    for (;;) {
      slot.signal("SIGSTOP");
      if (isAnywhere || (await this.#options.observer.canWrite(LOCKED_MS))) return;
      slot.signal("SIGCONT");
      await Bun.sleep(1);
    }
  }

  #heldBy(slot: Slot): number {
    return slot.name === "worker" ? this.#options.observer.heldBy(slot.pid) : this.#options.inFlight();
  }
}
