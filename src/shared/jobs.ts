// The job board: enqueue, claim, settle, cancel. A state change names the state that it leaves.
import { z } from "zod";
import { insertArtifact } from "./artifacts.ts";
import type { Board, Tx } from "./db.ts";
import { appendEvent } from "./events.ts";
import { integer, optionalInteger, optionalText, parseJson, text } from "./rows.ts";
import {
  JobInput,
  JobOutput,
  type Artifact,
  type Job,
  type JobError,
  type JobEventBody,
  type JobType,
  type UploadedFile,
} from "./types.ts";

/** A worker that was silent this long is taken for dead. */
export const LEASE_MS = 30_000;

/** What a worker holds: `attempt` is the fencing token, without which nothing is written back. */
export type Claim = {
  readonly jobId: string;
  readonly attempt: number;
  readonly workerId: string;
  /** As the row says; not yet known to be one of ours. */
  readonly type: string;
  /** Not yet validated: any program may have written it. Undefined where it is not JSON. */
  readonly input: unknown;
  readonly conversationId: string | null;
};

const ClaimRow = z.object({ job_id: text, attempt: integer, type: text, conversation_id: optionalText });
const JobRow = z.object({
  id: text,
  type: text,
  status: z.enum(["pending", "running", "completed", "failed"]),
  input_context: z.unknown(),
  output_result: z.unknown(),
  conversation_id: optionalText,
  created_at: optionalInteger.catch(null),
  updated_at: optionalInteger.catch(null),
});

export type NewJob = {
  readonly id: string;
  readonly type: JobType;
  readonly input: JobInput;
  readonly conversationId: string | null;
  readonly files: readonly UploadedFile[];
};

/** Statement: run first, then the public row, so that the trigger for strangers' rows stays out of it. */
export function insertJob(tx: Tx, job: NewJob, now: number): void {
  tx.run("INSERT INTO job_run (job_id, type, conversation_id) VALUES (?, ?, ?)", job.id, job.type, job.conversationId);
  tx.run(
    "INSERT INTO jobs (id, type, status, input_context, created_at, updated_at) VALUES (?, ?, 'pending', ?, ?, ?)",
    job.id,
    job.type,
    JSON.stringify(job.input),
    now,
    now,
  );
  appendEvent(tx, job.id, 0, now, {
    kind: "job-created",
    type: job.type,
    prompt: job.input.prompt ?? "",
    files: job.files,
  });
}

/** Takes up to `limit` ready jobs, oldest first. */
export function claimJobs(board: Board, workerId: string, limit: number, now: number): Promise<Claim[]> {
  if (board.read((tx) => tx.get("SELECT 1 FROM job_run WHERE state = 'ready' LIMIT 1")) === null)
    return Promise.resolve([]);
  return board.write((tx) => {
    const rows = tx.all(
      `UPDATE job_run SET state = 'running', attempt = attempt + 1, worker_id = ?1, lease_until = ?2, started_at = ?3
       WHERE seq IN (SELECT seq FROM job_run WHERE state = 'ready' ORDER BY seq LIMIT ?4) AND state = 'ready'
       RETURNING job_id, attempt, type, conversation_id`,
      workerId,
      now + LEASE_MS,
      now,
      limit,
    );
    return rows.map((row) => {
      const { job_id, attempt, type, conversation_id } = ClaimRow.parse(row);
      appendEvent(tx, job_id, attempt, now, { kind: "job-started", attempt });
      const input = parseJson(tx.get("SELECT input_context FROM jobs WHERE id = ?", job_id)?.["input_context"]);
      return { jobId: job_id, attempt, workerId, type, input, conversationId: conversation_id };
    });
  });
}

/** Extends the leases of these claims; the ids that are to be cancelled or that are no longer ours come back. */
export function heartbeat(board: Board, claims: readonly Claim[], now: number): Promise<{ stop: string[] }> {
  return board.write((tx) => {
    const stop = claims.filter((claim) => {
      const kept = tx.run(
        "UPDATE job_run SET lease_until = ? WHERE job_id = ? AND attempt = ? AND worker_id = ? AND state = 'running'",
        now + LEASE_MS,
        claim.jobId,
        claim.attempt,
        claim.workerId,
      );
      return kept === 0 || isCancelAsked(tx, claim.jobId);
    });
    return { stop: stop.map((claim) => claim.jobId) };
  });
}

