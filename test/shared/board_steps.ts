// Steps that people, workers, strangers and the clock take, as data; each is taken on the model and on a real board.
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import * as fc from "fast-check";
import {
  claimJobs,
  handBackJob,
  recordArtifacts,
  recordEvents,
  retryJob,
  settleJob,
  type Claim,
} from "../../src/shared/claims.ts";
import { cancelJob, restartJob } from "../../src/shared/control.ts";
import { deleteConversation } from "../../src/shared/conversations.ts";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { enqueueJob, insertJob, type NewJob } from "../../src/shared/jobs.ts";
import { expireJobs, reclaimJobs } from "../../src/shared/recovery.ts";
import type { JobEventBody, JobStatus } from "../../src/shared/types.ts";
import { beatWorker, readWorker } from "../../src/shared/workers.ts";
import { spend } from "./claiming.ts";
import type { BoardModel, ModelClaim, ModelJob, NewModelJob } from "./board_model.ts";

/** Times are ms from now; numbers that name something (a job, a claim) are taken modulo how many there are. */
export type WantedJob = {
  readonly talk: number | null;
  readonly priority: number;
  readonly key: number | null;
  readonly runIn: number | null;
  readonly deadlineIn: number | null;
  readonly attempts: number;
};
type OfClaim = { readonly claim: number; /** One that was lost, if there is any. */ readonly isLate: boolean };

export type Step =
  /** All in one turn of the event loop, and with `isBroken` one more that throws half-way. */
  | { readonly do: "enqueue"; readonly jobs: readonly WantedJob[]; readonly isBroken: boolean }
  | { readonly do: "claim"; readonly worker: number; readonly limit: number }
  | { readonly do: "beat"; readonly worker: number }
  | ({ readonly do: "record" } & OfClaim)
  | ({ readonly do: "settle"; readonly end: "done" | "failed" | "cancelled" } & OfClaim)
  | ({ readonly do: "retry"; readonly runIn: number; readonly isCounted: boolean } & OfClaim)
  | ({ readonly do: "handBack" } & OfClaim)
  | { readonly do: "cancel" | "restart"; readonly job: number }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "kill"; readonly worker: number }
  | { readonly do: "expire" | "reopen" }
  | {
      readonly do: "insert";
      readonly status: JobStatus;
      /** A deleted id comes again. */ readonly again: number | null;
    }
  | { readonly do: "update"; readonly job: number; readonly status: JobStatus }
  /** With recursive triggers SQLite tells of a row that goes because of a REPLACE. */
  | { readonly do: "replace"; readonly job: number; readonly status: JobStatus; readonly isRecursive: boolean }
  | { readonly do: "delete"; readonly job: number }
  /** One statement for all that have this status; null deletes them. */
  | { readonly do: "sweep"; readonly from: JobStatus; readonly to: JobStatus | null }
  | { readonly do: "forget"; readonly talk: number };

export type World = {
  readonly model: BoardModel;
  readonly file: string;
  readonly stranger: Database;
  board: Board;
  readonly claims: { readonly real: Claim; readonly model: ModelClaim }[];
  readonly deleted: string[];
  /** Of all that ever was: what stands under a number never changes, and no number comes again. */
  readonly seen: Map<number, string>;
  newest: number;
  made: number;
};

export const WORKERS = ["1-a", "2-b", "3-c"] as const;
const TALKS = ["talk-0", "talk-1", "talk-2"] as const;
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const COST = 3;

