// Who is before whom in the line, and what a job waits for.
import type { Tx } from "./db.ts";
import { toRun, type Run } from "./jobs.ts";
import { integer } from "./rows.ts";

/** How many jobs are begun before this one; 0 for one that is not in the line. */
export function jobsBefore(tx: Tx, jobId: string): number {
  const row = tx.get(
    `SELECT count(*) AS count FROM job_run AS other, (SELECT priority, turn FROM job_run WHERE job_id = ? AND state = 'ready') AS mine
     WHERE other.state = 'ready' AND (other.priority > mine.priority OR other.priority = mine.priority AND other.turn < mine.turn)`,
    jobId,
  );
  return integer.parse(row?.["count"]);
}

/** The jobs of its conversation that a waiting one is behind, in the order in which they will be done. */
export function jobsAhead(tx: Tx, jobId: string): Run[] {
  return tx
    .all(
      `SELECT other.* FROM job_run AS mine JOIN job_run AS other ON other.conversation_id = mine.conversation_id
       WHERE mine.job_id = ? AND mine.state = 'waiting' AND other.finished_at IS NULL
         AND (other.state = 'running' OR other.state = 'ready' OR other.state = 'retrying'
           OR other.state = 'waiting' AND other.turn < mine.turn)
       ORDER BY other.state = 'waiting', other.turn`,
      jobId,
    )
    .map(toRun);
}