/** Which of these running jobs someone wants stopped. */
export function cancelAsked(board: Board, claims: readonly Claim[]): string[] {
  return board.read((tx) => claims.filter((claim) => isCancelAsked(tx, claim.jobId)).map((claim) => claim.jobId));
}

/** Appends events of a running job; false if the lease was lost, and then nothing is written. */
export function recordEvents(
  board: Board,
  claim: Claim,
  bodies: readonly JobEventBody[],
  now: number,
): Promise<boolean> {
  return board.write((tx) => {
    if (!isHeld(tx, claim)) return false;
    for (const body of bodies) appendEvent(tx, claim.jobId, claim.attempt, now, body);
    return true;
  });
}

/** Keeps what came out of a running job and tells it; false if the lease was lost, and then nothing is written. */
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
      appendEvent(tx, claim.jobId, claim.attempt, now, { kind: "artifact-available", artifact });
    }
    return true;
  });
}

export type Settlement = {
  readonly output: JobOutput;
  readonly error: JobError | null;
  readonly costMicroUsd: number;
};

/** The end of a job: state, result and final event in one transaction. False if the lease was lost. */
export function settleJob(board: Board, claim: Claim, end: Settlement, now: number): Promise<boolean> {
  return board.write((tx) => {
    const state = end.error === null ? "done" : end.error.code === "cancelled" ? "cancelled" : "failed";
    const settled = tx.run(
      `UPDATE job_run SET state = ?, finished_at = ?, lease_until = NULL, cost_micro_usd = cost_micro_usd + ?
       WHERE job_id = ? AND attempt = ? AND worker_id = ? AND state = 'running'`,
      state,
      now,
      end.costMicroUsd,
      claim.jobId,
      claim.attempt,
      claim.workerId,
    );
    if (settled === 0) return false;
    writeResult(tx, claim.jobId, claim.attempt, end, now);
    return true;
  });
}

/** Stops a job: a pending one ends at once; a running one is asked to, and its worker obeys. */
export function cancelJob(
  board: Board,
  jobId: string,
  now: number,
): Promise<"cancelled" | "asked" | "ended" | "unknown"> {
  return board.write((tx) => {
    const state = tx.get("SELECT state FROM job_run WHERE job_id = ?", jobId)?.["state"];
    if (state === undefined) return "unknown";
    if (tx.run("UPDATE job_run SET cancel_at = ? WHERE job_id = ? AND state = 'running'", now, jobId) === 1)
      return "asked";
    const ended = tx.run(
      "UPDATE job_run SET state = 'cancelled', finished_at = ? WHERE job_id = ? AND state IN ('ready', 'scheduled')",
      now,
      jobId,
    );
    if (ended === 0) return "ended";
    const error: JobError = { code: "cancelled", message: "You stopped this before it began." };
    writeResult(tx, jobId, 0, { output: { stdout: "", text: "", artifacts: [], error }, error, costMicroUsd: 0 }, now);
    return "cancelled";
  });
}

/** Running jobs whose worker is dead go back to the board, or fail when their attempts are used up. */
export function reclaimJobs(board: Board, isAlive: (workerId: string) => boolean, now: number): Promise<string[]> {
  return board.write((tx) => {
    const lost = tx
      .all(
        "SELECT job_id, attempt, max_attempts, worker_id, lease_until FROM job_run WHERE state = 'running' AND worker_id IS NOT NULL",
      )
      .map((row) => LostRow.parse(row))
      .filter((row) => row.lease_until < now || !isAlive(row.worker_id));
    for (const row of lost) handBack(tx, row, now);
    return lost.map((row) => row.job_id);
  });
}

/** Gives a running job back untouched: the attempt is not counted. */
export function handBackJob(board: Board, claim: Claim): Promise<boolean> {
  return board.write((tx) => {
    const sql = `UPDATE job_run SET state = 'ready', attempt = attempt - 1, worker_id = NULL, lease_until = NULL
      WHERE job_id = ? AND attempt = ? AND worker_id = ? AND state = 'running'`;
    return tx.run(sql, claim.jobId, claim.attempt, claim.workerId) === 1;
  });
}

export function readJob(tx: Tx, jobId: string): Job | null {
  const row = tx.get(`${SELECT_JOB} WHERE jobs.id = ?`, jobId);
  return row === null ? null : toJob(row);
}

