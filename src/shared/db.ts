// The one door to SQLite. Everything in shared/ that speaks SQL takes a Tx; units of work go through board.write.
import { Database } from "bun:sqlite";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import board from "./migrations/0001_board.sql" with { type: "text" };
import runs from "./migrations/0002_runs.sql" with { type: "text" };
import agent from "./migrations/0003_agent.sql" with { type: "text" };
import { isAlive } from "./alive.ts";
import { AppError, systemCode } from "./errors.ts";
import { GroupCommits, isBusy, isFull, type Durability } from "./group_commit.ts";

/** Forward only; the position in the list is the version it leads to (`PRAGMA user_version`). */
const MIGRATIONS: readonly string[] = [board, runs, agent];

/** While opening, when other processes may be opening too. */
const OPEN_WAIT_MS = 10_000;
/** A reader waits only while another process puts the log in order after a crash. */
const READ_WAIT_MS = 250;

export type Value = string | number | bigint | null;
type Row = Record<string, unknown>;

/** Statements of one transaction, synchronous: nothing may be awaited between the first and the last. */
export type Tx = {
  /** Every row, untyped: the caller parses it. */
  readonly all: (sql: string, ...values: Value[]) => Row[];
  readonly get: (sql: string, ...values: Value[]) => Row | null;
  /** Returns the number of changed rows. */
  readonly run: (sql: string, ...values: Value[]) => number;
  /** Returns the rowid of the new row. */
  readonly insert: (sql: string, ...values: Value[]) => number;
};

export type Board = {
  /** A consistent read. */
  readonly read: <T>(unit: (tx: Tx) => T) => T;
  /**
   * A unit of work: all of it or nothing. Units that are handed in together are committed together. A throw inside takes
   * back this unit only and rejects. It may be run twice (when a neighbour threw, when room was made on a full disk), so it
   * does nothing but SQL.
   */
  readonly write: <T>(unit: (tx: Tx) => T, durability?: Durability) => Promise<T>;
  /** Changes whenever another connection has committed. */
  readonly dataVersion: () => number;
  /** Moves the write-ahead log into the file and empties it, unless somebody is reading an old state. */
  readonly checkpoint: () => void;
  /** A consistent copy, whatever others write meanwhile. Blocks; for programs of their own. */
  readonly copyTo: (file: string) => void;
  readonly close: () => void;
};

export type BoardOptions = {
  /** `normal` never waits for the disk: after a power cut the last moments may be missing. */
  readonly synchronous?: "full" | "normal";
  /** The disk is full. True if room was made, so that it is worth another try. */
  readonly onFull?: () => boolean;
};

/** Opens (and if need be makes or migrates) the board. `data/` is 0700: it holds what people said. */
export function openBoard(file: string, options: BoardOptions = {}): Board {
  let database: Database | null = null;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Before it is opened: SQLite would open an unwritable one to read only, and say nothing.
    if (existsSync(file)) chmodSync(file, 0o600);
    database = new Database(file, { create: true, readwrite: true, strict: true });
    chmodSync(file, 0o600);
    return prepare(database, file, options);
  } catch (error) {
    database?.close(false);
    throw toOpenError(error, file);
  }
}

/** One without rows and without a file: what every board consists of. */
export function emptyBoard(): Board {
  return prepare(new Database(":memory:", { strict: true }), ":memory:", {});
}

/** What is wrong with the file, one sentence each; nothing when it is sound. Never call it inside core or worker. */
export function checkDatabase(file: string): string[] {
  const database = new Database(file, { readwrite: true, create: false, strict: true });
  try {
    const problems = database.query<Row, []>("PRAGMA integrity_check(20)").values().flat().map(String);
    const foreign = database.query<Row, []>("PRAGMA foreign_key_check").values();
    return [
      ...problems.filter((problem) => problem !== "ok"),
      ...foreign.map(([table, row]) => `Row ${String(row)} of ${String(table)} belongs to nothing.`),
    ];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  } finally {
    database.close(false);
  }
}

/** The version of the newest schema that this program knows. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The lock that a running core holds. */
export const coreLock = (config: { readonly dataDir: string }): string => join(config.dataDir, "core.lock");

export type Lock = { readonly release: () => void };

/** One holder at a time, whoever it is; the system takes the lock from a process that dies. Null: somebody has it. */
export function holdLock(file: string): Lock | null {
  let database: Database | null = null;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const held = new Database(file, { create: true, readwrite: true });
    database = held;
    // Nothing is ever written to it, so it needs no journal beside it.
    held.run("PRAGMA journal_mode = MEMORY");
    held.run("PRAGMA busy_timeout = 200");
    held.run("BEGIN EXCLUSIVE");
    return { release: () => held.close(false) };
  } catch (error) {
    database?.close(false);
    if (isBusy(error)) return null;
    throw toOpenError(error, file);
  }
}

