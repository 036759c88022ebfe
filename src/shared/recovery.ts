// What becomes of jobs that nobody brings to an end: their worker died, or their time ran out.
import type { Claim } from "./claims.ts";
import type { Board, Tx } from "./db.ts";
import { readRun, toRun, type Run } from "./jobs.ts";
import { emptyEnd, tellEnd, tellReturn } from "./moves.ts";
import { text } from "./rows.ts";
import type { JobError } from "./types.ts";

/** Jobs that expire in one transaction. */
const EXPIRED_AT_ONCE = 256;

/** Jobs of workers that are gone are ready again, or end when that was their last attempt. Returns their ids. */
export function reclaimJobs(
  board: Board,
  isGone: (tx: Tx, workerId: string) => boolean,
  now: number,
): Promise<string[]> {
  const lost = (tx: Tx): Run[] => runsOfGone(tx, isGone);
  // Nearly always there is nothing to do, and a look costs nobody a commit.
  if (board.read(lost).length === 0) return Promise.resolve([]);
  return board.write((tx) => {
    const runs = lost(tx);
    for (const run of runs) release(tx, run, "The worker died while it ran this.", now);
    return runs.map((run) => run.jobId);
  });
}

/** A running job whose end could not be kept: as if its worker had died. False if the claim was lost. */
export function dropJob(board: Board, claim: Claim, now: number): Promise<boolean> {
  return board.write((tx) => {
    const run = readRun(tx, claim.jobId);
    if (run?.state !== "running" || !isSame(run, claim)) return false;
    release(tx, run, "What it came to could not be kept.", now);
    return true;
  });
}

const isSame = (run: Run, claim: Claim): boolean =>
  run.attempt === claim.attempt && run.workerId === claim.workerId && run.startedAt === claim.startedAt;

/** Jobs that have not begun by their deadline fail. Returns their ids. */
export async function expireJobs(board: Board, now: number): Promise<string[]> {
  const expired: string[] = [];
  while (board.read((tx) => lateJobs(tx, now, 1)).length > 0) expired.push(...(await expireSome(board, now)));
  return expired;
}

/** Not all in one transaction: everybody else waits meanwhile. */
function expireSome(board: Board, now: number): Promise<string[]> {
  return board.write((tx) => {
    const runs = lateJobs(tx, now, EXPIRED_AT_ONCE);
    for (const run of runs) {
      tx.run("UPDATE job_run SET state = 'failed', finished_at = ?, run_at = NULL WHERE job_id = ?", now, run.jobId);
      const error = { code: "timeout", message: "Its deadline passed before it could be done, so it was not begun." };
      tellEnd(tx, run, "failed", emptyEnd(error), now);
    }
    return runs.map((run) => run.jobId);
  });
}

function lateJobs(tx: Tx, now: number, limit: number): Run[] {
  return tx
    .all(
      `SELECT * FROM job_run WHERE deadline_at <= ? AND deadline_at IS NOT NULL AND finished_at IS NULL AND state <> 'running'
       LIMIT ?`,
      now,
      limit,
    )
    .map(toRun);
}

function runsOfGone(tx: Tx, isGone: (tx: Tx, workerId: string) => boolean): Run[] {
  // A stranger's worker has no id here and nobody can tell whether it lives: its jobs are left to it.
  return tx
    .all("SELECT DISTINCT worker_id FROM job_run WHERE state = 'running' AND worker_id IS NOT NULL")
    .map((row) => text.parse(row["worker_id"]))
    .filter((workerId) => isGone(tx, workerId))
    .flatMap((workerId) => tx.all("SELECT * FROM job_run WHERE state = 'running' AND worker_id = ?", workerId))
    .map(toRun);
}

function release(tx: Tx, run: Run, why: string, now: number): void {
  if (run.isCancelAsked) {
    end(tx, run, "cancelled", { code: "cancelled", message: "You stopped this." }, now);
    return;
  }
  if (run.attempt >= run.maxAttempts) {
    const message = `${why} It was started ${run.attempt} times and is not tried again.`;
    end(tx, run, "dead", { code: "internal", message }, now);
    return;
  }
  tx.run(
    "UPDATE job_run SET state = 'ready', worker_id = NULL, progress = NULL WHERE job_id = ? AND state = 'running'",
    run.jobId,
  );
  tellReturn(tx, run, "lost", { code: "unavailable", message: why }, { kind: "job-requeued" }, now);
}

function end(tx: Tx, run: Run, state: "cancelled" | "dead", error: JobError, now: number): void {
  tx.run(
    "UPDATE job_run SET state = ?, finished_at = ?, progress = NULL WHERE job_id = ? AND state = 'running'",
    state,
    now,
    run.jobId,
  );
  tellEnd(tx, run, state, emptyEnd(error), now);
}