/** Mostly one of the first few, so that much happens to the same ones. */
const some = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 30 }));
const status = fc.constantFrom<JobStatus>("pending", "running", "completed", "failed");
const wait = fc.constantFrom(0, SECOND_MS, 20 * SECOND_MS, HOUR_MS, 2 * HOUR_MS);
const ofClaim = { claim: some, isLate: fc.boolean() };
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 2 });
const wantedJob: fc.Arbitrary<WantedJob> = fc.record({
  talk: fc.option(fc.nat({ max: 2 }), { freq: 4 }),
  priority: fc.constantFrom(0, 0, 10),
  key: maybe(fc.nat({ max: 2 })),
  runIn: maybe(wait),
  deadlineIn: maybe(wait),
  attempts: fc.constantFrom(3, 1, 2),
});
const enqueue = fc.record({
  do: fc.constant("enqueue" as const),
  jobs: fc.array(wantedJob, { minLength: 1, maxLength: 4 }),
  isBroken: fc.boolean(),
});
const claim = fc.record({ do: fc.constant("claim" as const), worker: fc.nat({ max: 2 }), limit: fc.nat({ max: 3 }) });
const end = fc.constantFrom("done" as const, "failed" as const, "cancelled" as const);

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: enqueue },
  { weight: 5, arbitrary: claim },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("beat" as const), worker: fc.nat({ max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("record" as const), ...ofClaim }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const), end, ...ofClaim }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("retry" as const), runIn: wait, isCounted: fc.boolean(), ...ofClaim }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("handBack" as const), ...ofClaim }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("cancel" as const, "restart" as const), job: some }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.constantFrom(SECOND_MS, 60 * SECOND_MS, HOUR_MS, DAY_MS, -HOUR_MS, -DAY_MS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), worker: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("expire" as const, "reopen" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("insert" as const), status, again: maybe(some) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("update" as const), job: some, status }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("replace" as const), job: some, status, isRecursive: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), job: some }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("sweep" as const), from: status, to: fc.option(status, { freq: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), talk: fc.nat({ max: 2 }) }) },
);

/** Takes the step on both, and compares what they answer. It takes a moment. */
export async function take(step: Step, world: World): Promise<void> {
  const { model, board } = world;
  model.now += 1;
  switch (step.do) {
    case "enqueue":
      return enqueueAll(step.jobs, step.isBroken, world);
    case "claim":
      return claimSome(step.worker, step.limit, world);
    case "beat": {
      const worker = nameOf(WORKERS, step.worker);
      const before = board.read((tx) => readWorker(tx, worker)?.beat ?? 0);
      await beatWorker(board, worker);
      expect(board.read((tx) => readWorker(tx, worker)?.beat)).toBe(before + 1);
      return;
    }
    case "record":
    case "settle":
    case "retry":
    case "handBack":
      return reportClaim(step, world);
    case "cancel":
      expect<string>(await cancelJob(board, idOf(world, step.job), model.now)).toBe(
        model.cancel(idOf(world, step.job)),
      );
      return;
    case "restart":
      expect<string>(await restartJob(board, idOf(world, step.job), model.now)).toBe(
        model.restart(idOf(world, step.job)),
      );
      return;
    case "pass":
      model.now += step.ms;
      return;
    case "kill": {
      const dead = nameOf(WORKERS, step.worker);
      expect(await reclaimJobs(board, (_tx, id) => id === dead, model.now)).toEqual(model.reclaim(dead));
      return;
    }
    case "expire":
      expect(await expireJobs(board, model.now)).toEqual(model.expire());
      return;
    case "reopen":
      board.close();
      world.board = openBoard(world.file, { synchronous: "normal" });
      return;
    case "insert":
      return insertForeign(step.status, step.again, world);
    case "update":
    case "replace":
    case "delete":
      return changeForeign(step, world);
    case "sweep":
      return changeAll(step.from, step.to, world);
    case "forget": {
      const id = nameOf(TALKS, step.talk);
      const gone = await deleteConversation(board, id);
      const expected = model.forget(id);
      const ids = typeof gone === "string" ? gone : gone.jobIds.toSorted();
      expect(ids).toEqual(typeof expected === "string" ? expected : expected.toSorted());
    }
  }
}

