// What a worker does with jobs: claim, report, settle, retry, hand back. Nothing is written once the claim is lost.
import { z } from "zod";
import { insertArtifact } from "./artifacts.ts";
import type { Board, Tx } from "./db.ts";
import { appendEvent } from "./events.ts";
import { tellEnd, tellReturn, type Settlement } from "./moves.ts";
import { placeOf } from "./jobs.ts";
import { integer, optionalInteger, optionalText, parseJson, text } from "./rows.ts";
import type { Artifact, JobError, JobEventBody } from "./types.ts";

/** What a worker holds: `attempt` only rises and is the fencing token, without which nothing is written back. */
export type Claim = {
  readonly jobId: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly workerId: string;
  /** As the row says; not yet known to be one of ours. */
  readonly type: string;
  /** Not yet validated: any program may have written it. Undefined where it is not JSON. */
  readonly input: unknown;
  readonly conversationId: string | null;
  readonly startedAt: number;
  readonly deadlineAt: number | null;
  /** What earlier attempts cost. */
  readonly spentMicroUsd: number;
};

/** No retry is put off for longer. One that lies farther away was written before the clock went back, and is due. */
export const MAX_RETRY_MS = 3_600_000;
/** Scheduled jobs that join the line in one transaction. */
const DUE_AT_ONCE = 256;

const ClaimRow = z.object({
  job_id: text,
  attempt: integer,
  max_attempts: integer,
  type: text,
  conversation_id: optionalText,
  deadline_at: optionalInteger,
  cost_micro_usd: integer,
});

/**
 * Takes up to `limit` jobs: the higher priority first, then those that stand in the line longest. Soft: a claim that a
 * power cut takes back is a claim that never was, and all that its worker wrote later goes with it.
 */
export function claimJobs(board: Board, workerId: string, limit: number, now: number): Promise<Claim[]> {
  if (limit < 1 || !board.read((tx) => hasWork(tx, now))) return Promise.resolve([]);
  return board.write((tx) => {
    joinDue(tx, now);
    return tx
      .all(
        `SELECT job_id, attempt, max_attempts, type, conversation_id, deadline_at, cost_micro_usd FROM job_run
         WHERE state = 'ready' ORDER BY priority DESC, turn LIMIT ?`,
        limit,
      )
      .map((row) => begin(tx, ClaimRow.parse(row), workerId, now));
  }, "soft");
}

