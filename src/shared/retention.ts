// What is forgotten in time: finished jobs that belong to no conversation, and rows that nobody needs any more.
import { statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "./config.ts";
import type { Board, Tx, Value } from "./db.ts";
import { outputFolder } from "./files.ts";
import { integer, optionalInteger, text } from "./rows.ts";

/** Rows deleted in one transaction, at most. */
const MOST_AT_ONCE = 500;
/** Deleting a job takes 25 to 100 µs, and everybody else waits meanwhile. */
const BATCH = 100;
const DAY_MS = 86_400_000;
/** Who was away for longer asks for a snapshot anyway. */
const KEEP_DELETED_MS = DAY_MS;
/** WhatsApp sends for seven days what it is not told that we have; ids of Telegram may come again after weeks. */
const KEEP_CHATS_MS = 30 * DAY_MS;
/** The budgets ask for a month; the rest is for people who wonder where the money went. */
const KEEP_SPENDING_MS = 90 * DAY_MS;
/** What SQLite itself leaves of the log after a checkpoint: a longer one means that somebody kept reading. */
const MAX_LOG_BYTES = 16 * 2 ** 20;

export type Maintained = {
  readonly jobs: number;
  readonly events: number;
  readonly spending: number;
  readonly pairings: number;
  readonly arrivals: number;
  readonly deliveries: number;
  readonly isLogEmptied: boolean;
};

type Places = Pick<Config, "dataDir" | "storageDir" | "keepDays">;

/**
 * Deletes finished jobs that belong to no conversation, the oldest first, `limit` (500 at most) in one transaction.
 * Returns their ids, so that `removeOutputs` can take away the bytes.
 */
export function pruneJobs(board: Board, finishedBefore: number, limit = BATCH): Promise<string[]> {
  return board.write((tx) => {
    const sql = `SELECT job_id FROM job_run ${PRUNABLE} ORDER BY finished_at LIMIT ?`;
    const ids = tx.all(sql, finishedBefore, Math.min(limit, MOST_AT_ONCE)).map((row) => text.parse(row["job_id"]));
    // The trigger deletes the run, unless somebody took the job away behind its back.
    const nameless = ids.filter(
      (id) => tx.run("DELETE FROM jobs WHERE id = ?", id) + tx.run("DELETE FROM job_run WHERE job_id = ?", id) === 0,
    );
    // What is not UTF-8 only SQLite itself can name; of this batch nothing else is left.
    const rest = `DELETE FROM jobs WHERE id IN (${sql})`;
    if (nameless.length > 0) tx.run(rest, finishedBefore, nameless.length);
    return ids;
  });
}

export type Prunable = {
  readonly count: number;
  /** When the first of them ended; null when there is none. */
  readonly oldestAt: number | null;
};

/** What `pruneJobs` would delete in the end. */
export function prunableJobs(tx: Tx, finishedBefore: number): Prunable {
  const row = tx.get(`SELECT count(*) AS count, min(finished_at) AS oldest FROM job_run ${PRUNABLE}`, finishedBefore);
  const { count, oldest } = z.object({ count: integer, oldest: optionalInteger }).parse(row);
  return { count, oldestAt: oldest };
}

/** The bytes of jobs that are gone. */
export async function removeOutputs(storageDir: string, jobIds: readonly string[]): Promise<void> {
  for (const id of jobIds) await rm(join(storageDir, "outputs", outputFolder(id)), { recursive: true, force: true });
}

/** Deletes all that is prunable, rows before bytes, batch by batch, until done or aborted. Returns how many jobs went. */
export async function pruneAll(
  board: Board,
  storageDir: string,
  finishedBefore: number,
  signal: AbortSignal,
): Promise<number> {
  for (let total = 0; ;) {
    const ids = await pruneJobs(board, finishedBefore);
    await removeOutputs(storageDir, ids);
    total += ids.length;
    if (ids.length < BATCH || signal.aborted) return total;
  }
}

/** One round of keeping the board small. */
export async function maintain(board: Board, config: Places, now: number, signal: AbortSignal): Promise<Maintained> {
  const { keepDays, storageDir, dataDir } = config;
  const jobs = keepDays === 0 ? 0 : await pruneAll(board, storageDir, now - keepDays * DAY_MS, signal);
  const events = await forget(board, signal, OLD_DELETIONS, now - KEEP_DELETED_MS);
  const spending = await forget(board, signal, OLD_SPENDING, now - KEEP_SPENDING_MS);
  const pairings = await forget(board, signal, OLD_PAIRINGS, now);
  await forget(board, signal, FORGOTTEN_ARRIVALS, now - KEEP_CHATS_MS);
  await forget(board, signal, FORGOTTEN_DELIVERIES, now - KEEP_CHATS_MS);
  const arrivals = await forget(board, signal, OLD_ARRIVALS, now - KEEP_CHATS_MS);
  const deliveries = await forget(board, signal, OLD_DELIVERIES, now - KEEP_CHATS_MS);
  return { jobs, events, spending, pairings, arrivals, deliveries, isLogEmptied: emptyLog(board, dataDir) };
}

/** As the partial index has it. */
const PRUNABLE = "WHERE finished_at IS NOT NULL AND conversation_id IS NULL AND finished_at < ?";

/** `find` is asked first, so that nobody is kept from writing while it looks. */
type Forgettable = { readonly find: string; readonly drop: string };

const OLD_DELETIONS: Forgettable = {
  // The newest seq of all stays: the next one is reckoned from it.
  find: `SELECT seq AS id FROM job_events WHERE kind = 'job-deleted' AND at < ?
    AND seq < (SELECT max(seq) FROM job_events) LIMIT ?`,
  drop: "DELETE FROM job_events WHERE seq = ?",
};
/** Marks against redelivery, and what was said: no platform asks for it any more. */
const OLD_ARRIVALS: Forgettable = {
  // The newest seq of all stays: messages are named by it, and no name is given twice.
  find: `SELECT seq AS id FROM arrivals WHERE state = 'done' AND arrived_at < ?
    AND seq < (SELECT max(seq) FROM arrivals) LIMIT ?`,
  drop: "DELETE FROM arrivals WHERE seq = ?",
};
/** Of a bot that is gone, or that nobody answered: what was said on it is not kept for ever. */
const FORGOTTEN_ARRIVALS: Forgettable = {
  find: "SELECT seq AS id FROM arrivals INDEXED BY arrivals_open WHERE state <> 'done' AND arrived_at < ? LIMIT ?",
  drop: "UPDATE arrivals SET state = 'done', body = NULL WHERE seq = ?",
};
/** Nobody has written for so long: what waited for that is given up, and forgotten a month later. */
const FORGOTTEN_DELIVERIES: Forgettable = {
  find: `SELECT seq AS id FROM deliveries INDEXED BY deliveries_open
    WHERE (state = 'ready' OR state = 'sending' OR state = 'held') AND created_at < ? LIMIT ?`,
  drop: "UPDATE deliveries SET state = 'failed', error = 'Nobody came for it.', ended_at = created_at WHERE seq = ?",
};
const OLD_DELIVERIES: Forgettable = {
  // The newest seq of all stays: the next turn is reckoned from it.
  find: `SELECT seq AS id FROM deliveries WHERE ended_at IS NOT NULL AND ended_at < ?
    AND seq < (SELECT max(seq) FROM deliveries) LIMIT ?`,
  drop: "DELETE FROM deliveries WHERE seq = ?",
};
const OLD_SPENDING: Forgettable = {
  find: "SELECT id FROM spend WHERE created_at < ?1 AND ended_at < ?1 LIMIT ?2",
  drop: "DELETE FROM spend WHERE id = ? AND ended_at IS NOT NULL",
};
const OLD_PAIRINGS: Forgettable = {
  find: "SELECT token_sha256 AS id FROM pairings WHERE expires_at < ? LIMIT ?",
  drop: "DELETE FROM pairings WHERE token_sha256 = ?",
};

const Key = z.union([z.string(), z.number(), z.bigint()]);

async function forget(board: Board, signal: AbortSignal, rows: Forgettable, before: number): Promise<number> {
  for (let total = 0; ;) {
    const keys: Value[] = board
      .read((tx) => tx.all(rows.find, before, MOST_AT_ONCE))
      .map((row) => Key.parse(row["id"]));
    if (keys.length === 0 || signal.aborted) return total;
    await board.write((tx) => keys.forEach((key) => tx.run(rows.drop, key)), "soft");
    total += keys.length;
  }
}

/** Looked at by its size alone: to open and close one of the files would drop SQLite's locks on it. */
function emptyLog(board: Board, dataDir: string): boolean {
  const facts = statSync(join(dataDir, "jobs.db-wal"), { throwIfNoEntry: false });
  if (facts === undefined || facts.size <= MAX_LOG_BYTES) return false;
  board.checkpoint();
  return true;
}