async function enqueueAll(wanted: readonly WantedJob[], isBroken: boolean, world: World): Promise<void> {
  const { model, board } = world;
  const jobs = wanted.map((one) => toModelJob(one, world));
  const writes = jobs.map((job) => enqueueJob(board, toNewJob(job), model.now));
  const broken = board.write((tx) => {
    if (!isBroken) return;
    insertJob(tx, toNewJob(toModelJob(PLAIN, world)), model.now);
    throw new Error("broken");
  });
  expect(await broken.then(String, String)).toBe(isBroken ? "Error: broken" : "undefined");
  expect(await Promise.all(writes)).toEqual(jobs.map((job) => model.enqueue(job)));
}

const PLAIN: WantedJob = { talk: null, priority: 0, key: null, runIn: null, deadlineIn: null, attempts: 3 };

function toModelJob(wanted: WantedJob, world: World): NewModelJob {
  const { now, conversations } = world.model;
  const conversationId = wanted.talk === null ? null : nameOf(TALKS, wanted.talk);
  if (conversationId !== null && !conversations.has(conversationId)) {
    conversations.add(conversationId);
    world.stranger.run("INSERT INTO conversations VALUES (?1, ?1, 1, 1)", [conversationId]);
    world.stranger.run("INSERT INTO messages VALUES (?1, ?1, 'user', 'test', ?1, '', NULL, 1)", [conversationId]);
  }
  return {
    id: newId(world, "ours"),
    conversationId,
    priority: wanted.priority,
    key: wanted.key === null ? null : `key-${wanted.key}`,
    runAt: wanted.runIn === null ? null : now + wanted.runIn,
    deadlineAt: wanted.deadlineIn === null ? null : now + wanted.deadlineIn,
    maxAttempts: wanted.attempts,
  };
}

function toNewJob(job: NewModelJob): NewJob {
  const { id, conversationId, priority, key, runAt, deadlineAt, maxAttempts } = job;
  return {
    id,
    type: "chat",
    input: { prompt: id },
    files: [],
    conversationId,
    priority,
    maxAttempts,
    ...(key === null ? {} : { idempotencyKey: key }),
    ...(runAt === null ? {} : { runAt }),
    ...(deadlineAt === null ? {} : { deadlineAt }),
  };
}

async function claimSome(worker: number, limit: number, world: World): Promise<void> {
  const { model, board } = world;
  const workerId = nameOf(WORKERS, worker);
  const real = await claimJobs(board, workerId, () => limit, model.now);
  const expected = limit === 0 ? [] : model.claim(workerId, limit);
  expect(real.map(({ jobId, attempt }) => [jobId, attempt])).toEqual(
    expected.map(({ job, attempt }) => [job.id, attempt]),
  );
  real.forEach((one, index) => {
    const twin = expected[index];
    if (twin !== undefined) world.claims.push({ real: one, model: twin });
  });
}

type Report = Extract<Step, { readonly do: "record" | "settle" | "retry" | "handBack" }>;

async function reportClaim(step: Report, world: World): Promise<void> {
  const { model, board } = world;
  const claims = world.claims.filter((one) => model.isHeld(one.model) !== step.isLate);
  const chosen = claims[step.claim % Math.max(1, claims.length)];
  if (chosen === undefined) return;
  const { real, model: twin } = chosen;
  const error = { code: "sandbox", message: "It went away." };
  if (step.do !== "record") {
    await spend(world, real, COST);
    model.spend(twin, COST);
  }
  switch (step.do) {
    case "record":
      return recordAll(real, twin, world);
    case "settle": {
      const why = step.end === "done" ? null : { ...error, code: step.end === "failed" ? "code" : "cancelled" };
      const output = { stdout: "", text: real.jobId, artifacts: [] };
      const isOurs = await settleJob(board, real, { output, error: why }, model.now);
      expect(isOurs).toBe(model.settle(twin, step.end));
      return;
    }
    case "retry": {
      // A worker does not ask for more tries than there are.
      const isCounted = step.isCounted && twin.job.attempt < twin.job.maxAttempts;
      const runAt = model.now + step.runIn;
      const isOurs = await retryJob(board, real, { error, runAt, isCounted }, model.now);
      expect(isOurs).toBe(model.retry(twin, runAt, isCounted));
      return;
    }
    case "handBack":
      expect(await handBackJob(board, real, model.now)).toBe(model.handBack(twin));
  }
}

