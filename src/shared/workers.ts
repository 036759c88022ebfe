// Who may hold jobs, and whether they are still there.
import { z } from "zod";
import type { Board, Tx } from "./db.ts";
import { integer, optionalText, text } from "./rows.ts";

export type Worker = {
  readonly id: string;
  readonly pid: number;
  /** Tells a process from a later one with the same pid; null where the system does not say. */
  readonly pidStarted: string | null;
  /** Rises with every heartbeat. */
  readonly beat: number;
};

const WorkerRow = z.object({ id: text, pid: integer, pid_started: optionalText, beat: integer });

export function registerWorker(board: Board, worker: Omit<Worker, "beat">, now: number): Promise<void> {
  return board.write((tx) => {
    tx.run(
      "INSERT INTO workers (id, pid, pid_started, started_at) VALUES (?, ?, ?, ?)",
      worker.id,
      worker.pid,
      worker.pidStarted,
      now,
    );
  });
}

/** A sign of life. */
export function beatWorker(board: Board, id: string): Promise<void> {
  return board.write((tx) => void tx.run("UPDATE workers SET beat = beat + 1 WHERE id = ?", id), "soft");
}

/** Changes while the worker is at work: it beats, or it holds other jobs than before. */
export function lifeSignOf(tx: Tx, id: string): string {
  const row = tx.get(
    `SELECT coalesce((SELECT beat FROM workers WHERE id = ?1), 0) || ' ' || coalesce(group_concat(job_id || ' ' || attempt), '') AS sign
     FROM job_run WHERE state = 'running' AND worker_id = ?1`,
    id,
  );
  return text.parse(row?.["sign"]);
}

export function readWorker(tx: Tx, id: string): Worker | null {
  const row = tx.get("SELECT * FROM workers WHERE id = ?", id);
  return row === null ? null : toWorker(row);
}

/** Forgets the workers that `isGone` and that nothing refers to any more. */
export async function forgetWorkers(board: Board, isGone: (worker: Worker) => boolean): Promise<void> {
  const forgettable = (tx: Tx): Worker[] =>
    tx
      .all(
        `SELECT * FROM workers WHERE NOT EXISTS (SELECT 1 FROM job_run WHERE state = 'running' AND worker_id = workers.id)
         AND NOT EXISTS (SELECT 1 FROM spend WHERE ended_at IS NULL AND worker_id = workers.id)`,
      )
      .map(toWorker)
      .filter(isGone);
  if (board.read(forgettable).length === 0) return;
  await board.write((tx) => {
    for (const worker of forgettable(tx)) tx.run("DELETE FROM workers WHERE id = ?", worker.id);
  }, "soft");
}

function toWorker(row: Record<string, unknown>): Worker {
  const { id, pid, pid_started, beat } = WorkerRow.parse(row);
  return { id, pid, pidStarted: pid_started, beat };
}
