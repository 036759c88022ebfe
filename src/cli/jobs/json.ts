// Jobs for programs: one document, times as ISO 8601, money in dollars.
import type { Attempt } from "../../shared/jobs.ts";
import type { JobView } from "../../shared/types.ts";
import type { Entry } from "./entry.ts";

/** JSON escapes what was a control character when it was made; the newer ones, too, may steer a terminal. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function entryJson({ job, run, createdAt }: Entry) {
  return {
    id: job.id,
    type: job.type,
    status: job.status,
    state: run.state,
    prompt: job.input.prompt ?? null,
    conversation_id: run.conversationId,
    priority: run.priority,
    attempt: run.attempt,
    max_attempts: run.maxAttempts,
    progress: run.progress,
    created_at: isoTime(createdAt),
    run_at: isoTime(run.runAt),
    deadline_at: isoTime(run.deadlineAt),
    started_at: isoTime(run.startedAt),
    finished_at: isoTime(run.finishedAt),
    cost_usd: run.costMicroUsd / 1e6,
  };
}

export type Details = {
  readonly entry: Entry;
  readonly view: JobView;
  readonly attempts: readonly Attempt[];
  /** Ids of the jobs that a waiting one is behind. */
  readonly ahead: readonly string[];
  /** How many are begun before one that is in the line. */
  readonly before: number;
  /** As the people who sent them called them. */
  readonly fileNames: readonly string[];
};

export function detailsJson({ entry, view, attempts, ahead, before }: Details) {
  return {
    ...entryJson(entry),
    code: view.code,
    files: view.input.files ?? [],
    understood: view.understood,
    waits_for: ahead,
    jobs_before: entry.run.state === "ready" ? before : null,
    duration_ms: view.durationMs,
    saved_usd: view.savedUsd,
    steps: view.steps.map(({ step, title, durationMs }) => ({ step, title, duration_ms: durationMs })),
    attempts: attempts.map((one) => ({
      attempt: one.attempt,
      outcome: one.outcome,
      worker_id: one.workerId,
      started_at: isoTime(one.startedAt),
      ended_at: isoTime(one.endedAt),
      error: one.error,
      cost_usd: one.costMicroUsd / 1e6,
    })),
    output: view.output,
    artifacts: view.artifacts.map(({ id, name, path, mediaType, bytes }) => ({
      id,
      name,
      path,
      media_type: mediaType,
      bytes,
    })),
  };
}

export const isoTime = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
