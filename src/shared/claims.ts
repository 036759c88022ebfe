// What a worker does with jobs: claim, report, settle, retry, hand back. Nothing is written once the claim is lost.
import { z } from "zod";
import { forgetArtifacts, insertArtifact } from "./artifacts.ts";
import type { Board, Tx } from "./db.ts";
import { appendEvent } from "./events.ts";
import { emptyEnd, tellEnd, tellReturn, type Settlement } from "./moves.ts";
import { placeOf } from "./jobs.ts";
import { integer, optionalInteger, optionalText, parseJson, text } from "./rows.ts";
import type { Artifact, JobError, JobEventBody } from "./types.ts";

/** What a worker holds: `attempt` only rises and is the fencing token, without which nothing is written back. */
export type Claim = {
  readonly jobId: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly workerId: string;
  /** As the row says; not yet known to be one of ours. */
  readonly type: string;
  /** Not yet validated: any program may have written it. Undefined where it is not JSON. */
  readonly input: unknown;
  readonly conversationId: string | null;
  readonly startedAt: number;
  readonly deadlineAt: number | null;
};

/** No retry is put off for longer. One that lies farther away was written before the clock went back, and is due. */
export const MAX_RETRY_MS = 3_600_000;
/** Scheduled jobs that join the line in one transaction. */
const DUE_AT_ONCE = 256;

const ClaimRow = z.object({
  job_id: text,
  attempt: integer,
  max_attempts: integer,
  conversation_id: optionalText,
  deadline_at: optionalInteger,
  priority: integer,
  turn: integer,
});

/**
 * Takes up to `limit()` jobs, asked once more within the transaction: the higher priority first, then those that stand in the line
 * longest. Soft: a claim that a power cut takes back is a claim that never was, and all that its worker wrote later goes
 * with it.
 */
export function claimJobs(board: Board, workerId: string, limit: () => number, now: number): Promise<Claim[]> {
  if (limit() < 1) return Promise.resolve([]);
  // Nearly always nothing is due, and a look costs less than the lock.
  const { isDue, isReady } = board.read((tx) => lookAhead(tx, now));
  if (!isDue && !isReady) return Promise.resolve([]);
  return board.write((tx) => {
    if (isDue) joinDue(tx, now);
    const count = Math.trunc(limit());
    if (count < 1) return [];
    return tx
      .all(
        // A number of ours, written out: with a bound LIMIT, SQLite takes four times as long.
        `SELECT job_id, attempt, max_attempts, conversation_id, deadline_at, priority, turn FROM job_run
         WHERE state = 'ready' ORDER BY priority DESC, turn LIMIT ${count}`,
      )
      .flatMap((row) => begin(tx, ClaimRow.parse(row), workerId, now) ?? []);
  }, "soft");
}

/** When the next scheduled or retrying job is due (ms since the epoch); null when there is none. */
export function nextDue(tx: Tx): number | null {
  const times = [
    tx.get("SELECT min(run_at) AS at FROM job_run WHERE state = 'scheduled'"),
    tx.get("SELECT min(run_at) AS at FROM job_run WHERE state = 'retrying'"),
  ].flatMap((row) => optionalInteger.parse(row?.["at"] ?? null) ?? []);
  return times.length === 0 ? null : Math.min(...times);
}

/** Which of these claims are to be given up: someone stopped the job, or it is not ours any more. */
export function stopAsked(board: Board, claims: readonly Claim[]): Claim[] {
  if (claims.length === 0) return [];
  return board.read((tx) =>
    claims.filter((claim) => tx.get(`${HELD} AND cancel_at IS NULL`, ...fenceOf(claim)) === null),
  );
}

/** Appends events of a running job; false if the claim was lost, and then nothing is written. */
export function recordEvents(
  board: Board,
  claim: Claim,
  bodies: readonly JobEventBody[],
  now: number,
): Promise<boolean> {
  return board.write((tx) => {
    if (!isHeld(tx, claim)) return false;
    for (const body of bodies) {
      if (body.kind === "progress-changed")
        tx.run("UPDATE job_run SET progress = ? WHERE job_id = ?", body.fraction, claim.jobId);
      appendEvent(tx, claim, now, body);
    }
    return true;
  }, "soft");
}

