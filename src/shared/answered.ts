// A job that nobody has to work on: its answer is known when it is put on the board.
import type { Tx } from "./db.ts";
import { insertJob, type NewJob } from "./jobs.ts";
import { tellEnd } from "./moves.ts";

/**
 * Statement. The job and its end in one: it is never in the line, so no worker sees it and it keeps nobody waiting. Like any
 * other that has ended it has a result and both events, but no attempt.
 */
export function insertAnswered(tx: Tx, job: NewJob, text: string, now: number): void {
  insertJob(tx, job, now);
  tx.run("UPDATE job_run SET state = 'done', finished_at = ? WHERE job_id = ? AND attempt = 0", now, job.id);
  const held = { jobId: job.id, conversationId: job.conversationId, attempt: 0, workerId: null, startedAt: null };
  const output = { stdout: "", text, artifacts: [] };
  tellEnd(tx, held, "done", { output, error: null }, now);
}
