// Jobs as rows: putting them on the board and reading them. What moves them is in claims, control and recovery.
import { z } from "zod";
import type { Board, Tx } from "./db.ts";
import { appendEvent } from "./events.ts";
import { integer, optionalInteger, optionalText, parseJson, text } from "./rows.ts";
import { JOB_STATES, JobError, JobInput, JobOutput } from "./types.ts";
import type { Job, JobState, JobType, UploadedFile } from "./types.ts";

/** What people ask for comes before what programs leave in the table (0). */
export const PERSON_PRIORITY = 10;
/** How often a job is tried when nobody says otherwise. */
export const MAX_ATTEMPTS = 3;

export type NewJob = {
  readonly id: string;
  readonly type: JobType;
  readonly input: JobInput;
  /** Jobs of one conversation run one after the other. */
  readonly conversationId: string | null;
  readonly files: readonly UploadedFile[];
  /** What the person wrote, where that is not the prompt. */
  readonly words?: string;
  /** The higher the sooner; 0 when left out. */
  readonly priority?: number;
  /** Not before (ms since the epoch). */
  readonly runAt?: number;
  /** Not after: what has not ended by then is stopped (ms since the epoch). */
  readonly deadlineAt?: number;
  readonly maxAttempts?: number;
  /** A second job with the same key is not made. */
  readonly idempotencyKey?: string;
};

/** Everything about a job that is not in its seven columns. */
export type Run = {
  readonly jobId: string;
  readonly state: JobState;
  readonly conversationId: string | null;
  readonly priority: number;
  readonly runAt: number | null;
  readonly deadlineAt: number | null;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly workerId: string | null;
  readonly isCancelAsked: boolean;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** 0 to 1; null when nobody said. */
  readonly progress: number | null;
  readonly costMicroUsd: number;
};

export const ATTEMPT_OUTCOMES = ["done", "failed", "retrying", "cancelled", "handed-back", "lost", "dead"] as const;

/** An attempt that has ended. */
export type Attempt = {
  readonly attempt: number;
  readonly workerId: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number;
  readonly outcome: (typeof ATTEMPT_OUTCOMES)[number];
  readonly error: JobError | null;
  readonly costMicroUsd: number;
};

/**
 * Statement. Event first, then the run, then the public row, so that the trigger for strangers' rows stays out of it.
 * Returns the id of the job that stands: an earlier one if the idempotency key is known.
 */
export function insertJob(tx: Tx, job: NewJob, now: number): string {
  const known = job.idempotencyKey === undefined ? null : findByKey(tx, job.idempotencyKey);
  if (known !== null) return known;
  const seq = appendEvent(tx, { jobId: job.id, conversationId: job.conversationId, attempt: 0 }, now, {
    kind: "job-created",
    type: job.type,
    prompt: job.words ?? job.input.prompt ?? "",
    files: job.files,
  });
  const isLater = job.runAt !== undefined && job.runAt > now;
  tx.run(
    `INSERT INTO job_run (job_id, type, state, conversation_id, priority, created_seq, turn, run_at, deadline_at, max_attempts,
     idempotency_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10)`,
    job.id,
    job.type,
    isLater ? "scheduled" : placeOf(tx, job.conversationId),
    job.conversationId,
    job.priority ?? 0,
    seq,
    isLater ? (job.runAt ?? null) : null,
    job.deadlineAt ?? null,
    job.maxAttempts ?? MAX_ATTEMPTS,
    job.idempotencyKey ?? null,
  );
  tx.run(
    "INSERT INTO jobs (id, type, status, input_context, created_at, updated_at) VALUES (?, ?, 'pending', ?, ?, ?)",
    job.id,
    job.type,
    JSON.stringify(job.input),
    now,
    now,
  );
  return job.id;
}

/** Durable when it resolves. Returns the id of the job that stands. */
export function enqueueJob(board: Board, job: NewJob, now: number): Promise<string> {
  return board.write((tx) => insertJob(tx, job, now));
}

/** Where a job that may run now stands: behind another of its conversation, or in the line. */
export function placeOf(tx: Tx, conversationId: string | null): "ready" | "waiting" {
  if (conversationId === null) return "ready";
  const sql = `SELECT 1 FROM job_run WHERE conversation_id = ? AND finished_at IS NULL
    AND (state = 'ready' OR state = 'running' OR state = 'retrying' OR state = 'waiting') LIMIT 1`;
  return tx.get(sql, conversationId) === null ? "ready" : "waiting";
}

export function readJob(tx: Tx, jobId: string): Job | null {
  const row = tx.get(`${SELECT_JOB} WHERE jobs.id = ?`, jobId);
  return row === null ? null : toJob(row);
}

export type JobFilter = {
  /** Id of a job: those that came before it. */
  readonly before?: string;
  readonly states?: readonly JobState[];
};