function prepare(database: Database, file: string, options: BoardOptions): Board {
  const synchronous = options.synchronous ?? "full";
  database.run(`PRAGMA busy_timeout = ${OPEN_WAIT_MS}`);
  refuseUnknown(database, file);
  // Of a new file: a commit writes whole pages, and most of ours touch many a little.
  database.run("PRAGMA page_size = 2048");
  // Where two make the file at once, SQLite tells one of them that it is locked without waiting for it.
  waiting(OPEN_WAIT_MS, () => database.run("PRAGMA journal_mode = WAL"));
  database.run(`PRAGMA synchronous = ${synchronous}`);
  // In pages: short enough for nobody to feel it, and rare enough not to be felt by one commit in a hundred.
  database.run("PRAGMA wal_autocheckpoint = 2000");
  // After a checkpoint the log shrinks to this again.
  database.run(`PRAGMA journal_size_limit = ${16 * 2 ** 20}`);
  migrate(database, file);
  database.run("PRAGMA foreign_keys = ON");
  // bun:sqlite's own wait blocks the event loop; ours does not.
  database.run("PRAGMA busy_timeout = 0");
  const tx = transactionOf(database);
  const dataVersion = (): number => Number(tx.get("PRAGMA data_version")?.["data_version"] ?? 0);
  const engine = {
    run: (sql: string) => void database.run(sql),
    isInTransaction: () => database.inTransaction,
    version: dataVersion,
  };
  const commits = new GroupCommits(engine, tx, synchronous, options.onFull ?? (() => false));
  return {
    read: (unit) => waiting(READ_WAIT_MS, () => database.transaction(() => unit(tx)).deferred()),
    write: commits.write,
    dataVersion: () => waiting(READ_WAIT_MS, dataVersion),
    checkpoint: () => void database.query("PRAGMA wal_checkpoint(TRUNCATE)").all(),
    copyTo: (target) => copy(database, target),
    close: () => {
      commits.close();
      database.close(false);
    },
  };
}

function transactionOf(database: Database): Tx {
  return {
    all: (sql, ...values) => database.query<Row, Value[]>(sql).all(...values),
    get: (sql, ...values) => database.query<Row, Value[]>(sql).get(...values),
    run: (sql, ...values) => database.query<Row, Value[]>(sql).run(...values).changes,
    insert: (sql, ...values) => Number(database.query<Row, Value[]>(sql).run(...values).lastInsertRowid),
  };
}

/** Before anything is changed in it. One transaction: another process may be making the tables at this moment. */
function refuseUnknown(database: Database, file: string): void {
  const { version, tables } = database.transaction(() => ({
    version: versionOf(database),
    tables: database.query("SELECT 1 FROM sqlite_schema LIMIT 1").values().length,
  }))();
  if (version > SCHEMA_VERSION)
    throw new AppError("config", `${file} was written by a newer Sandpiper. Update this one, or use another folder.`);
  if (version === 0 && tables > 0)
    throw new AppError("config", `${file} was made by another program. Move it away, or use another folder.`);
}

function migrate(database: Database, file: string): void {
  const current = versionOf(database);
  if (current === SCHEMA_VERSION) return;
  if (current > 0) backUp(database, file, current);
  // Tables are rebuilt: with foreign keys on, dropping the old one would take the rows of others with it.
  database.run("PRAGMA foreign_keys = OFF");
  database
    .transaction(() => {
      // Another process may have been here meanwhile.
      const version = versionOf(database);
      if (version >= SCHEMA_VERSION) return;
      for (const sql of MIGRATIONS.slice(version)) database.run(sql);
      const broken = database.query("PRAGMA foreign_key_check").values();
      if (broken.length > 0) throw new AppError("internal", `The new schema broke ${broken.length} references.`);
      database.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    })
    .immediate();
}

/** `data/backups/jobs-v1.db`: the board as it was under the earlier schema. */
function backUp(database: Database, file: string, version: number): void {
  const folder = join(dirname(file), "backups");
  const target = join(folder, `jobs-v${version}.db`);
  if (existsSync(target)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) if (isLeftOver(name)) rmSync(join(folder, name), { force: true });
  const part = `${target}.${process.pid}.part`;
  try {
    copy(database, part);
    sync(part);
    // Another process may have migrated first; its backup is the one that counts.
    if (versionOfFile(part) === version) renameSync(part, target);
  } finally {
    rmSync(part, { force: true });
  }
}

/** The piece of a backup whose process was killed over it. */
function isLeftOver(name: string): boolean {
  const [, pid] = /^jobs-v\d+\.db\.(\d+)\.part/.exec(name) ?? [];
  return pid !== undefined && !isAlive(Number(pid));
}

/** The old board goes away as soon as the new one is on the disk; SQLite does not wait for the disk with a copy. */
function sync(file: string): void {
  const descriptor = openSync(file, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function versionOfFile(file: string): number {
  const database = new Database(file, { readonly: true });
  const version = versionOf(database);
  database.close(false);
  return version;
}

function copy(database: Database, target: string): void {
  rmSync(target, { force: true });
  database.query("VACUUM INTO ?").run(target);
  chmodSync(target, 0o600);
}

function versionOf(database: Database): number {
  return database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}

function waiting<T>(maxMs: number, attempt: () => T): T {
  const giveUpAt = performance.now() + maxMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
    }
    Bun.sleepSync(1);
  }
}

function toOpenError(error: unknown, file: string): unknown {
  const code = systemCode(error);
  if (/^(SQLITE_(CANTOPEN|READONLY|PERM)|EACCES|EROFS|EPERM|EEXIST|ENOTDIR)/.test(code))
    return new AppError(
      "config",
      `${file} cannot be written. Give the folder to the user that starts Sandpiper, or choose another with SANDPIPER_HOME.`,
      { cause: error },
    );
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code))
    return new AppError(
      "config",
      `${file} is damaged. Put a backup in its place (bun run restore), or move it away to begin anew.`,
      { cause: error },
    );
  if (isBusy(error))
    return new AppError("unavailable", `Another program has locked ${file}. Close it, then start again.`, {
      cause: error,
    });
  if (isFull(error) || code === "ENOSPC")
    return new AppError("unavailable", "The disk is full. Free some space, then start again.", { cause: error });
  return error;
}
