// Watches for rows of programs that do not nudge: eagerly while they come, rarely when none came for a while.
import type { Board } from "../shared/db.ts";
import type { Clock } from "../shared/clock.ts";

const EAGER_MS = 10;
const EAGER_FOR_MS = 10_000;
const WATCHFUL_MS = 25;
const WATCHFUL_FOR_MS = 60_000;
/** The brief's pace. */
const QUIET_MS = 500;

/** Calls `onChange` when another connection has committed. Returns what stops it. */
export function watchForStrangers(board: Board, clock: Clock, onChange: () => void): () => void {
  let known = board.dataVersion();
  let changedAt = Number.NEGATIVE_INFINITY;
  const look = () => {
    const current = board.dataVersion();
    const now = clock.monotonic();
    if (current !== known) {
      known = current;
      changedAt = now;
      onChange();
    }
    timer = setTimeout(look, paceOf(now - changedAt));
  };
  let timer = setTimeout(look, QUIET_MS);
  return () => clearTimeout(timer);
}

export function paceOf(quietMs: number): number {
  if (quietMs < EAGER_FOR_MS) return EAGER_MS;
  return quietMs < WATCHFUL_FOR_MS ? WATCHFUL_MS : QUIET_MS;
}
