// The append-only story of every job. A row's change and its event are written in one transaction.
import { z } from "zod";
import type { Tx } from "./db.ts";
import { integer, optionalText, parseJson, text } from "./rows.ts";
import type { JobEvent, JobEventBody } from "./types.ts";

const EventRow = z.object({
  seq: integer,
  job_id: text,
  conversation_id: optionalText,
  at: integer,
  kind: text,
  data: z.unknown(),
});

const KINDS = new Set<string>([
  "job-created",
  "job-started",
  "job-retrying",
  "job-requeued",
  "job-deleted",
  "progress-changed",
  "step-started",
  "step-finished",
  "code-written",
  "model-chosen",
  "approval-requested",
  "approval-decided",
  "budget-warned",
  "hosts-contacted",
  "output-delta",
  "text-delta",
  "artifact-available",
  "job-completed",
  "job-failed",
] satisfies JobEventBody["kind"][]);

/** Whose event it is. */
export type Subject = { readonly jobId: string; readonly conversationId: string | null; readonly attempt: number };

/** Returns the seq. */
export function appendEvent(tx: Tx, subject: Subject, at: number, body: JobEventBody): number {
  const { kind, ...data } = body;
  return tx.insert(
    "INSERT INTO job_events (job_id, conversation_id, attempt, at, kind, data) VALUES (?, ?, ?, ?, ?, ?)",
    subject.jobId,
    subject.conversationId,
    subject.attempt,
    at,
    kind,
    JSON.stringify(data),
  );
}

/** Pieces and progress are forgotten when the whole is there: after its event, so that the newest seq never goes. */
export function dropDeltas(tx: Tx, jobId: string): void {
  tx.run(
    `DELETE FROM job_events WHERE job_id = ?
     AND (kind = 'output-delta' OR kind = 'text-delta' OR kind = 'progress-changed')`,
    jobId,
  );
}

/** Events with seq > after, oldest first. */
export function eventsAfter(tx: Tx, after: number, limit: number, jobId?: string): JobEvent[] {
  if (jobId === undefined)
    return tx.all("SELECT * FROM job_events WHERE seq > ? ORDER BY seq LIMIT ?", after, limit).flatMap(toEvent);
  const first = tx.all(`${FIRST} AND seq > ?`, jobId, jobId, after);
  // An id that was deleted and came again has a story from before its first event.
  return [...first, ...tx.all(`${LATER} AND seq > ? ORDER BY seq LIMIT ?`, jobId, after, limit)]
    .toSorted((a, b) => Number(a["seq"]) - Number(b["seq"]))
    .slice(0, limit)
    .flatMap(toEvent);
}

/** What happened in a job, without the pieces of its output: those may be very many. */
export function outlineOf(tx: Tx, jobId: string): JobEvent[] {
  const whole = "kind NOT IN ('output-delta', 'text-delta', 'progress-changed', 'artifact-available')";
  return [...tx.all(FIRST, jobId, jobId), ...tx.all(`${LATER} AND ${whole} ORDER BY seq`, jobId)].flatMap(toEvent);
}

/** The event that made the job is not in the index of jobs. */
const FIRST =
  "SELECT * FROM job_events WHERE job_id = ? AND seq = (SELECT created_seq FROM job_run WHERE job_run.job_id = ?)";
const LATER = "SELECT * FROM job_events WHERE job_id = ? AND kind <> 'job-created'";

/** The newest seq; 0 before the first event. */
export function latestSeq(tx: Tx): number {
  return integer.parse(tx.get("SELECT coalesce(max(seq), 0) AS seq FROM job_events")?.["seq"]);
}

function toEvent(row: Record<string, unknown>): JobEvent[] {
  const { seq, job_id, conversation_id, at, kind, data } = EventRow.parse(row);
  const body = parseJson(data);
  if (typeof body !== "object" || body === null) return [];
  const event = { ...body, kind, seq, jobId: job_id, conversationId: conversation_id, at };
  return isEvent(event) ? [event] : [];
}

/** Only appendEvent and the triggers of jobs write events, so the kind tells the rest. */
function isEvent(event: { readonly kind: string }): event is JobEvent {
  return KINDS.has(event.kind);
}
