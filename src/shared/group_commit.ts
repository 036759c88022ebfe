// Group commit: units of work that arrive in one turn of the event loop share one transaction and one wait for the disk.
import { AppError, systemCode } from "./errors.ts";

/**
 * How much a unit of work insists. `durable`: on the disk when it resolves. `soft`: visible to everybody when it
 * resolves, but a power cut may take it back together with everything after it; for what is done again anyway
 * (a claim, a heartbeat, a piece of output).
 */
export type Durability = "durable" | "soft";

/** What is needed of the database. */
export type Engine = {
  /** Compiles and runs: a pragma takes effect when it is compiled. */
  readonly run: (sql: string) => void;
  readonly isInTransaction: () => boolean;
  /** Changes whenever another connection has committed. */
  readonly version: () => number;
};

/** How long a unit of work waits for another writer before it gives up. */
const WRITE_WAIT_MS = 15_000;
/** A lock is mostly held for less than a millisecond: look again at every turn of the loop, but not for longer than this. */
const EAGER_MS = 30;
const PATIENT_MS = 1;
/**
 * While others write too, we rest after a commit, three times as long as it took. SQLite's own wait, which other programs
 * use, sleeps for 1, 2, 5, 10 … ms between two looks at the lock: without long gaps it may not find one for seconds.
 */
const REST_FACTOR = 3;
/** Others write as long as one of them has written in this time: who is kept out shows no commit, and needs the gap most. */
const OTHERS_MS = 1_000;
const MIN_REST_MS = 4;
const MAX_REST_MS = 8;
/** Bounds how long one transaction keeps other programs out and our own loop busy. */
const MAX_UNITS = 256;

type Unit = {
  readonly run: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly durability: Durability;
};

/** Made with the `Tx` that units are given. `onFull`: the disk is full; true if room was made, so that it is worth a try. */
export class GroupCommits<Tx> {
  readonly #engine: Engine;
  readonly #tx: Tx;
  readonly #synchronous: "full" | "normal";
  readonly #onFull: () => boolean;
  #waiting: Unit[] = [];
  #isScheduled = false;
  #busySince: number | null = null;
  #level: "full" | "normal";
  #version: number;
  #othersAt = Number.NEGATIVE_INFINITY;
  #beganAt = 0;
  #restUntil = 0;

  constructor(engine: Engine, tx: Tx, synchronous: "full" | "normal", onFull: () => boolean) {
    this.#engine = engine;
    this.#tx = tx;
    this.#synchronous = synchronous;
    this.#onFull = onFull;
    this.#level = synchronous;
    this.#version = engine.version();
  }

  readonly write = <T>(unit: (tx: Tx) => T, durability: Durability = "durable"): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let result: { readonly value: T } | null = null;
    this.#waiting.push({
      run: () => void (result = { value: unit(this.#tx) }),
      resolve: () => result !== null && resolve(result.value),
      reject,
      durability,
    });
    this.#goOn();
    return promise;
  };