/** When the next scheduled or retrying job is due (ms since the epoch); null when there is none. */
export function nextDue(tx: Tx): number | null {
  const first = (state: string) =>
    optionalInteger.parse(tx.get("SELECT min(run_at) AS at FROM job_run WHERE state = ?", state)?.["at"] ?? null);
  const times = [first("scheduled"), first("retrying")].filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** Which of these running jobs are to be stopped: cancelled, or not ours any more. */
export function stopAsked(board: Board, claims: readonly Claim[]): string[] {
  if (claims.length === 0) return [];
  return board.read((tx) =>
    claims
      .filter((claim) => tx.get(`${HELD} AND cancel_at IS NULL`, claim.jobId, claim.attempt, claim.workerId) === null)
      .map((claim) => claim.jobId),
  );
}

/** Appends events of a running job; false if the claim was lost, and then nothing is written. */
export function recordEvents(
  board: Board,
  claim: Claim,
  bodies: readonly JobEventBody[],
  now: number,
): Promise<boolean> {
  return board.write((tx) => {
    if (!isHeld(tx, claim)) return false;
    for (const body of bodies) {
      if (body.kind === "progress-changed")
        tx.run("UPDATE job_run SET progress = ? WHERE job_id = ?", body.fraction, claim.jobId);
      appendEvent(tx, claim, now, body);
    }
    return true;
  }, "soft");
}

/** Keeps what came out of a running job and tells it; false if the claim was lost, and then nothing is written. */
export function recordArtifacts(
  board: Board,
  claim: Claim,
  artifacts: readonly Artifact[],
  now: number,
): Promise<boolean> {
  return board.write((tx) => {
    if (!isHeld(tx, claim)) return false;
    for (const artifact of artifacts) {
      insertArtifact(tx, artifact, now);
      appendEvent(tx, claim, now, { kind: "artifact-available", artifact });
    }
    return true;
  });
}

/** The end of a job: state, result and final event in one transaction. False if the claim was lost. */
export function settleJob(board: Board, claim: Claim, end: Settlement, now: number): Promise<boolean> {
  return board.write((tx) => {
    const state = end.error === null ? "done" : end.error.code === "cancelled" ? "cancelled" : "failed";
    const settled = tx.run(
      `UPDATE job_run SET state = ?, finished_at = ?, cost_micro_usd = cost_micro_usd + ?, progress = NULL ${WHERE_HELD}`,
      state,
      now,
      end.costMicroUsd,
      claim.jobId,
      claim.attempt,
      claim.workerId,
    );
    if (settled === 1) tellEnd(tx, claim, state, end, claim.spentMicroUsd + end.costMicroUsd, now);
    return settled === 1;
  });
}

export type Retry = {
  readonly error: JobError;
  /** Not before (ms since the epoch). */
  readonly runAt: number;
  /** False: this attempt does not count (a server asked for a pause). */
  readonly isCounted: boolean;
  readonly costMicroUsd: number;
};

/** The attempt failed in a way that may pass: the job waits for its next one. False if the claim was lost. */
export function retryJob(board: Board, claim: Claim, retry: Retry, now: number): Promise<boolean> {
  return board.write((tx) => {
    const isOurs = tx.run(
      `UPDATE job_run SET state = 'retrying', run_at = ?, max_attempts = max_attempts + ?, worker_id = NULL, progress = NULL,
       cost_micro_usd = cost_micro_usd + ? ${WHERE_HELD}`,
      Math.min(retry.runAt, now + MAX_RETRY_MS),
      retry.isCounted ? 0 : 1,
      retry.costMicroUsd,
      claim.jobId,
      claim.attempt,
      claim.workerId,
    );
    if (isOurs === 0) return false;
    const { attempt } = claim;
    const { error, runAt } = retry;
    tellReturn(tx, claim, "retrying", retry, { kind: "job-retrying", attempt, error, retryAt: runAt }, now);
    return true;
  });
}

/** Gives a running job back untouched; the attempt does not count. */
export function handBackJob(board: Board, claim: Claim, costMicroUsd: number, now: number): Promise<boolean> {
  return board.write((tx) => {
    const isOurs = tx.run(
      `UPDATE job_run SET state = 'ready', max_attempts = max_attempts + 1, worker_id = NULL, progress = NULL,
       cost_micro_usd = cost_micro_usd + ? ${WHERE_HELD}`,
      costMicroUsd,
      claim.jobId,
      claim.attempt,
      claim.workerId,
    );
    if (isOurs === 1)
      tellReturn(tx, claim, "handed-back", { error: null, costMicroUsd }, { kind: "job-requeued" }, now);
    return isOurs === 1;
  });
}

const WHERE_HELD = "WHERE job_id = ? AND attempt = ? AND worker_id = ? AND state = 'running'";
const HELD = `SELECT 1 FROM job_run ${WHERE_HELD}`;

function isHeld(tx: Tx, claim: Claim): boolean {
  return tx.get(HELD, claim.jobId, claim.attempt, claim.workerId) !== null;
}

function begin(tx: Tx, row: z.infer<typeof ClaimRow>, workerId: string, now: number): Claim {
  const { job_id: jobId, type, conversation_id: conversationId } = row;
  const attempt = row.attempt + 1;
  tx.run(
    `UPDATE job_run SET state = 'running', attempt = ?, worker_id = ?, started_at = ?, progress = NULL
     WHERE job_id = ? AND state = 'ready'`,
    attempt,
    workerId,
    now,
    jobId,
  );
  const input = tx.get(
    "UPDATE jobs SET status = 'running', updated_at = ? WHERE id = ? RETURNING input_context",
    now,
    jobId,
  );
  appendEvent(tx, { jobId, conversationId, attempt }, now, { kind: "job-started", attempt });
  return {
    jobId,
    attempt,
    maxAttempts: row.max_attempts,
    workerId,
    type,
    input: parseJson(input?.["input_context"]),
    conversationId,
    startedAt: now,
    deadlineAt: row.deadline_at,
    spentMicroUsd: row.cost_micro_usd,
  };
}

function hasWork(tx: Tx, now: number): boolean {
  return tx.get("SELECT 1 FROM job_run WHERE state = 'ready' LIMIT 1") !== null || dueJobs(tx, now, 1).length > 0;
}

const DueRow = z.object({ job_id: text, state: z.enum(["scheduled", "retrying"]), conversation_id: optionalText });

function dueJobs(tx: Tx, now: number, limit: number): z.infer<typeof DueRow>[] {
  const columns = "SELECT job_id, state, conversation_id FROM job_run WHERE";
  return [
    ...tx.all(`${columns} state = 'retrying' AND run_at <= ? LIMIT ?`, now, limit),
    ...tx.all(`${columns} state = 'retrying' AND run_at > ? LIMIT ?`, now + MAX_RETRY_MS, limit),
    ...tx.all(`${columns} state = 'scheduled' AND run_at <= ? ORDER BY run_at LIMIT ?`, now, limit),
  ].map((row) => DueRow.parse(row));
}

/** Those whose time has come join the line: a retry at its old place, a scheduled job at the end. */
function joinDue(tx: Tx, now: number): void {
  for (const { job_id, state, conversation_id } of dueJobs(tx, now, DUE_AT_ONCE)) {
    if (state === "retrying")
      tx.run("UPDATE job_run SET state = 'ready', run_at = NULL WHERE job_id = ? AND state = 'retrying'", job_id);
    else
      tx.run(
        `UPDATE job_run SET state = ?, run_at = NULL, turn = (SELECT max(seq) FROM job_events)
         WHERE job_id = ? AND state = 'scheduled'`,
        placeOf(tx, conversation_id),
        job_id,
      );
  }
}
