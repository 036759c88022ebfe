// What was run in a conversation's sandboxes, in order. Run again in a fresh one, it leads to the same variables and files.
import { z } from "zod";
import type { Claim } from "./claims.ts";
import type { Board, Tx } from "./db.ts";
import { integer, parseJson, text } from "./rows.ts";

export type Cell = {
  readonly jobId: string;
  readonly kind: "python" | "shell";
  readonly code: string;
  readonly outcome: "ok" | "error";
  /** Beginning and end of what came out. */
  readonly output: string;
  readonly hadNetwork: boolean;
};

const Row = z.object({
  job_id: text,
  kind: z.enum(["python", "shell"]),
  code: text,
  outcome: z.enum(["ok", "error"]),
  output: text,
  had_network: integer,
});

/** Follows what the job ran before. */
export function recordCell(board: Board, cell: Cell, now: number): Promise<void> {
  return board.write(
    (tx) =>
      void tx.run(
        `INSERT INTO cells (job_id, position, kind, code, outcome, output, had_network, created_at)
         VALUES (?1, (SELECT coalesce(max(position), 0) + 1 FROM cells WHERE job_id = ?1), ?2, ?3, ?4, ?5, ?6, ?7)`,
        cell.jobId,
        cell.kind,
        cell.code,
        cell.outcome,
        cell.output,
        cell.hadNetwork ? 1 : 0,
        now,
      ),
  );
}

/** An earlier attempt at the job ran in a sandbox that is gone. */
export function forgetCells(board: Board, { jobId }: Pick<Claim, "jobId">): Promise<void> {
  return board.write((tx) => {
    tx.run("DELETE FROM cells WHERE job_id = ?", jobId);
    tx.run("DELETE FROM job_states WHERE job_id = ?", jobId);
  });
}

export function cellsOfJob(tx: Tx, jobId: string): Cell[] {
  return tx.all("SELECT * FROM cells WHERE job_id = ? ORDER BY position", jobId).map(toCell);
}

/** All of the conversation's, in the order in which its jobs were made; of ended ones only. */
export function cellsOfConversation(tx: Tx, conversationId: string): Cell[] {
  return tx
    .all(
      `SELECT cells.* FROM cells JOIN job_run USING (job_id) WHERE conversation_id = ? AND finished_at IS NOT NULL
       ORDER BY created_seq, position`,
      conversationId,
    )
    .map(toCell);
}

/** How the job left its variables: a digest of each. */
export function recordState(board: Board, jobId: string, digest: Readonly<Record<string, string>>): Promise<void> {
  return board.write(
    (tx) =>
      void tx.run(
        "INSERT INTO job_states (job_id, digest) VALUES (?, ?) ON CONFLICT (job_id) DO UPDATE SET digest = excluded.digest",
        jobId,
        JSON.stringify(digest),
      ),
  );
}

/** That of the conversation's latest job that had any; null if none had. */
export function latestState(tx: Tx, conversationId: string): Readonly<Record<string, string>> | null {
  const row = tx.get(
    `SELECT digest FROM job_states JOIN job_run USING (job_id) WHERE conversation_id = ? ORDER BY created_seq DESC LIMIT 1`,
    conversationId,
  );
  return row === null ? null : z.record(z.string(), z.string()).parse(parseJson(text.parse(row["digest"])));
}

function toCell(row: Record<string, unknown>): Cell {
  const { job_id, kind, code, outcome, output, had_network } = Row.parse(row);
  return { jobId: job_id, kind, code, outcome, output, hadNetwork: had_network === 1 };
}