/** Newest first. */
export function listJobs(tx: Tx, limit: number, filter: JobFilter = {}): Job[] {
  const before = filter.before === undefined ? Number.MAX_SAFE_INTEGER : rowidOf(tx, filter.before);
  // In the order of the rows, which is the order of their coming, whatever the clocks said.
  if (filter.states === undefined)
    return tx.all(`${SELECT_JOB} WHERE jobs.rowid < ? ORDER BY jobs.rowid DESC LIMIT ?`, before, limit).map(toJob);
  return [...new Set(filter.states)]
    .flatMap((state) => newestOf(tx, state, before, limit))
    .toSorted((a, b) => b.rowid - a.rowid)
    .slice(0, limit)
    .flatMap(({ id }) => readJob(tx, id) ?? []);
}

/** Nearly all jobs are done; of all other states there are few, and an index has them. */
function newestOf(tx: Tx, state: JobState, before: number, limit: number): { id: string; rowid: number }[] {
  const from = {
    done: "jobs CROSS JOIN job_run ON job_id = id WHERE state = 'done'",
    waiting: `job_run INDEXED BY job_open CROSS JOIN jobs ON job_id = id
      WHERE state = 'waiting' AND conversation_id IS NOT NULL AND finished_at IS NULL`,
    other: `job_run CROSS JOIN jobs ON job_id = id WHERE state = '${state}'`,
  }[state === "done" || state === "waiting" ? state : "other"];
  return tx
    .all(
      `SELECT id, jobs.rowid AS rowid FROM ${from} AND jobs.rowid < ? ORDER BY jobs.rowid DESC LIMIT ?`,
      before,
      limit,
    )
    .map((row) => ({ id: text.parse(row["id"]), rowid: integer.parse(row["rowid"]) }));
}

export function jobsOfConversation(tx: Tx, conversationId: string): Job[] {
  return tx
    .all(`${SELECT_JOB} WHERE job_run.conversation_id = ? ORDER BY job_run.created_seq`, conversationId)
    .map(toJob);
}

/** How many of its jobs have not ended. */
export function countOpen(tx: Tx, conversationId: string): number {
  const row = tx.get(
    "SELECT count(*) AS count FROM job_run WHERE conversation_id = ? AND finished_at IS NULL",
    conversationId,
  );
  return integer.parse(row?.["count"]);
}

export function readRun(tx: Tx, jobId: string): Run | null {
  const row = tx.get("SELECT * FROM job_run WHERE job_id = ?", jobId);
  return row === null ? null : toRun(row);
}

/** The attempts that have ended, the first one first. */
export function attemptsOf(tx: Tx, jobId: string): Attempt[] {
  return tx.all("SELECT * FROM job_attempts WHERE job_id = ? ORDER BY attempt", jobId).map((row) => {
    const one = AttemptRow.parse(row);
    return {
      attempt: one.attempt,
      workerId: one.worker_id,
      startedAt: one.started_at,
      endedAt: one.ended_at,
      outcome: one.outcome,
      error: JobError.nullable()
        .catch(null)
        .parse(parseJson(one.error) ?? null),
      costMicroUsd: one.cost_micro_usd,
    };
  });
}

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

const RunRow = z.object({
  job_id: text,
  state: z.enum(JOB_STATES),
  conversation_id: optionalText,
  priority: integer,
  run_at: optionalInteger,
  deadline_at: optionalInteger,
  attempt: integer,
  max_attempts: integer,
  worker_id: optionalText,
  cancel_at: optionalInteger,
  started_at: optionalInteger,
  finished_at: optionalInteger,
  progress: z.number().nullable(),
  cost_micro_usd: integer,
});

const AttemptRow = z.object({
  attempt: integer,
  worker_id: optionalText,
  started_at: optionalInteger,
  ended_at: integer,
  outcome: z.enum(ATTEMPT_OUTCOMES),
  error: z.unknown(),
  cost_micro_usd: integer,
});

const SELECT_JOB = `SELECT jobs.id, jobs.type, jobs.status, jobs.input_context, jobs.output_result,
  job_run.conversation_id, jobs.created_at, jobs.updated_at FROM jobs JOIN job_run ON job_run.job_id = jobs.id`;

/** 0, which is before all, for a job that is not there any more. */
function rowidOf(tx: Tx, jobId: string): number {
  return integer.parse(tx.get("SELECT rowid FROM jobs WHERE id = ?", jobId)?.["rowid"] ?? 0);
}

function findByKey(tx: Tx, key: string): string | null {
  const row = tx.get("SELECT job_id FROM job_run WHERE idempotency_key = ?", key);
  return row === null ? null : text.parse(row["job_id"]);
}

export function toRun(row: Record<string, unknown>): Run {
  const run = RunRow.parse(row);
  return {
    jobId: run.job_id,
    state: run.state,
    conversationId: run.conversation_id,
    priority: run.priority,
    runAt: run.run_at,
    deadlineAt: run.deadline_at,
    attempt: run.attempt,
    maxAttempts: run.max_attempts,
    workerId: run.worker_id,
    isCancelAsked: run.cancel_at !== null,
    startedAt: run.started_at,
    finishedAt: run.finished_at,
    progress: run.progress,
    costMicroUsd: run.cost_micro_usd,
  };
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
