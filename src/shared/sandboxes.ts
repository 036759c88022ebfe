// The ledger of sandboxes: written before use, so that none is forgotten and the day's cost is known beforehand.
import type { Board, Tx } from "./db.ts";
import { integer, optionalInteger, optionalText, text } from "./rows.ts";

export type Reservation = {
  readonly id: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly workerId: string;
  readonly provider: "local" | "e2b";
  /** What it costs at most, had it to live to the end of its timeout. */
  readonly reservedMicroUsd: number;
};

/** False if the reservation would lift the provider's cost since `dayStart` above the limit; then nothing is written. */
export function reserveSandbox(
  board: Board,
  reservation: Reservation,
  limit: { readonly dayStart: number; readonly microUsd: number },
  now: number,
): Promise<boolean> {
  return board.write((tx) => {
    const row = tx.get(
      "SELECT coalesce(sum(coalesce(cost_micro_usd, reserved_micro_usd)), 0) AS spent FROM sandboxes WHERE provider = ? AND created_at >= ?",
      reservation.provider,
      limit.dayStart,
    );
    if (integer.parse(row?.["spent"]) + reservation.reservedMicroUsd > limit.microUsd) return false;
    tx.run(
      "INSERT INTO sandboxes (id, job_id, attempt, worker_id, provider, created_at, reserved_micro_usd) VALUES (?, ?, ?, ?, ?, ?, ?)",
      reservation.id,
      reservation.jobId,
      reservation.attempt,
      reservation.workerId,
      reservation.provider,
      now,
      reservation.reservedMicroUsd,
    );
    return true;
  });
}

/** The provider's own name for it; written before the sandbox is used. */
export function nameSandbox(board: Board, id: string, sandboxId: string): Promise<void> {
  return board.write((tx) => void tx.run("UPDATE sandboxes SET sandbox_id = ? WHERE id = ?", sandboxId, id));
}

export type Orphan = {
  readonly id: string;
  readonly jobId: string;
  readonly attempt: number | null;
  /** Null: its worker died before it could write down the name. */
  readonly sandboxId: string | null;
};

/** Sandboxes that are not known to have ended although the attempt they were made for does not run any more. */
export function orphanSandboxes(tx: Tx, provider: "local" | "e2b"): Orphan[] {
  const rows = tx.all(
    `SELECT id, job_id, attempt, sandbox_id FROM sandboxes WHERE ended_at IS NULL AND worker_id IS NOT NULL AND provider = ? AND NOT EXISTS (SELECT 1 FROM job_run
       WHERE job_run.job_id = sandboxes.job_id AND job_run.attempt = sandboxes.attempt AND state = 'running')`,
    provider,
  );
  return rows.map((row) => ({
    id: text.parse(row["id"]),
    jobId: text.parse(row["job_id"]),
    attempt: optionalInteger.parse(row["attempt"]),
    sandboxId: optionalText.parse(row["sandbox_id"]),
  }));
}

/** Whether the attempt that a sandbox was made for is the one that runs. */
export function isAttemptRunning(tx: Tx, jobId: string, attempt: number): boolean {
  return (
    tx.get("SELECT 1 FROM job_run WHERE job_id = ? AND attempt = ? AND state = 'running'", jobId, attempt) !== null
  );
}

/** Puts the real figure in place of the reservation. */
export function settleSandbox(board: Board, id: string, costMicroUsd: number, now: number): Promise<void> {
  return board.write((tx) => {
    tx.run(
      "UPDATE sandboxes SET ended_at = ?, cost_micro_usd = ? WHERE id = ? AND ended_at IS NULL",
      now,
      costMicroUsd,
      id,
    );
  });
}

/** One that somebody else ended. Nobody knows its cost, so the reservation stands. */
export function closeSandbox(board: Board, id: string, now: number): Promise<void> {
  return board.write(
    (tx) => void tx.run("UPDATE sandboxes SET ended_at = ? WHERE id = ? AND ended_at IS NULL", now, id),
  );
}

/** Micro-dollars of all sandboxes made since then; those that still run at the most that they may cost. */
export function spentSince(tx: Tx, since: number): number {
  const row = tx.get(
    `SELECT coalesce(sum(coalesce(cost_micro_usd, reserved_micro_usd)), 0) AS spent FROM sandboxes
     WHERE (provider = 'local' OR provider = 'e2b') AND created_at >= ?`,
    since,
  );
  return integer.parse(row?.["spent"]);
}
