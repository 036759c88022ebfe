// What many tests do with jobs: take one, end it, lose its worker, and read what was told.
import { claimJobs, retryJob, settleJob, type Claim, type Retry } from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import type { Board } from "../../src/shared/db.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { readJob, readRun, type NewJob, type Run } from "../../src/shared/jobs.ts";
import type { Settlement } from "../../src/shared/moves.ts";
import { reserveSpend, settleSpend } from "../../src/shared/spend.ts";
import { reclaimJobs } from "../../src/shared/recovery.ts";
import type { Job, JobError, JobState } from "../../src/shared/types.ts";
import { addJob } from "./temporary.ts";

type Place = { readonly board: Board };

export const DONE: Settlement = {
  output: { stdout: "out", text: "t", artifacts: [] },
  error: null,
};

export const passing = (message: string): JobError => ({ code: "unavailable", message });

/** An attempt that failed in a way that may pass. */
export const retry = (runAt: number, more: Partial<Retry> = {}): Retry => ({
  error: passing("Not now."),
  runAt,
  isCounted: true,
  ...more,
});

export async function claimOne(place: Place, worker = "1-a", now = 2_000): Promise<Claim> {
  const [claim] = await claimJobs(place.board, worker, () => 1, now);
  if (claim === undefined) throw new Error("Nothing was claimed.");
  return claim;
}

const NO_LIMIT = { job: 1e12, day: 1e12, month: 1e12 };

/** What this attempt asked of a model. */
export async function spend(
  place: Place,
  held: Pick<Claim, "jobId" | "attempt" | "workerId">,
  microUsd: number,
): Promise<void> {
  const { jobId, attempt, workerId } = held;
  const call = {
    id: Bun.randomUUIDv7(),
    jobId,
    attempt,
    workerId,
    kind: "model",
    provider: "openai",
    subject: "m",
  } as const;
  await reserveSpend(place.board, { ...call, reservedMicroUsd: 2 * microUsd }, NO_LIMIT, 2_000);
  await settleSpend(place.board, call.id, { costMicroUsd: microUsd, isEstimate: false, units: {} }, 2_000);
}

/** Every worker is gone. */
export const loseWorkers = (place: Place, now = 3_000): Promise<string[]> => reclaimJobs(place.board, () => true, now);

export const jobOf = (place: Place, id: string): Job | null => place.board.read((tx) => readJob(tx, id));

export function runOf(place: Place, id: string): Run {
  const run = place.board.read((tx) => readRun(tx, id));
  if (run === null) throw new Error(`There is no job ${id}.`);
  return run;
}

export const kindsOf = (place: Place, id: string): string[] =>
  place.board.read((tx) => eventsAfter(tx, 0, 1_000, id)).map((event) => event.kind);

/** The board, and how often it was written to: also a commit of nothing takes the lock that others wait for. */
export function countingWrites(place: Place): { readonly board: Board; readonly writes: () => number } {
  let writes = 0;
  const board: Board = {
    ...place.board,
    write: (unit, durability) => {
      writes += 1;
      return place.board.write(unit, durability);
    },
  };
  return { board, writes: () => writes };
}

/** What must hold whoever wrote: one sentence a row that breaks a rule. */
export function brokenRules(place: Place): string[] {
  const ended = "state IN ('done', 'failed', 'dead', 'cancelled')";
  const rules = {
    "has a run without its row": "SELECT job_id FROM job_run WHERE job_id NOT IN (SELECT id FROM jobs)",
    "has a row without its run": "SELECT id FROM jobs WHERE id NOT IN (SELECT job_id FROM job_run)",
    "shows another status than its state": `SELECT id FROM jobs JOIN job_run ON job_id = id WHERE status <>
      CASE WHEN state = 'done' THEN 'completed' WHEN state = 'running' THEN 'running' WHEN ${ended} THEN 'failed' ELSE 'pending' END`,
    "is finished and is not": `SELECT job_id FROM job_run WHERE (finished_at IS NOT NULL) <> (${ended})`,
    "waits for a time and does not": `SELECT job_id FROM job_run WHERE (run_at IS NOT NULL) <> (state IN ('scheduled', 'retrying'))`,
    "is somebody's though it waits": `SELECT job_id FROM job_run WHERE worker_id IS NOT NULL AND state <> 'running' AND NOT ${ended}`,
    "waits behind nobody": `SELECT job_id FROM job_run WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM job_run AS other
      WHERE other.conversation_id = job_run.conversation_id AND other.state IN ('ready', 'running', 'retrying'))`,
    "is not alone in its conversation's turn": `SELECT max(job_id) FROM job_run WHERE conversation_id IS NOT NULL
      AND state IN ('ready', 'running', 'retrying') GROUP BY conversation_id HAVING count(*) > 1`,
    "left events": `SELECT DISTINCT job_id FROM job_events WHERE kind <> 'job-deleted' AND job_id NOT IN (SELECT id FROM jobs)`,
    "left attempts": "SELECT DISTINCT job_id FROM job_attempts WHERE job_id NOT IN (SELECT id FROM jobs)",
    "left artifacts": "SELECT DISTINCT job_id FROM artifacts WHERE job_id NOT IN (SELECT id FROM jobs)",
  };
  return place.board.read((tx) =>
    Object.entries(rules).flatMap(([rule, sql]) =>
      tx.all(sql).map((row) => `${String(Object.values(row)[0])} ${rule}`),
    ),
  );
}

/** Puts a job on the board and brings it into this state. It is held, if so, by 1-a, and `now` is 2,000. */
export async function addJobIn(place: Place, id: string, state: JobState, job: Partial<NewJob> = {}): Promise<void> {
  const { board } = place;
  const error = { code: "code", message: "It did not work." };
  if (state === "waiting") {
    await addJob(board, `${id}-front`, { conversationId: "talk" });
    await addJob(board, id, { conversationId: "talk", ...job });
    return;
  }
  await addJob(board, id, state === "scheduled" ? { runAt: 1e15, ...job } : job);
  if (state === "scheduled" || state === "ready") return;
  if (state === "cancelled") {
    await cancelJob(board, id, 2_000);
    return;
  }
  const [claim] = (await claimJobs(board, "1-a", () => 1_000, 2_000)).filter((one) => one.jobId === id);
  if (claim === undefined) throw new Error(`${id} was not claimed.`);
  if (state === "retrying") await retryJob(board, claim, retry(2_500), 2_000);
  if (state === "done") await settleJob(board, claim, DONE, 2_000);
  if (state === "failed") await settleJob(board, claim, { ...DONE, output: { ...DONE.output, error }, error }, 2_000);
  if (state !== "dead") return;
  await board.write((tx) => tx.run("UPDATE job_run SET max_attempts = 1 WHERE job_id = ?", id));
  await loseWorkers(place, 2_000);
}
