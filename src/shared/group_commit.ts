// Group commit: units of work that arrive in one turn of the event loop share one transaction and one wait for the disk.
import { AppError } from "./errors.ts";

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

export type Commits<Tx> = {
  readonly write: <T>(unit: (tx: Tx) => T, durability?: Durability) => Promise<T>;
  /** Whoever still waits is rejected. */
  readonly close: () => void;
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

export function groupCommits<Tx>(
  engine: Engine,
  tx: Tx,
  synchronous: "full" | "normal",
  onFull: () => boolean,
): Commits<Tx> {
  let waiting: Unit[] = [];
  let isScheduled = false;
  let busySince: number | null = null;
  let level = synchronous;
  let version = engine.version();
  let beganAt = 0;
  let restUntil = 0;

  const schedule = (delayMs: number) => {
    isScheduled = true;
    if (delayMs === 0) setImmediate(flush);
    else setTimeout(flush, delayMs);
  };

  const flush = () => {
    isScheduled = false;
    const batch = waiting.slice(0, MAX_UNITS);
    if (batch.length === 0) return;
    const restMs = restUntil - performance.now();
    if (restMs > 0) {
      schedule(restMs);
      return;
    }
    if (!begin(batch)) return;
    waiting = waiting.slice(batch.length);
    let current = version;
    try {
      for (const unit of batch) unit.run();
      current = engine.version();
      engine.run("COMMIT");
    } catch (error) {
      // Savepoints cost a copy of every page they touch, and throws are rare: only now is each unit fenced off.
      rollBack();
      if (batch.length > 1 && !isFull(error)) runApart(batch);
      else giveBack(batch, error);
      return;
    }
    rest(current);
    for (const unit of batch) unit.resolve();
    if (waiting.length > 0 && !isScheduled) schedule(0);
  };

  /** The same units once more, each in a savepoint, so that those that throw take back themselves only. */
  const runApart = (batch: readonly Unit[]) => {
    const failures = new Map<Unit, unknown>();
    let current = version;
    try {
      engine.run("BEGIN IMMEDIATE");
      for (const unit of batch) runInSavepoint(engine, unit, failures);
      current = engine.version();
      engine.run("COMMIT");
    } catch (error) {
      rollBack();
      // Another writer was quicker: all of it again, later.
      if (isBusy(error)) waiting = [...batch, ...waiting];
      else giveBack(batch, error);
      if (waiting.length > 0 && !isScheduled) schedule(0);
      return;
    }
    rest(current);
    for (const unit of batch)
      if (failures.has(unit)) unit.reject(failures.get(unit));
      else unit.resolve();
    if (waiting.length > 0 && !isScheduled) schedule(0);
  };

  const rollBack = () => {
    if (engine.isInTransaction()) engine.run("ROLLBACK");
  };

  /** False if another writer has the lock: then it is tried again later. */
  const begin = (batch: readonly Unit[]): boolean => {
    try {
      setLevel(batch.some((unit) => unit.durability === "durable") ? synchronous : "normal");
      engine.run("BEGIN IMMEDIATE");
      beganAt = performance.now();
      busySince = null;
      return true;
    } catch (error) {
      const now = performance.now();
      busySince ??= now;
      if (isBusy(error) && now - busySince < WRITE_WAIT_MS) {
        schedule(now - busySince < EAGER_MS ? 0 : PATIENT_MS * (1 + Math.random()));
        return false;
      }
      busySince = null;
      const all = waiting;
      waiting = [];
      giveBack(all, isBusy(error) ? locked(error) : error);
      return false;
    }
  };

  /**
   * After a commit: others who committed since our last one shall find the lock free. `current` was read before the commit:
   * what fails after it must not make the units run again.
   */
  const rest = (current: number) => {
    if (current === version) return;
    version = current;
    const now = performance.now();
    const restMs = Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, (now - beganAt) * REST_FACTOR));
    restUntil = now + restMs * (0.75 + 0.5 * Math.random());
  };

  /** A pragma takes effect when it is compiled, so it is compiled anew each time; only outside of a transaction. */
  const setLevel = (wanted: "full" | "normal") => {
    if (wanted === level) return;
    engine.run(`PRAGMA synchronous = ${wanted}`);
    level = wanted;
  };

  /** The transaction as a whole failed, nothing of it stands. With room made on the disk it is tried once more. */
  const giveBack = (batch: readonly Unit[], error: unknown) => {
    if (isFull(error) && onFull()) waiting = [...batch, ...waiting];
    else for (const unit of batch) unit.reject(isFull(error) ? diskFull(error) : error);
    if (waiting.length > 0 && !isScheduled) schedule(0);
  };

  const write = <T>(unit: (tx: Tx) => T, durability: Durability = "durable"): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let result: { readonly value: T } | null = null;
    waiting.push({
      run: () => void (result = { value: unit(tx) }),
      resolve: () => result !== null && resolve(result.value),
      reject,
      durability,
    });
    if (!isScheduled) schedule(0);
    return promise;
  };

  const close = () => {
    const left = waiting;
    waiting = [];
    for (const unit of left) unit.reject(new AppError("unavailable", "Sandpiper is stopping."));
  };

  return { write, close };
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

export const isBusy = (error: unknown): boolean => codeOf(error).startsWith("SQLITE_BUSY");

/** The disk is full, or fails in another way. */
export const isFull = (error: unknown): boolean => /^SQLITE_(FULL|IOERR)/.test(codeOf(error));

/** SQLite's name for what went wrong; empty for other errors. */
export const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

const locked = (cause: unknown) =>
  new AppError("unavailable", "Another program has locked data/jobs.db, so nothing can be kept. Close that program.", {
    cause,
  });

const diskFull = (cause: unknown) =>
  new AppError("unavailable", "The disk is full or broken, so nothing more can be kept. Free some space.", { cause });
