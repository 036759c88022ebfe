// Who is gone, and the jobs they held. Judged by process where it can be seen, else by signs of life on our own clock.
import { isSameAlive } from "./alive.ts";
import type { Clock } from "./clock.ts";
import type { Board, Tx } from "./db.ts";
import type { Log } from "./log.ts";
import { expireJobs, reclaimJobs } from "./recovery.ts";
import { pause } from "./stop.ts";
import { forgetWorkers, lifeSignOf, readWorker, type Worker } from "./workers.ts";

/** A worker that gave no sign of life for this long is taken for dead. */
export const LEASE_MS = 30_000;
/** How often a worker beats, and how often the others look, in a lease. */
export const BEATS_PER_LEASE = 6;
/** A worker's line is cut a moment before its process is gone. */
const DEATH_WITHIN_MS = 1_000;
const DEATH_LOOK_MS = 2;

export type Reaper = {
  /** One look at everything: gone workers, passed deadlines. */
  readonly look: () => Promise<void>;
  /** This worker's line was cut: if its process is gone, or goes in a moment, its jobs are reclaimed at once. */
  readonly suspect: (workerId: string) => Promise<void>;
  /** Looks every few seconds until the signal aborts. */
  readonly watch: (signal: AbortSignal) => Promise<void>;
};

/** `onMoved` is told when jobs were moved. */
export function createReaper(
  board: Board,
  clock: Clock,
  log: Log,
  onMoved: () => void,
  leaseMs: number = LEASE_MS,
): Reaper {
  const isSilent = createJudge(clock, leaseMs);
  const isGone = (tx: Tx, workerId: string): boolean => {
    const worker = readWorker(tx, workerId);
    return (worker !== null && !isThere(worker)) || isSilent(workerId, lifeSignOf(tx, workerId));
  };

  const look = async (): Promise<void> => {
    const reclaimed = await reclaimJobs(board, isGone, clock.now());
    const expired = await expireJobs(board, clock.now());
    if (reclaimed.length > 0) log.warn("jobs-reclaimed", { jobs: reclaimed });
    if (expired.length > 0) log.warn("jobs-expired", { jobs: expired });
    if (reclaimed.length + expired.length > 0) onMoved();
  };

  const suspect = async (workerId: string): Promise<void> => {
    const giveUpAt = clock.monotonic() + DEATH_WITHIN_MS;
    for (;;) {
      const worker = board.read((tx) => readWorker(tx, workerId));
      if (worker === null) return;
      if (!isThere(worker)) break;
      // It lives and has only lost the line: from here its heartbeat decides.
      if (clock.monotonic() > giveUpAt) return;
      await Bun.sleep(DEATH_LOOK_MS);
    }
    await look();
  };

  const watch = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await look();
        await forgetWorkers(board, (worker) => !isThere(worker));
      } catch (error) {
        log.error("reaper-failed", { error });
      }
      await pause(leaseMs / BEATS_PER_LEASE, signal);
    }
  };

  return { look, suspect, watch };
}

export const isThere = (worker: Worker): boolean => isSameAlive(worker.pid, worker.pidStarted);

/** Whether a sign stands still for a whole lease of our own monotonic clock: nobody's wall clock has a say in it. */
export function createJudge(clock: Clock, leaseMs: number): (workerId: string, sign: string) => boolean {
  const seen = new Map<string, { sign: string; at: number }>();
  let lastLook = clock.monotonic();
  return (workerId, sign) => {
    const now = clock.monotonic();
    // We were away ourselves (the machine slept, or we were stopped), and so perhaps were they: everybody starts anew.
    if (now - lastLook > leaseMs / 2) seen.clear();
    lastLook = now;
    const known = seen.get(workerId);
    if (known?.sign === sign) return now - known.at > leaseMs;
    seen.set(workerId, { sign, at: now });
    return false;
  };
}