/** Newest first. `before` is the id of a job: those that came before it. */
export function listJobs(tx: Tx, limit: number, before?: string): Job[] {
  const seq = before === undefined ? null : tx.get("SELECT seq FROM job_run WHERE job_id = ?", before)?.["seq"];
  const end = seq === undefined || seq === null ? Number.MAX_SAFE_INTEGER : integer.parse(seq);
  return tx.all(`${SELECT_JOB} WHERE job_run.seq < ? ORDER BY job_run.seq DESC LIMIT ?`, end, limit).map(toJob);
}

export function jobsOfConversation(tx: Tx, conversationId: string): Job[] {
  return tx.all(`${SELECT_JOB} WHERE job_run.conversation_id = ? ORDER BY job_run.seq`, conversationId).map(toJob);
}

export type RunFacts = {
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly costMicroUsd: number;
};

export function readRunFacts(tx: Tx, jobId: string): RunFacts {
  const row = tx.get("SELECT started_at, finished_at, cost_micro_usd FROM job_run WHERE job_id = ?", jobId);
  return {
    startedAt: optionalInteger.parse(row?.["started_at"] ?? null),
    finishedAt: optionalInteger.parse(row?.["finished_at"] ?? null),
    costMicroUsd: integer.parse(row?.["cost_micro_usd"] ?? 0),
  };
}

const LostRow = z.object({
  job_id: text,
  attempt: integer,
  max_attempts: integer,
  worker_id: text,
  lease_until: z
    .number()
    .nullable()
    .transform((value) => value ?? Number.POSITIVE_INFINITY),
});

const SELECT_JOB = `SELECT jobs.id, jobs.type, jobs.status, jobs.input_context, jobs.output_result,
  job_run.conversation_id, jobs.created_at, jobs.updated_at FROM jobs JOIN job_run ON job_run.job_id = jobs.id`;

function handBack(tx: Tx, row: z.infer<typeof LostRow>, now: number): void {
  if (row.attempt < row.max_attempts) {
    tx.run(
      "UPDATE job_run SET state = 'ready', worker_id = NULL, lease_until = NULL WHERE job_id = ? AND attempt = ? AND state = 'running'",
      row.job_id,
      row.attempt,
    );
    return;
  }
  const error: JobError = {
    code: "internal",
    message: `This job was started ${row.attempt} times and each time the worker died. It is not tried again.`,
  };
  tx.run("UPDATE job_run SET state = 'dead', finished_at = ? WHERE job_id = ? AND state = 'running'", now, row.job_id);
  writeResult(
    tx,
    row.job_id,
    row.attempt,
    { output: { stdout: "", text: "", artifacts: [], error }, error, costMicroUsd: 0 },
    now,
  );
}

function writeResult(tx: Tx, jobId: string, attempt: number, end: Settlement, now: number): void {
  tx.run("UPDATE jobs SET output_result = ?, updated_at = ? WHERE id = ?", JSON.stringify(end.output), now, jobId);
  const costUsd = end.costMicroUsd / 1e6;
  const body: JobEventBody =
    end.error === null
      ? { kind: "job-completed", output: end.output, costUsd }
      : { kind: "job-failed", error: end.error, output: end.output, costUsd };
  appendEvent(tx, jobId, attempt, now, body);
}

function isHeld(tx: Tx, claim: Claim): boolean {
  const sql = "SELECT 1 FROM job_run WHERE job_id = ? AND attempt = ? AND worker_id = ? AND state = 'running'";
  return tx.get(sql, claim.jobId, claim.attempt, claim.workerId) !== null;
}

function isCancelAsked(tx: Tx, jobId: string): boolean {
  return tx.get("SELECT 1 FROM job_run WHERE job_id = ? AND cancel_at IS NOT NULL", jobId) !== null;
}

function toJob(row: Record<string, unknown>): Job {
  const job = JobRow.parse(row);
  return {
    id: job.id,
    type: job.type,
    status: job.status,
    input: JobInput.catch({}).parse(parseJson(job.input_context)),
    output: JobOutput.nullable().catch(null).parse(parseJson(job.output_result)),
    conversationId: job.conversation_id,
    createdAt: job.created_at ?? 0,
    updatedAt: job.updated_at,
  };
}