/**
 * What earlier attempts at a running job kept is forgotten. The paths whose bytes are now nobody's; null if the claim was
 * lost, and then nothing is forgotten.
 */
export function forgetEarlier(board: Board, claim: Claim): Promise<string[] | null> {
  return board.write((tx) => (isHeld(tx, claim) ? forgetArtifacts(tx, claim.jobId) : null));
}

/** Keeps what came out of a running job and tells it; false if the claim was lost, and then nothing is written. */
export function recordArtifacts(
  board: Board,
  claim: Claim,
  artifacts: readonly Artifact[],
  now: number,
): Promise<boolean> {
  return board.write((tx) => {
    if (!isHeld(tx, claim)) return false;
    for (const artifact of artifacts) {
      insertArtifact(tx, artifact, now);
      appendEvent(tx, claim, now, { kind: "artifact-available", artifact });
    }
    return true;
  });
}

/** The end of a job: state, result and final event in one transaction. False if the claim was lost. */
export function settleJob(board: Board, claim: Claim, end: Settlement, now: number): Promise<boolean> {
  return board.write((tx) => settle(tx, claim, end, now));
}

export type Retry = {
  readonly error: JobError;
  /** Not before (ms since the epoch). */
  readonly runAt: number;
  /** False: this attempt does not count (a server asked for a pause). */
  readonly isCounted: boolean;
};

/**
 * The attempt failed in a way that may pass: the job waits for its next one, unless it is to be stopped; then it ends.
 * False if the claim was lost.
 */
export function retryJob(board: Board, claim: Claim, retry: Retry, now: number): Promise<boolean> {
  return board.write((tx) => {
    const retryAt = Math.min(retry.runAt, now + MAX_RETRY_MS);
    const isOurs = tx.run(
      `UPDATE job_run SET state = 'retrying', run_at = ?, max_attempts = max_attempts + ?, worker_id = NULL, progress = NULL
       ${WHERE_HELD} AND cancel_at IS NULL`,
      retryAt,
      retry.isCounted ? 0 : 1,
      ...fenceOf(claim),
    );
    if (isOurs === 0) return settle(tx, claim, STOPPED, now);
    const { attempt } = claim;
    tellReturn(tx, claim, "retrying", retry.error, { kind: "job-retrying", attempt, error: retry.error, retryAt }, now);
    return true;
  });
}

/** Gives a running job back, unless it is to be stopped; the attempt does not count. False if the claim was lost. */
export function handBackJob(board: Board, claim: Claim, now: number): Promise<boolean> {
  return board.write((tx) => {
    const isOurs = tx.run(
      `UPDATE job_run SET state = 'ready', max_attempts = max_attempts + 1, worker_id = NULL, progress = NULL
       ${WHERE_HELD} AND cancel_at IS NULL`,
      ...fenceOf(claim),
    );
    if (isOurs === 0) return settle(tx, claim, STOPPED, now);
    tellReturn(tx, claim, "handed-back", null, { kind: "job-requeued" }, now);
    return true;
  });
}

/** The moment of the claim, too: an id that was deleted and came again counts its attempts from one again. */
const WHERE_HELD = "WHERE job_id = ? AND attempt = ? AND worker_id = ? AND started_at = ? AND state = 'running'";
const HELD = `SELECT 1 FROM job_run ${WHERE_HELD}`;

const fenceOf = (claim: Claim) => [claim.jobId, claim.attempt, claim.workerId, claim.startedAt] as const;

/** Nothing happens if the claim was lost. */
function settle(tx: Tx, claim: Claim, end: Settlement, now: number): boolean {
  const state = end.error === null ? "done" : end.error.code === "cancelled" ? "cancelled" : "failed";
  const settled = tx.run(
    `UPDATE job_run SET state = ?, finished_at = ?, progress = NULL ${WHERE_HELD}`,
    state,
    now,
    ...fenceOf(claim),
  );
  if (settled === 1) tellEnd(tx, claim, state, end, now);
  return settled === 1;
}

const STOPPED: Settlement = emptyEnd({ code: "cancelled", message: "You stopped this." });

function isHeld(tx: Tx, claim: Claim): boolean {
  return tx.get(HELD, ...fenceOf(claim)) !== null;
}

