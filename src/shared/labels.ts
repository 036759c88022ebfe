// What a job has had to do with. Labels only grow, and what a job may do shrinks with them.
import type { Board, Tx } from "./db.ts";
import { text } from "./rows.ts";
import { LABELS, type Label } from "./types.ts";

/** `reason` says in words where it comes from; the first one stays. */
export function addLabel(board: Board, jobId: string, label: Label, reason: string, now: number): Promise<void> {
  return board.write(
    (tx) =>
      void tx.run(
        "INSERT INTO job_labels (job_id, label, reason, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        jobId,
        label,
        reason.slice(0, 500),
        now,
      ),
  );
}

export function labelsOf(tx: Tx, jobId: string): ReadonlySet<Label> {
  const known = new Set(
    tx.all("SELECT label FROM job_labels WHERE job_id = ?", jobId).map((row) => text.parse(row["label"])),
  );
  return new Set(LABELS.filter((label) => known.has(label)));
}

/** Whether a job of this conversation ever had that label. */
export function isConversationLabelled(tx: Tx, conversationId: string, label: Label): boolean {
  return (
    tx.get(
      "SELECT 1 FROM job_labels JOIN job_run USING (job_id) WHERE conversation_id = ? AND label = ?",
      conversationId,
      label,
    ) !== null
  );
}
