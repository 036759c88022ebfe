// Everything that is on the board when all is over.
import { z } from "zod";
import { openBoard } from "../../src/shared/db.ts";
import { integer, optionalInteger, optionalText, text } from "../../src/shared/rows.ts";
import type { Ending, Event } from "./story.ts";

const JobRow = z.object({
  id: text,
  status: text,
  state: text,
  conversation_id: optionalText,
  created_seq: integer,
  attempt: integer,
  max_attempts: integer,
  finished_at: optionalInteger,
  mark: optionalText,
  prompt: text,
});
export type JobRecord = z.infer<typeof JobRow>;

const EventRow = z.object({ seq: integer, job_id: text, attempt: integer, kind: text, named: optionalInteger });
const AttemptRow = z.object({
  job_id: text,
  attempt: integer,
  worker_id: optionalText,
  outcome: text,
  error_code: optionalText,
});

export type AttemptRecord = Ending & { readonly workerId: string | null; readonly errorCode: string | null };

export type Records = {
  /** In the order of their creation. */
  readonly jobs: readonly JobRecord[];
  readonly events: readonly Event[];
  readonly eventsOf: (job: string) => readonly Event[];
  readonly attemptsOf: (job: string) => readonly AttemptRecord[];
  /** Sandboxes that the ledger in the database knows by name and takes for alive. */
  readonly openSandboxes: number;
};

const JOBS = `SELECT id, status, state, conversation_id, created_seq, attempt, max_attempts, finished_at,
  json_extract(output_result, '$.text') AS mark,
  json_extract(input_context, '$.prompt') AS prompt FROM jobs JOIN job_run ON job_id = id ORDER BY created_seq`;
const EVENTS = `SELECT seq, job_id, attempt, kind, json_extract(data, '$.attempt') AS named FROM job_events ORDER BY seq`;
const ATTEMPTS = `SELECT job_id, attempt, worker_id, outcome, json_extract(error, '$.code') AS error_code
  FROM job_attempts ORDER BY job_id, attempt`;

export function readRecords(database: string): Records {
  const board = openBoard(database);
  const rows = (sql: string) => board.read((tx) => tx.all(sql));
  const jobs = rows(JOBS).map((row) => JobRow.parse(row));
  const events = rows(EVENTS).map((row): Event => {
    const { job_id: job, ...event } = EventRow.parse(row);
    return { job, ...event };
  });
  const attempts = rows(ATTEMPTS).map((row) => AttemptRow.parse(row));
  const openSandboxes = integer.parse(
    rows(
      "SELECT count(*) AS count FROM spend WHERE ended_at IS NULL AND subject IS NOT NULL AND kind = 'sandbox'",
    )[0]?.["count"],
  );
  board.close();
  const byJob = Map.groupBy(events, (event) => event.job);
  const attemptsByJob = Map.groupBy(attempts, (attempt) => attempt.job_id);
  return {
    jobs,
    events,
    eventsOf: (job) => byJob.get(job) ?? [],
    attemptsOf: (job) =>
      (attemptsByJob.get(job) ?? []).map(({ attempt, outcome, worker_id, error_code }) => ({
        attempt,
        outcome,
        workerId: worker_id,
        errorCode: error_code,
      })),
    openSandboxes,
  };
}