async function recordAll(real: Claim, twin: ModelClaim, { model, board }: World): Promise<void> {
  const { jobId } = real;
  const artifact = { id: newArtifact(), jobId, name: "a.png", mediaType: "image/png", bytes: 1, sha256: "00" };
  const events: JobEventBody[] = [
    { kind: "progress-changed", fraction: 0.5 },
    { kind: "step-started", step: "run", title: "Running" },
    { kind: "text-delta", text: "a" },
    { kind: "output-delta", stream: "stdout", text: "b" },
  ];
  const isHeld = model.isHeld(twin);
  const path = `storage/outputs/${jobId}/a.png`;
  expect(await recordArtifacts(board, real, [{ ...artifact, path }], model.now)).toBe(isHeld);
  expect(await recordEvents(board, real, events, model.now)).toBe(isHeld);
  if (isHeld) model.seq += 1 + events.length;
}

const newArtifact = (): string => Bun.randomUUIDv7();

function insertForeign(status: JobStatus, again: number | null, world: World): void {
  const reusable = world.deleted.filter((id) => !world.model.jobs.has(id));
  const reused = again === null ? undefined : reusable[again % Math.max(1, reusable.length)];
  const id = reused ?? newId(world, "theirs");
  world.stranger.run("INSERT INTO jobs VALUES (?, 'chat', ?, '{}', NULL, 1, 1)", [id, status]);
  world.model.strangerInserts(id, status);
}

type Change = Extract<Step, { readonly do: "update" | "replace" | "delete" }>;

function changeForeign(step: Change, world: World): void {
  const { model, stranger } = world;
  const job = model.jobs.get(idOf(world, step.job));
  if (job === undefined) return;
  switch (step.do) {
    case "delete":
      stranger.run("DELETE FROM jobs WHERE id = ?", [job.id]);
      model.delete(job);
      world.deleted.push(job.id);
      return;
    case "update":
      stranger.run("UPDATE jobs SET status = ? WHERE id = ?", [step.status, job.id]);
      model.strangerSays(job, step.status);
      return;
    case "replace":
      stranger.run(`PRAGMA recursive_triggers = ${step.isRecursive ? "ON" : "OFF"}`);
      stranger.run("INSERT OR REPLACE INTO jobs VALUES (?, 'chat', ?, '{}', NULL, 1, 1)", [job.id, step.status]);
      stranger.run("PRAGMA recursive_triggers = OFF");
      if (!step.isRecursive) model.strangerReplaces(job, step.status);
      else {
        model.delete(job);
        model.strangerInserts(job.id, step.status);
      }
  }
}

function changeAll(from: JobStatus, to: JobStatus | null, { model, stranger, deleted }: World): void {
  const jobs = model.withStatus(from);
  if (to === null) stranger.run("DELETE FROM jobs WHERE status = ?", [from]);
  else stranger.run("UPDATE jobs SET status = ? WHERE status = ?", [to, from]);
  for (const job of jobs)
    if (to !== null) model.strangerSays(job, to);
    else {
      model.delete(job);
      deleted.push(job.id);
    }
}

/** Later ones sort first, so that an order by id is never mistaken for the order of coming. */
function newId(world: World, whose: string): string {
  world.made += 1;
  return `${9_999 - world.made}-${whose}`;
}

/** Now and then one that does not exist. */
function idOf({ model }: World, job: number): string {
  const all: ModelJob[] = [...model.jobs.values()];
  return all[job % (all.length + 1)]?.id ?? "nothing";
}

function nameOf(names: readonly string[], index: number): string {
  return names[index % names.length] ?? "";
}
