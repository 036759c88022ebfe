// The one door to SQLite. Everything in shared/ that speaks SQL takes a Tx; units of work go through board.write.
import { Database } from "bun:sqlite";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import board from "./migrations/0001_board.sql" with { type: "text" };
import { AppError } from "./errors.ts";

/** Forward only; the position in the list is the version it leads to (`PRAGMA user_version`). */
const MIGRATIONS: readonly string[] = [board];

/** bun:sqlite's own wait blocks the event loop, so it is tiny; beyond it we wait asynchronously. */
const BUSY_TIMEOUT_MS = 25;
/** How long a unit of work waits for another writer before it gives up. */
const WRITE_WAIT_MS = 15_000;

export type Value = string | number | bigint | null;
type Row = Record<string, unknown>;

/** Statements of one transaction, synchronous: nothing may be awaited between the first and the last. */
export type Tx = {
  /** Every row, untyped: the caller parses it. */
  readonly all: (sql: string, ...values: Value[]) => Row[];
  readonly get: (sql: string, ...values: Value[]) => Row | null;
  /** Returns the number of changed rows. */
  readonly run: (sql: string, ...values: Value[]) => number;
};

export type Board = {
  /** A consistent read. */
  readonly read: <T>(unit: (tx: Tx) => T) => T;
  /** BEGIN IMMEDIATE … COMMIT; resolves once the commit is durable. A throw inside rolls back. */
  readonly write: <T>(unit: (tx: Tx) => T) => Promise<T>;
  /** Changes whenever another connection has committed. */
  readonly dataVersion: () => number;
  readonly close: () => void;
};

/** Opens (and if need be makes or migrates) the board. `data/` is 0700: it holds what people said. */
export function openBoard(file: string): Board {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const database = new Database(file, { create: true, readwrite: true, strict: true });
  chmodSync(file, 0o600);
  database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS * 200}`);
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA foreign_keys = ON");
  migrate(database);
  database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  const tx = transactionOf(database);
  return {
    read: (unit) => database.transaction(() => unit(tx)).deferred(),
    write: (unit) => retryWhileBusy(() => database.transaction(() => unit(tx)).immediate()),
    dataVersion: () => Number(tx.get("PRAGMA data_version")?.["data_version"] ?? 0),
    close: () => database.close(false),
  };
}

function transactionOf(database: Database): Tx {
  return {
    all: (sql, ...values) => database.query<Row, Value[]>(sql).all(...values),
    get: (sql, ...values) => database.query<Row, Value[]>(sql).get(...values),
    run: (sql, ...values) => database.query<Row, Value[]>(sql).run(...values).changes,
  };
}

function migrate(database: Database): void {
  database
    .transaction(() => {
      const current = database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
      if (current > MIGRATIONS.length)
        throw new AppError(
          "config",
          "data/jobs.db was written by a newer Sandpiper. Update this one, or use another folder.",
        );
      for (const sql of MIGRATIONS.slice(current)) database.run(sql);
      database.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
    })
    .immediate();
}

async function retryWhileBusy<T>(attempt: () => T): Promise<T> {
  const giveUpAt = performance.now() + WRITE_WAIT_MS;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
    }
    await Bun.sleep(1 + Math.random() * 9);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}
