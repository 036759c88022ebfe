// What a person does with jobs: stop one, run one again.
import type { Board, Tx } from "./db.ts";
import { appendEvent } from "./events.ts";
import { MAX_ATTEMPTS, placeOf, readRun } from "./jobs.ts";
import { emptyEnd, tellEnd } from "./moves.ts";

/** `asked`: it runs, and its worker will obey. */
export type Stopping = "cancelled" | "asked" | "ended" | "unknown";

/** Stops a job: one of ours that runs is asked to end, and its worker obeys; any other ends at once. */
export function cancelJob(board: Board, jobId: string, now: number): Promise<Stopping> {
  return board.write((tx) => stopJob(tx, jobId, now));
}

/** Statement. As `cancelJob`. */
export function stopJob(tx: Tx, jobId: string, now: number): Stopping {
  const run = readRun(tx, jobId);
  if (run === null) return "unknown";
  const asked = tx.run(
    "UPDATE job_run SET cancel_at = ? WHERE job_id = ? AND state = 'running' AND worker_id IS NOT NULL",
    now,
    jobId,
  );
  if (asked === 1) return "asked";
  // A stranger's worker cannot be asked: it finds out when it looks at the row.
  const ended = tx.run(
    `UPDATE job_run SET state = 'cancelled', finished_at = ?, run_at = NULL WHERE job_id = ? AND finished_at IS NULL`,
    now,
    jobId,
  );
  if (ended === 0) return "ended";
  const message = run.attempt === 0 ? "You stopped this before it began." : "You stopped this.";
  tellEnd(tx, run, "cancelled", emptyEnd({ code: "cancelled", message }), now);
  return "cancelled";
}

/** A job that failed, was stopped, or waits for its time goes into the line with all its attempts before it. A deadline holds while it is still to come. */
export function restartJob(board: Board, jobId: string, now: number): Promise<"restarted" | "refused" | "unknown"> {
  return board.write((tx) => {
    const run = readRun(tx, jobId);
    if (run === null) return "unknown";
    const place = run.state === "retrying" ? "ready" : placeOf(tx, run.conversationId);
    const moved = tx.run(
      `UPDATE job_run SET state = ?, max_attempts = attempt + ?, worker_id = NULL, cancel_at = NULL, run_at = NULL,
       started_at = NULL, finished_at = NULL, deadline_at = CASE WHEN deadline_at > ? THEN deadline_at END WHERE job_id = ?
       AND (state = 'failed' OR state = 'dead' OR state = 'cancelled' OR state = 'retrying' OR state = 'scheduled')`,
      place,
      MAX_ATTEMPTS,
      now,
      jobId,
    );
    if (moved === 0) return "refused";
    tx.run("UPDATE jobs SET status = 'pending', output_result = NULL, updated_at = ? WHERE id = ?", now, jobId);
    const turn = appendEvent(tx, run, now, { kind: "job-requeued" });
    tx.run("UPDATE job_run SET turn = ? WHERE job_id = ?", turn, jobId);
    return "restarted";
  });
}