  /** Whoever still waits is rejected. */
  close(): void {
    for (const unit of this.#waiting.splice(0)) unit.reject(new AppError("unavailable", "Sandpiper is stopping."));
  }

  #goOn(delayMs = 0): void {
    if (this.#waiting.length === 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    if (delayMs === 0) setImmediate(this.#flush);
    else setTimeout(this.#flush, delayMs);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const restMs = this.#restUntil - performance.now();
    if (restMs > 0) {
      this.#goOn(restMs);
      return;
    }
    const batch = this.#waiting.slice(0, MAX_UNITS);
    if (batch.length === 0 || !this.#begin(batch)) return;
    this.#waiting = this.#waiting.slice(batch.length);
    try {
      for (const unit of batch) unit.run();
      this.#commit();
    } catch (error) {
      this.#rollBack();
      // Savepoints cost a copy of every page they touch, and throws are rare: only now is each unit fenced off.
      if (batch.length > 1 && !isFull(error)) this.#runApart(batch);
      else this.#giveBack(batch, error);
      return;
    }
    for (const unit of batch) unit.resolve();
    this.#goOn();
  };

  /** The same units once more, each in a savepoint, so that those that throw take back themselves only. */
  #runApart(batch: readonly Unit[]): void {
    const failures = new Map<Unit, unknown>();
    try {
      this.#engine.run("BEGIN IMMEDIATE");
      for (const unit of batch) runInSavepoint(this.#engine, unit, failures);
      this.#commit();
    } catch (error) {
      this.#rollBack();
      // Another writer was quicker: all of it again, later.
      if (isBusy(error)) this.#waiting = [...batch, ...this.#waiting];
      else this.#giveBack(batch, error);
      this.#goOn();
      return;
    }
    for (const unit of batch)
      if (failures.has(unit)) unit.reject(failures.get(unit));
      else unit.resolve();
    this.#goOn();
  }

  /** False if another writer has the lock: then it is tried again later. */
  #begin(batch: readonly Unit[]): boolean {
    try {
      this.#setLevel(batch.some((unit) => unit.durability === "durable") ? this.#synchronous : "normal");
      this.#engine.run("BEGIN IMMEDIATE");
      this.#beganAt = performance.now();
      this.#busySince = null;
      return true;
    } catch (error) {
      const now = performance.now();
      const busyMs = now - (this.#busySince ??= now);
      if (isBusy(error) && busyMs < WRITE_WAIT_MS) {
        this.#goOn(busyMs < EAGER_MS ? 0 : PATIENT_MS * (1 + Math.random()));
        return false;
      }
      this.#busySince = null;
      this.#giveBack(this.#waiting.splice(0), isBusy(error) ? locked(error) : error);
      return false;
    }
  }

  /** Others who write shall find the lock free after this commit. */
  #commit(): void {
    // Read before: what fails after the commit must not make the units run again.
    const version = this.#engine.version();
    this.#engine.run("COMMIT");
    const now = performance.now();
    if (version !== this.#version) this.#othersAt = now;
    this.#version = version;
    if (now - this.#othersAt > OTHERS_MS) return;
    const restMs = Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, (now - this.#beganAt) * REST_FACTOR));
    this.#restUntil = now + restMs * (0.75 + 0.5 * Math.random());
  }

  #rollBack(): void {
    if (this.#engine.isInTransaction()) this.#engine.run("ROLLBACK");
  }

  /** A pragma takes effect when it is compiled, so it is compiled anew each time; only outside of a transaction. */
  #setLevel(wanted: "full" | "normal"): void {
    if (wanted === this.#level) return;
    this.#engine.run(`PRAGMA synchronous = ${wanted}`);
    this.#level = wanted;
  }

  /** The transaction as a whole failed, nothing of it stands. With room made on the disk it is tried once more. */
  #giveBack(batch: readonly Unit[], error: unknown): void {
    if (isFull(error) && this.#onFull()) this.#waiting = [...batch, ...this.#waiting];
    else for (const unit of batch) unit.reject(isFull(error) ? diskFull(error) : error);
    this.#goOn();
  }
}

function runInSavepoint(engine: Engine, unit: Unit, failures: Map<Unit, unknown>): void {
  engine.run("SAVEPOINT unit");
  try {
    unit.run();
  } catch (error) {
    // Some failures end the whole transaction, and no unit has room on a full disk.
    if (!engine.isInTransaction() || isFull(error)) throw error;
    failures.set(unit, error);
    engine.run("ROLLBACK TO unit");
  }
  engine.run("RELEASE unit");
}

export const isBusy = (error: unknown): boolean => systemCode(error).startsWith("SQLITE_BUSY");

/** The disk is full, or fails in another way. */
export const isFull = (error: unknown): boolean => /^SQLITE_(FULL|IOERR)/.test(systemCode(error));

const locked = (cause: unknown) =>
  new AppError("unavailable", "Another program has locked data/jobs.db, so nothing can be kept. Close that program.", {
    cause,
  });

const diskFull = (cause: unknown) =>
  new AppError("unavailable", "The disk is full or broken, so nothing more can be kept. Free some space.", { cause });
