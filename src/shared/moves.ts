// What every move of a job writes besides its run: the public row, the attempt that ended, and the event. The caller has
// changed job_run first, naming the state that it left; the triggers for strangers then stay out of it.
import type { Tx } from "./db.ts";
import { appendEvent, dropDeltas, type Subject } from "./events.ts";
import { attemptsOf, type Attempt } from "./jobs.ts";
import { integer } from "./rows.ts";
import type { JobError, JobEventBody, JobOutput } from "./types.ts";

/** What a job ends with. */
export type Settlement = {
  readonly output: JobOutput;
  readonly error: JobError | null;
};

/** The attempt that a move is about. */
export type Held = Subject & { readonly workerId: string | null; readonly startedAt: number | null };

/** The result, the final event and the attempt of a job whose run has just been finished. Its cost is what the ledger says now. */
export function tellEnd(tx: Tx, held: Held, outcome: Attempt["outcome"], end: Settlement, now: number): void {
  const error = end.error === null ? null : withAttempts(tx, held.jobId, end.error);
  const output = error === null ? end.output : { ...end.output, error };
  tx.run(
    "UPDATE jobs SET status = ?, output_result = ?, updated_at = ? WHERE id = ?",
    error === null ? "completed" : "failed",
    JSON.stringify(output),
    now,
    held.jobId,
  );
  const costUsd = costOf(tx, held.jobId) / 1e6;
  const body: JobEventBody =
    error === null ? { kind: "job-completed", output, costUsd } : { kind: "job-failed", error, output, costUsd };
  appendEvent(tx, held, now, body);
  dropDeltas(tx, held.jobId);
  if (held.attempt > 0) recordAttempt(tx, held, outcome, end.error, now);
  if (held.conversationId !== null) promoteNext(tx, held.conversationId);
}

/** A running job that goes back to the board. */
export function tellReturn(
  tx: Tx,
  held: Held,
  outcome: Attempt["outcome"],
  why: JobError | null,
  body: JobEventBody,
  now: number,
): void {
  tx.run("UPDATE jobs SET status = 'pending', updated_at = ? WHERE id = ?", now, held.jobId);
  appendEvent(tx, held, now, body);
  dropDeltas(tx, held.jobId);
  recordAttempt(tx, held, outcome, why, now);
}

/** A job that ends without having been run to its end. */
export const emptyEnd = (error: JobError): Settlement => ({
  output: { stdout: "", text: "", artifacts: [], error },
  error,
});

const costOf = (tx: Tx, jobId: string): number =>
  integer.parse(tx.get("SELECT cost_micro_usd FROM job_run WHERE job_id = ?", jobId)?.["cost_micro_usd"] ?? 0);

/** The next of a conversation joins the end of the line, so that nobody gets two turns in a row. */
function promoteNext(tx: Tx, conversationId: string): void {
  const isOccupied = tx.get(
    `SELECT 1 FROM job_run WHERE conversation_id = ? AND finished_at IS NULL
     AND (state = 'ready' OR state = 'running' OR state = 'retrying')`,
    conversationId,
  );
  if (isOccupied !== null) return;
  tx.run(
    `UPDATE job_run SET state = 'ready', turn = (SELECT max(seq) FROM job_events) WHERE job_id = (SELECT job_id FROM job_run
     WHERE conversation_id = ? AND finished_at IS NULL AND state = 'waiting' ORDER BY turn LIMIT 1)`,
    conversationId,
  );
}

function recordAttempt(tx: Tx, held: Held, outcome: Attempt["outcome"], error: JobError | null, now: number): void {
  tx.run(
    `INSERT INTO job_attempts (job_id, attempt, worker_id, started_at, ended_at, outcome, error)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    held.jobId,
    held.attempt,
    held.workerId,
    held.startedAt,
    now,
    outcome,
    error === null ? null : JSON.stringify(error),
  );
}

/** The error that people see names what went wrong before, too. */
function withAttempts(tx: Tx, jobId: string, error: JobError): JobError {
  const earlier = attemptsOf(tx, jobId).flatMap(({ attempt, error: known }) =>
    known === null ? [] : [{ attempt, code: known.code, message: known.message }],
  );
  return earlier.length === 0 ? error : { ...error, attempts: earlier };
}
