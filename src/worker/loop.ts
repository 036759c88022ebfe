// The worker's loop: claim → run → settle, side by side up to a limit, until told to stop.
import { claimJobs, nextDue, stopAsked, type Claim } from "../shared/claims.ts";
import type { Clock } from "../shared/clock.ts";
import type { Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { BEATS_PER_LEASE, LEASE_MS } from "../shared/reaper.ts";
import { dropJob } from "../shared/recovery.ts";
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
  /**
   * Brings one claimed job to its end, whatever happens. Its owner aborts `controller` with an AppError as the reason.
   * `onEnding` is called just before the end is written: the next job may then be claimed in the same commit.
   */
  readonly run: (claim: Claim, controller: AbortController, onEnding: () => void) => Promise<void>;
  /** Tells core that there is something new in the table. */
  readonly nudge: () => void;
  readonly wake: Wake;
  /** False: no new jobs for now (the disk is nearly full). */
  readonly canClaim: () => boolean;
};

/** By claim and not by job: one that was lost may come again while its earlier attempt is still being stopped. */
type Running = Map<Claim, { readonly controller: AbortController; readonly done: Promise<void> }>;

type Hands = {
  readonly running: Running;
  /** Those of them that only wait for their end to be written. */
  readonly ending: Set<Claim>;
  /** Those whose end could not be written; on the board they still run. */
  readonly unsettled: Set<Claim>;
};

/** Runs until `stop` aborts; then nothing is running any more. */
export async function work(shift: Shift, stop: AbortSignal): Promise<void> {
  const hands: Hands = { running: new Map(), ending: new Set(), unsettled: new Set() };
  const beatMs = (shift.leaseMs ?? LEASE_MS) / BEATS_PER_LEASE;
  const beat = setInterval(() => void keepLease(shift, hands.running), beatMs);
  while (!stop.aborted) await shift.wake.wait(await lookOnce(shift, hands), stop);
  await finish(shift, hands);
  clearInterval(beat);
}

/** Returns after how long to go again, unless something happens before. */
async function lookOnce(shift: Shift, hands: Hands): Promise<number> {
  try {
    stopAbandoned(shift, hands);
    await dropUnsettled(shift, hands.unsettled);
    const now = shift.clock.now();
    await claimMore(shift, hands, now);
    return patience(shift, now);
  } catch (error) {
    // The disk may be full, or another program may have locked the file: the next round may do better.
    shift.log.error("round-failed", { error });
    return POLL_MS;
  }
}

async function claimMore(shift: Shift, hands: Hands, now: number): Promise<void> {
  // Counted when the transaction runs: by then more jobs may have come to their end, in the same transaction.
  const free = () => shift.concurrency - (hands.running.size - hands.ending.size);
  if (!shift.canClaim()) return;
  const claims = await claimJobs(shift.board, shift.workerId, free, now);
  for (const claim of claims) start(shift, hands, claim);
  if (claims.length > 0) shift.nudge();
}

function start(shift: Shift, { running, ending, unsettled }: Hands, claim: Claim): void {
  const controller = new AbortController();
  const onEnding = () => {
    ending.add(claim);
    shift.wake.wake();
  };
  const done = shift
    .run(claim, controller, onEnding)
    .catch((error: unknown) => {
      shift.log.error("job-unsettled", { job: claim.jobId, error });
      unsettled.add(claim);
    })
    .finally(() => {
      running.delete(claim);
      ending.delete(claim);
      shift.wake.wake();
    });
  running.set(claim, { controller, done });
  shift.log.info("job-claimed", { job: claim.jobId, attempt: claim.attempt, type: claim.type });
}

async function dropUnsettled({ board, clock }: Shift, unsettled: Set<Claim>): Promise<void> {
  for (const claim of unsettled) {
    await dropJob(board, claim, clock.now());
    unsettled.delete(claim);
  }
}

/** Jobs that someone cancelled, or that are not ours any more. */
function stopAbandoned({ board }: Shift, { running, ending }: Hands): void {
  const atWork = [...running.keys()].filter((claim) => !ending.has(claim));
  for (const claim of stopAsked(board, atWork))
    running.get(claim)?.controller.abort(new AppError("cancelled", "You stopped this."));
}

/** Until the next job is due, but not longer than the poll. What was due and is still there waits for room. */
function patience({ board, clock }: Shift, claimedAt: number): number {
  const due = board.read(nextDue);
  return due === null || due <= claimedAt ? POLL_MS : Math.min(POLL_MS, Math.max(0, due - clock.now()));
}

async function keepLease(shift: Shift, running: Running): Promise<void> {
  if (running.size === 0) return;
  try {
    await beatWorker(shift.board, shift.workerId);
  } catch (error) {
    shift.log.error("heartbeat-failed", { error });
  }
}

/** Jobs may come to their end for a moment, and can be cancelled meanwhile; then they are told to give themselves back. */
async function finish(shift: Shift, hands: Hands): Promise<void> {
  const grace = AbortSignal.timeout(STOP_GRACE_MS);
  while (hands.running.size > 0 && !grace.aborted) {
    await shift.wake.wait(POLL_MS, grace);
    try {
      stopAbandoned(shift, hands);
    } catch (error) {
      shift.log.error("round-failed", { error });
    }
  }
  for (const { controller } of hands.running.values())
    controller.abort(new AppError("unavailable", "Sandpiper was stopped; the job goes on at the next start."));
  await Promise.all([...hands.running.values()].map((one) => one.done));
}
