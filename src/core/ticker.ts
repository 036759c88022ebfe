// Wakes when a schedule is due and turns its tick into a job. What counts is in the table: a second one does no harm.
import type { Board } from "../shared/db.ts";
import type { Log } from "../shared/log.ts";
import { dueSchedules, earliestTick, fireSchedule, reckonSchedules, type Due } from "../shared/schedules.ts";

export type Ticker = {
  /** The table was changed: looks at it now. Resolves when everything that is due has its job; never rejects. */
  readonly check: () => Promise<void>;
  /** Resolves when nothing is under way any more. */
  readonly close: () => Promise<void>;
};

/** Calls `wake` once after the delay, unless it is called off before. */
export type Alarm = (delayMs: number, wake: () => void) => { readonly callOff: () => void };

/** Never longer: a timer knows nothing of a clock that is set, or of a machine that slept. */
const LONGEST_MS = 30_000;
/** After something went wrong. */
const RETRY_MS = 5_000;

const timer: Alarm = (delayMs, wake) => {
  const timeout = setTimeout(wake, delayMs);
  return { callOff: () => clearTimeout(timeout) };
};

/** Looks at once. `onFired`: there are new jobs. */
export function createTicker(
  board: Board,
  now: () => number,
  onFired: () => void,
  log: Log,
  alarm: Alarm = timer,
): Ticker {
  const ticking = new Ticking(board, now, onFired, log, alarm);
  void ticking.check();
  return { check: () => ticking.check(), close: () => ticking.close() };
}

class Ticking {
  readonly #board: Board;
  readonly #now: () => number;
  readonly #onFired: () => void;
  readonly #log: Log;
  readonly #alarm: Alarm;
  #isClosed = false;
  #next: ReturnType<Alarm> | null = null;
  #work: Promise<void> = Promise.resolve();
  /** What the clock showed last. The first look reckons, too: the rules of a zone may have changed since the last run. */
  #latest = Number.POSITIVE_INFINITY;

  constructor(board: Board, now: () => number, onFired: () => void, log: Log, alarm: Alarm) {
    this.#board = board;
    this.#now = now;
    this.#onFired = onFired;
    this.#log = log;
    this.#alarm = alarm;
  }

  check(): Promise<void> {
    this.#work = this.#work.then(() => this.#look());
    return this.#work;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#next?.callOff();
    return this.#work;
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    this.#next?.callOff();
    await this.#attempt({ step: "reckon" }, () => this.#reckon());
    let delayMs = RETRY_MS;
    await this.#attempt({ step: "fire" }, async () => {
      if (await this.#fireAll()) delayMs = this.#delay();
    });
    if (!this.#isClosed) this.#next = this.#alarm(delayMs, () => void this.check());
  }

  #delay(): number {
    const tickAt = this.#board.read(earliestTick) ?? Number.POSITIVE_INFINITY;
    return Math.min(LONGEST_MS, Math.max(0, tickAt - this.#now()));
  }

  async #reckon(): Promise<void> {
    const now = this.#now();
    const count = now < this.#latest ? await reckonSchedules(this.#board, now) : 0;
    this.#latest = now;
    if (count > 0) this.#log.info("schedules-reckoned", { count });
  }

  /** Until nothing is due. What fails does not keep the others from their turn; false if something did. */
  async #fireAll(): Promise<boolean> {
    const failed = new Set<string>();
    while (!this.#isClosed) {
      const due = this.#board.read((tx) => dueSchedules(tx, this.#now())).filter((one) => !failed.has(one.id));
      if (due.length === 0) break;
      // Together, so that they share one commit.
      const fired = due.map(async (one) => {
        if (!(await this.#attempt(one, () => this.#fire(one)))) failed.add(one.id);
      });
      await Promise.all(fired);
    }
    return failed.size === 0;
  }

  async #fire(due: Due): Promise<void> {
    const fired = await fireSchedule(this.#board, due.id, due.tickAt, this.#now());
    if (fired.outcome !== "stale") this.#log.info("schedule-ticked", { ...due, ...fired });
    if (fired.outcome === "fired") this.#onFired();
  }

  /** Nobody is there to be told but the log, and the next look tries again. */
  async #attempt(what: object, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#log.error("schedules-failed", { ...what, error });
      return false;
    }
  }
}
