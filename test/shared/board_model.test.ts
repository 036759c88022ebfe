// Thousands of histories that nobody thought of: after each step the board is compared with a model of what it should be.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { openBoard } from "../../src/shared/db.ts";
import type { JobStatus } from "../../src/shared/types.ts";
import { registerWorker } from "../../src/shared/workers.ts";
import { checkAll, checkSound } from "./board_checks.ts";
import { BoardModel, isFinal } from "./board_model.ts";
import { anyStep, take, WORKERS, type Step, type WantedJob, type World } from "./board_steps.ts";
import { temporaryFolder, type TemporaryFolder } from "./temporary.ts";

/** More by hand: SANDPIPER_TEST_RUNS=20000. A failure prints `seed` and `path`; give them to see it again. */
const RUNS = Number(process.env["SANDPIPER_TEST_RUNS"] ?? 80);
const SEED = process.env["SANDPIPER_TEST_SEED"];
const PATH = process.env["SANDPIPER_TEST_PATH"];
const STEPS = 60;

let folder: TemporaryFolder;
let worlds = 0;

/** An empty board is made once; each history begins with a copy of it. */
beforeAll(async () => {
  folder = temporaryFolder();
  const board = openBoard(join(folder.path, "empty.db"));
  for (const id of WORKERS) await registerWorker(board, { id, pid: 1, pidStarted: null }, 1);
  board.checkpoint();
  board.close();
});
afterAll(() => folder[Symbol.dispose]());

function openWorld(): World & Disposable {
  worlds += 1;
  const file = join(folder.path, `${worlds}.db`);
  copyFileSync(join(folder.path, "empty.db"), file);
  const board = openBoard(file, { synchronous: "normal" });
  const stranger = new Database(file);
  stranger.run("PRAGMA foreign_keys = OFF");
  stranger.run("PRAGMA synchronous = NORMAL");
  const empty = { claims: [], deleted: [], seen: new Map<number, string>(), newest: 0, made: 0 };
  const world: World = { model: new BoardModel(), file, stranger, board, ...empty };
  const close = () => {
    stranger.close(true);
    world.board.close();
    for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
  };
  return Object.assign(world, { [Symbol.dispose]: close });
}

async function play(steps: readonly Step[]): Promise<void> {
  using world = openWorld();
  for (const step of steps) {
    await take(step, world);
    checkAll(world);
  }
  await finishAll(world);
  world.board.read(checkSound);
}

/** When the workers come back and time goes on, every job ends that no stranger keeps. */
async function finishAll(world: World): Promise<void> {
  const { model, claims } = world;
  const jobs = () => [...model.jobs.values()];
  for (const worker of WORKERS.keys()) await take({ do: "kill", worker }, world);
  model.now = Math.max(model.now, ...jobs().map((job) => job.runAt ?? 0));
  while (jobs().some(({ state }) => state === "ready" || state === "scheduled" || state === "retrying")) {
    await take({ do: "claim", worker: 0, limit: 9 }, world);
    while (claims.some((claim) => model.isHeld(claim.model)))
      await take({ do: "settle", claim: 0, isLate: false, end: "done" }, world);
    checkAll(world);
  }
  const kept = new Set(jobs().flatMap((job) => (job.state === "running" ? [job.conversationId] : [])));
  const forgotten = jobs().filter(({ state }) => !isFinal(state) && state !== "running");
  expect(forgotten.filter((job) => !kept.has(job.conversationId))).toEqual([]);
}

test("whatever people, workers, strangers and the clock do, the board says what the model says", async () => {
  const history = fc.array(anyStep, { minLength: 1, maxLength: STEPS, size: "max" });
  const again = SEED === undefined ? {} : { seed: Number(SEED), ...(PATH === undefined ? {} : { path: PATH }) };
  await fc.assert(fc.asyncProperty(history, play), { numRuns: RUNS, ...again });
}, 600_000);

const plain = { talk: null, priority: 0, key: null, runIn: null, deadlineIn: null, attempts: 3 } as const;
const ours = (...jobs: Partial<WantedJob>[]): Step => ({
  do: "enqueue",
  jobs: jobs.map((job) => ({ ...plain, ...job })),
  isBroken: false,
});
const claim = (limit = 1): Step => ({ do: "claim", worker: 0, limit });
const settle = (isLate = false): Step => ({ do: "settle", end: "done", claim: 0, isLate });
const replace = (status: JobStatus, isRecursive = false): Step => ({ do: "replace", job: 0, status, isRecursive });
const insert: Step = { do: "insert", status: "pending", again: null };

/** Found by the test above, and what each was about. */
const histories: readonly (readonly [name: string, ...steps: Step[]])[] = [
  [
    "the end of a job has a number of its own though the newest event was a piece of output",
    ours({}),
    claim(),
    { do: "record", claim: 0, isLate: false },
    settle(),
  ],
  ["of jobs that are due together the one that was due first comes first", ours({ runIn: 2_000 }, { runIn: 1_000 })],
  [
    "what becomes due joins behind those that stand in the line",
    ours({ runIn: 1_000 }, {}),
    { do: "pass", ms: 2_000 },
    claim(),
  ],
  [
    "a job that is stopped while its attempt fails is not tried again",
    ours({}),
    claim(),
    { do: "cancel", job: 0 },
    { do: "retry", runIn: 0, isCounted: true, claim: 0, isLate: false },
  ],
  [
    "a job that is stopped while it is handed back ends",
    ours({}),
    claim(),
    { do: "cancel", job: 0 },
    { do: "handBack", claim: 0, isLate: false },
  ],
  ["a row that replaces another is told of when it runs", ours({}), replace("running")],
  ["a row that replaces another is told of when it has ended", ours({}), claim(), replace("completed"), settle(true)],
  ["a row that replaces another is told of when it waits again", insert, claim(), replace("pending")],
  [
    "a row that replaces another waits for its turn in its conversation",
    ours({ talk: 0 }, { talk: 0 }),
    claim(),
    settle(),
    replace("pending"),
    claim(2),
  ],
  [
    "what became of an attempt is not written anew by a row that replaces another",
    ours({}),
    claim(),
    { do: "kill", worker: 0 },
    { do: "update", job: 0, status: "running" },
    replace("pending"),
  ],
  [
    "a worker of an id's first life cannot end its second",
    insert,
    claim(),
    { do: "delete", job: 0 },
    { do: "insert", status: "pending", again: 0 },
    claim(),
    settle(true),
  ],
  ["an id that comes again has its events in their order", insert, replace("pending", true), replace("running")],
];

test.each(histories)("%s", async (_name, ...steps) => play(steps));
