// Who is gone, and the jobs they held. Judged by process where it can be seen, else by heartbeats on our own clock.
import { isSameAlive } from "./alive.ts";
import type { Clock } from "./clock.ts";
import type { Board, Tx } from "./db.ts";
import type { Log } from "./log.ts";
import { expireJobs, reclaimJobs } from "./recovery.ts";
import { pause } from "./stop.ts";
import { forgetWorkers, readWorker, type Worker } from "./workers.ts";

/** A worker whose heartbeat stood still this long is taken for dead. */
export const LEASE_MS = 30_000;
/** How often to look. */
const LOOK_MS = 5_000;
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
export function createReaper(board: Board, clock: Clock, log: Log, onMoved: () => void): Reaper {
  const isSilent = createJudge(clock);
  const isGone = (tx: Tx, workerId: string): boolean => {
    const worker = readWorker(tx, workerId);
    return (worker !== null && !isThere(worker)) || isSilent(workerId, worker?.beat ?? 0);
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
      await pause(LOOK_MS, signal);
    }
  };

  return { look, suspect, watch };
}

export const isThere = (worker: Worker): boolean => isSameAlive(worker.pid, worker.pidStarted);

/** Whether a beat stands still for a whole lease of our own monotonic clock: nobody's wall clock has a say in it. */
export function createJudge(clock: Clock): (workerId: string, beat: number) => boolean {
  const seen = new Map<string, { beat: number; at: number }>();
  let lastLook = clock.monotonic();
  return (workerId, beat) => {
    const now = clock.monotonic();
    // We were away ourselves (the machine slept, or we were stopped), and so perhaps were they: everybody starts anew.
    if (now - lastLook > LEASE_MS / 2) seen.clear();
    lastLook = now;
    const known = seen.get(workerId);
    if (known?.beat === beat) return now - known.at > LEASE_MS;
    seen.set(workerId, { beat, at: now });
    return false;
  };
}
