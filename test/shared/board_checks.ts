// What must hold of a board after every step: it says what the model says, and its tables agree with each other.
import { expect } from "bun:test";
import { stopAsked } from "../../src/shared/claims.ts";
import type { Tx } from "../../src/shared/db.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { toRun } from "../../src/shared/jobs.ts";
import { isActive, isFinal, statusOf, type ModelJob } from "./board_model.ts";
import type { World } from "./board_steps.ts";
import { brokenRules } from "./claiming.ts";

const TOLD_BY_THE_WAY = new Set([
  "progress-changed",
  "step-started",
  "text-delta",
  "output-delta",
  "artifact-available",
]);

export function checkAll(world: World): void {
  const { claims, model, board } = world;
  board.read((tx) => {
    const stories = checkEvents(tx, world);
    checkJobs(tx, world, stories);
    checkLine(tx, world);
  });
  const toStop = claims.filter(({ model: twin }) => !model.isHeld(twin) || twin.job.isCancelAsked);
  const asked = stopAsked(
    board,
    claims.map((claim) => claim.real),
  );
  expect(asked).toEqual(toStop.map((claim) => claim.real));
  const forced = brokenRules(world).filter((one) => !one.endsWith("is not alone in its conversation's turn"));
  expect(forced).toEqual([]);
}

/** Numbers only rise, none comes again, and what stands under one stays as it was. Returns the kinds of each job's events. */
function checkEvents(tx: Tx, world: World): Map<string, string[]> {
  const stories = new Map<string, string[]>();
  let newest = 0;
  for (const row of tx.all("SELECT seq, job_id, kind, at, attempt FROM job_events ORDER BY seq")) {
    const [id, kind] = [String(row["job_id"]), String(row["kind"])];
    newest = Number(row["seq"]);
    const text = `${id} ${kind} ${Number(row["at"])} ${Number(row["attempt"])}`;
    const known = world.seen.get(newest) ?? (newest > world.newest ? text : "a number that was given out before");
    if (known !== text) expect(text).toBe(known);
    world.seen.set(newest, text);
    // An id may come again: what counts is its present life.
    if (kind === "job-deleted") stories.delete(id);
    else if (!TOLD_BY_THE_WAY.has(kind)) stories.set(id, [...(stories.get(id) ?? []), kind]);
  }
  expect(newest).toBe(world.model.seq);
  world.newest = newest;
  return stories;
}

/** Each job as the model has it. */
function checkJobs(tx: Tx, { model }: World, stories: ReadonlyMap<string, readonly string[]>): void {
  const outcomes = Map.groupBy(
    tx.all("SELECT job_id, attempt, outcome FROM job_attempts ORDER BY job_id, attempt"),
    (row) => String(row["job_id"]),
  );
  const rows = tx.all("SELECT job_run.*, jobs.status FROM job_run JOIN jobs ON id = job_id ORDER BY job_id");
  expect(rows.map((row) => row["job_id"])).toEqual([...model.jobs.keys()].toSorted());
  for (const row of rows) {
    const run = toRun(row);
    const job = model.jobs.get(run.jobId);
    const real: Record<string, unknown> = {
      ...shown(run),
      isFinished: run.finishedAt !== null,
      status: row["status"],
      outcomes: (outcomes.get(run.jobId) ?? []).map((one) => `${String(one["attempt"])} ${String(one["outcome"])}`),
      story: stories.get(run.jobId),
    };
    const expected: Record<string, unknown> = job === undefined ? {} : asModelled(job);
    if (JSON.stringify(real) !== JSON.stringify(expected)) expect(real).toEqual(expected);
  }
}

function asModelled(job: ModelJob) {
  return {
    ...shown(job),
    isFinished: isFinal(job.state),
    status: statusOf(job.state),
    outcomes: [...job.outcomes].toSorted(([a], [b]) => a - b).map(([attempt, outcome]) => `${attempt} ${outcome}`),
    story: job.story,
  };
}

type Shown = Pick<
  ModelJob,
  | "state"
  | "conversationId"
  | "priority"
  | "runAt"
  | "deadlineAt"
  | "attempt"
  | "maxAttempts"
  | "isCancelAsked"
  | "costMicroUsd"
> & { readonly workerId: string | null };

/** What of a job both have. Who ran a job that has ended is not compared. */
function shown(job: Shown): Shown {
  const { state, conversationId, priority, runAt, deadlineAt, attempt, maxAttempts, isCancelAsked, costMicroUsd } = job;
  const workerId = isFinal(state) ? null : job.workerId;
  return {
    state,
    conversationId,
    priority,
    runAt,
    deadlineAt,
    attempt,
    maxAttempts,
    isCancelAsked,
    costMicroUsd,
    workerId,
  };
}

function checkLine(tx: Tx, { model }: World): void {
  const line = tx.all("SELECT job_id FROM job_run WHERE state = 'ready' ORDER BY priority DESC, turn");
  expect(line.map((row) => row["job_id"])).toEqual(model.line().map((job) => job.id));
  // Were a place shared, the ids would decide who comes first.
  const shared =
    "SELECT turn FROM job_run WHERE state = 'ready' OR state = 'waiting' GROUP BY turn HAVING count(*) > 1";
  expect(tx.all(shared)).toEqual([]);
  expect(tx.all("SELECT job_id FROM job_run WHERE attempt > max_attempts")).toEqual([]);
  const active = [...model.jobs.values()].filter((job) => isActive(job.state));
  for (const [talk, jobs] of Map.groupBy(active, (job) => job.conversationId))
    if (talk !== null && !model.forced.has(talk)) expect(jobs.length).toBe(1);
}

/** Once, at the end of a history. */
export function checkSound(tx: Tx): void {
  expect(tx.all("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  expect(tx.all("PRAGMA foreign_key_check")).toEqual([]);
  for (const { id } of tx.all("SELECT id FROM jobs")) {
    const all = tx.all("SELECT seq FROM job_events WHERE job_id = ? ORDER BY seq", String(id));
    expect(eventsAfter(tx, 0, 1_000, String(id)).map(({ seq }) => seq)).toEqual(all.map(({ seq }) => Number(seq)));
  }
  expect(tx.all("SELECT * FROM messages WHERE conversation_id NOT IN (SELECT id FROM conversations)")).toEqual([]);
}
