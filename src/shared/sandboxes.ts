// The ledger of sandboxes: written before use, so that none is forgotten and the day's cost is known beforehand.
import type { Board } from "./db.ts";
import { integer } from "./rows.ts";

export type Reservation = {
  readonly id: string;
  readonly jobId: string | null;
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
      "INSERT INTO sandboxes (id, job_id, provider, created_at, reserved_micro_usd) VALUES (?, ?, ?, ?, ?)",
      reservation.id,
      reservation.jobId,
      reservation.provider,
      now,
      reservation.reservedMicroUsd,
    );
    return true;
  });
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