/** Null for a row that nobody can name; it has ended. */
function begin(tx: Tx, row: z.infer<typeof ClaimRow>, workerId: string, now: number): Claim | null {
  const { job_id: jobId, conversation_id: conversationId } = row;
  const attempt = row.attempt + 1;
  const begun = tx.run(
    `UPDATE job_run SET state = 'running', attempt = ?, worker_id = ?, started_at = ?, progress = NULL
     WHERE job_id = ? AND state = 'ready'`,
    attempt,
    workerId,
    now,
    jobId,
  );
  if (begun === 0) {
    endNameless(tx, row.priority, row.turn);
    return null;
  }
  // A stranger may have changed the row since it came.
  const job = tx.get(
    "UPDATE jobs SET status = 'running', updated_at = ? WHERE id = ? RETURNING type, input_context",
    now,
    jobId,
  );
  appendEvent(tx, { jobId, conversationId, attempt }, now, { kind: "job-started", attempt });
  return {
    jobId,
    attempt,
    maxAttempts: row.max_attempts,
    workerId,
    type: text.catch("").parse(job?.["type"]),
    input: parseJson(job?.["input_context"]),
    conversationId,
    startedAt: now,
    deadlineAt: row.deadline_at,
  };
}

/** An id that is not UTF-8 comes out of SQLite as another one. The trigger for strangers' changes does the rest. */
function endNameless(tx: Tx, priority: number, turn: number): void {
  const message = "The id of this row is not valid UTF-8, so nobody can name it and it was not begun.";
  tx.run(
    `UPDATE jobs SET status = 'failed', output_result = ? WHERE id = (SELECT job_id FROM job_run
     WHERE state = 'ready' AND priority = ? AND turn = ?)`,
    JSON.stringify(emptyEnd({ code: "bad_request", message }).output),
    priority,
    turn,
  );
}

function lookAhead(tx: Tx, now: number): { readonly isDue: boolean; readonly isReady: boolean } {
  const row = tx.get(
    `SELECT EXISTS (SELECT 1 FROM job_run WHERE state = 'ready' LIMIT 1) AS ready,
       EXISTS (SELECT 1 FROM job_run WHERE state = 'retrying' AND run_at <= ?1)
       OR EXISTS (SELECT 1 FROM job_run WHERE state = 'retrying' AND run_at > ?2)
       OR EXISTS (SELECT 1 FROM job_run WHERE state = 'scheduled' AND run_at <= ?1) AS due`,
    now,
    now + MAX_RETRY_MS,
  );
  return { isDue: row?.["due"] === 1, isReady: row?.["ready"] === 1 };
}

const DueRow = z.object({
  job_id: text,
  state: z.enum(["scheduled", "retrying"]),
  conversation_id: optionalText,
  attempt: integer,
});

function dueJobs(tx: Tx, now: number): z.infer<typeof DueRow>[] {
  const columns = "SELECT job_id, state, conversation_id, attempt FROM job_run WHERE";
  return [
    ...tx.all(`${columns} state = 'retrying' AND run_at <= ? LIMIT ?`, now, DUE_AT_ONCE),
    ...tx.all(`${columns} state = 'retrying' AND run_at > ? LIMIT ?`, now + MAX_RETRY_MS, DUE_AT_ONCE),
    ...tx.all(`${columns} state = 'scheduled' AND run_at <= ? ORDER BY run_at LIMIT ?`, now, DUE_AT_ONCE),
  ].map((row) => DueRow.parse(row));
}

/** Those whose time has come join the line: a retry at its old place, a scheduled job at the end. */
function joinDue(tx: Tx, now: number): void {
  for (const { job_id, state, conversation_id, attempt } of dueJobs(tx, now)) {
    if (state === "retrying") {
      tx.run("UPDATE job_run SET state = 'ready', run_at = NULL WHERE job_id = ? AND state = 'retrying'", job_id);
      continue;
    }
    const place = placeOf(tx, conversation_id);
    // Its seq is a place in the line that nobody else has.
    const turn = appendEvent(tx, { jobId: job_id, conversationId: conversation_id, attempt }, now, {
      kind: "job-requeued",
    });
    tx.run(
      "UPDATE job_run SET state = ?, run_at = NULL, turn = ? WHERE job_id = ? AND state = 'scheduled'",
      place,
      turn,
      job_id,
    );
  }
}
