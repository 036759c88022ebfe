// The worker's loop: claim → run → settle, side by side up to a limit, until told to stop.
import { claimJobs, nextDue, stopAsked, type Claim } from "../shared/claims.ts";
import type { Clock } from "../shared/clock.ts";
import type { Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { BEATS_PER_LEASE, LEASE_MS } from "../shared/reaper.ts";
import { beatWorker } from "../shared/workers.ts";
import type { Wake } from "./wake.ts";

/** The net under the nudge: a row that nobody announced waits this long at most. */
const POLL_MS = 500;
/** Running jobs may finish for this long after a stop; then they go back to the board. */
const STOP_GRACE_MS = 3_000;

export type Shift = {
  readonly board: Board;
  readonly clock: Clock;
  readonly log: Log;
  readonly workerId: string;
  readonly concurrency: number;
  /** How long the others wait for a sign of life; LEASE_MS when left out. */
  readonly leaseMs?: number;
  /** Brings one claimed job to its end, whatever happens. Its owner aborts `controller` with an AppError as the reason. */
  readonly run: (claim: Claim, controller: AbortController) => Promise<void>;
  /** Tells core that there is something new in the table. */
  readonly nudge: () => void;
  readonly wake: Wake;
  /** False: no new jobs for now (the disk is nearly full). */
  readonly canClaim: () => boolean;
};

type Running = { readonly claim: Claim; readonly controller: AbortController; readonly done: Promise<void> };

/** Runs until `stop` aborts; then nothing is running any more. */
export async function work(shift: Shift, stop: AbortSignal): Promise<void> {
  const running = new Map<string, Running>();
  const beatMs = (shift.leaseMs ?? LEASE_MS) / BEATS_PER_LEASE;
  const beat = setInterval(() => void keepLease(shift, running), beatMs);
  while (!stop.aborted) {
    await claimMore(shift, running);
    stopAbandoned(shift, running);
    await shift.wake.wait(patience(shift), stop);
  }
  await finish(running);
  clearInterval(beat);
}

async function claimMore(shift: Shift, running: Map<string, Running>): Promise<void> {
  const free = shift.concurrency - running.size;
  if (free === 0 || !shift.canClaim()) return;
  try {
    const claims = await claimJobs(shift.board, shift.workerId, free, shift.clock.now());
    for (const claim of claims) start(shift, running, claim);
    if (claims.length > 0) shift.nudge();
  } catch (error) {
    // The disk may be full, or another program may have locked the file: the next round may do better.
    shift.log.error("claim-failed", { error });
  }
}

function start(shift: Shift, running: Map<string, Running>, claim: Claim): void {
  const controller = new AbortController();
  const done = shift
    .run(claim, controller)
    .catch((error: unknown) => shift.log.error("job-unsettled", { job: claim.jobId, error }))
    .finally(() => {
      running.delete(claim.jobId);
      shift.wake.wake();
    });
  running.set(claim.jobId, { claim, controller, done });
  shift.log.info("job-claimed", { job: claim.jobId, attempt: claim.attempt, type: claim.type });
}

/** Jobs that someone cancelled, or that are not ours any more. */
function stopAbandoned({ board }: Shift, running: ReadonlyMap<string, Running>): void {
  const claims = [...running.values()].map((one) => one.claim);
  for (const jobId of stopAsked(board, claims))
    running.get(jobId)?.controller.abort(new AppError("cancelled", "You stopped this."));
}

/** Until the next scheduled job is due, but not longer than the poll. */
function patience({ board, clock }: Shift): number {
  const due = board.read(nextDue);
  return due === null ? POLL_MS : Math.min(POLL_MS, Math.max(0, due - clock.now()));
}

async function keepLease(shift: Shift, running: ReadonlyMap<string, Running>): Promise<void> {
  if (running.size === 0) return;
  try {
    await beatWorker(shift.board, shift.workerId);
  } catch (error) {
    shift.log.error("heartbeat-failed", { error });
  }
}

async function finish(running: ReadonlyMap<string, Running>): Promise<void> {
  const ended = Promise.all([...running.values()].map((one) => one.done));
  await Promise.race([ended, Bun.sleep(STOP_GRACE_MS)]);
  for (const { controller } of running.values())
    controller.abort(new AppError("unavailable", "Sandpiper was stopped; the job goes on at the next start."));
  await ended;
}
