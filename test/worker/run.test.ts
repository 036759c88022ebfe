// One job from its row to its end: whatever happens inside, it ends once, with its sandbox dead.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { artifactsOfJob } from "../../src/shared/artifacts.ts";
import { AppError } from "../../src/shared/errors.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { readJob, type NewJob } from "../../src/shared/jobs.ts";
import type { RunOutcome } from "../../src/worker/e2b_client.ts";
import { runJob } from "../../src/worker/run.ts";
import { claimOne, loseWorkers, runOf } from "../shared/claiming.ts";
import { addJob, sqliteShell, type TemporaryBoard } from "../shared/temporary.ts";
import { NOTHING, fakeSandbox, type FakeSandbox } from "./fake_sandbox.ts";
import { workplace } from "./workplace.ts";

const ignore = (): void => undefined;

/** Where the first attempt at the job "a" puts its graph, claimed at 2,000. */
const GRAPH = "storage/outputs/a/1-1jk/graph.png";

async function run(place: ReturnType<typeof workplace>, job: Partial<NewJob>) {
  await addJob(place.board, "a", { type: "code_exec", ...job });
  await runJob(place.work, await claimOne(place), new AbortController(), ignore);
  return ended(place);
}
const ended = (place: TemporaryBoard) => place.board.read((tx) => readJob(tx, "a"));
/** Progress is told only of jobs that take their time, and which do that depends on the machine. */
const kinds = (place: TemporaryBoard) =>
  place.board
    .read((tx) => eventsAfter(tx, 0, 100))
    .map((event) => event.kind)
    .filter((kind) => kind !== "progress-changed");

const writesGraph = (files: FakeSandbox["files"]): RunOutcome => {
  files.set("/home/user/graph.png", { content: "picture" });
  return NOTHING;
};

describe("a person's own code", () => {
  test("runs, and what it printed and made is the result", async () => {
    const sandbox = fakeSandbox((files, options, code) => {
      options.onOutput("stdout", `ran ${code}\n`);
      return { ...writesGraph(files), results: [{ isMain: true, text: "`42`", files: [], chart: null }] };
    });
    using place = workplace(sandbox);
    const job = await run(place, { input: { code: "6 * 7" } });
    expect(job).toMatchObject({
      status: "completed",
      output: {
        stdout: "ran 6 * 7\n",
        text: "Your code ran to its end. Its last value:\n\n```\n`42`\n```",
        artifacts: [GRAPH],
      },
    });
    expect(readFileSync(join(place.folder, GRAPH), "utf8")).toBe("picture");
    expect(kinds(place)).toEqual([
      "job-created",
      "job-started",
      "step-started",
      "step-finished",
      "code-written",
      "step-started",
      "step-finished",
      "step-started",
      "artifact-available",
      "step-finished",
      "job-completed",
    ]);
    expect(sandbox.isDead()).toBe(true);
    expect(place.value("SELECT cost_micro_usd FROM job_run")).toBe(5);
  });

  test("that fails keeps what it printed and made, and shows where it failed", async () => {
    const sandbox = fakeSandbox((files, options) => {
      options.onOutput("stdout", "so far\n");
      writesGraph(files);
      return { results: [], error: { name: "ValueError", value: "x".repeat(600), traceback: "line 3" } };
    });
    using place = workplace(sandbox);
    const job = await run(place, { input: { code: "1 / 0" } });
    expect(job).toMatchObject({
      status: "failed",
      output: {
        stdout: "so far\n",
        artifacts: [GRAPH],
        error: { code: "code", detail: "line 3" },
      },
    });
    expect(job?.output?.error?.message).toBe(`Your code stopped with ValueError: ${"x".repeat(500)}…`);
  });

  test("that breaks its sandbox is tried again later, and its sandbox is dead", async () => {
    const sandbox = fakeSandbox(() => Promise.reject(new AppError("sandbox", "The sandbox ended.")));
    using place = workplace(sandbox);
    expect(await run(place, { input: { code: "1" } })).toMatchObject({ status: "pending", output: null });
    expect(runOf(place, "a")).toMatchObject({ state: "retrying", attempt: 1, costMicroUsd: 5 });
    expect(sandbox.isDead()).toBe(true);
  });

  test("that breaks its sandbox in the last attempt is a failed job with a dead sandbox", async () => {
    const sandbox = fakeSandbox(() => Promise.reject(new AppError("sandbox", "The sandbox ended.")));
    using place = workplace(sandbox);
    expect(await run(place, { input: { code: "1" }, maxAttempts: 1 })).toMatchObject({
      status: "failed",
      output: { error: { code: "sandbox", message: "The sandbox ended." } },
    });
    expect(sandbox.isDead()).toBe(true);
  });
});

test("files go in under their names before the code runs", async () => {
  const sandbox = fakeSandbox();
  using place = workplace(sandbox);
  mkdirSync(join(place.folder, "storage/temp"), { recursive: true });
  writeFileSync(join(place.folder, "storage/temp/data.csv"), "a\n");
  const job = await run(place, { input: { code: "1", files: ["data.csv"] } });
  expect(job).toMatchObject({ status: "completed", output: { artifacts: [] } });
  expect(sandbox.uploaded).toEqual(["/home/user/data.csv"]);
});

test.each([
  ["a type that does not exist", "'fax', 'pending', '{}'", "There is no job type “fax”"],
  ["no JSON", "'code_exec', 'pending', '{'", "input_context is not a JSON object"],
  ["a list", "'code_exec', 'pending', '[]'", "input_context"],
  ["files that are no list", `'code_exec', 'pending', '{"files": "a.csv"}'`, "input_context is wrong at “files”"],
  ["a file that climbs", `'code_exec', 'pending', '{"files": ["../data/token"]}'`, "points outside"],
  ["a file that is gone", `'code_exec', 'pending', '{"files": ["gone.csv"]}'`, "is not there"],
])("a stranger's row with %s fails with a sentence, and no sandbox is opened", async (_name, values, sentence) => {
  using place = workplace(new AppError("internal", "A sandbox was opened."));
  sqliteShell(place.file, `INSERT INTO jobs VALUES ('a', ${values}, NULL, 1, 1)`);
  await runJob(place.work, await claimOne(place), new AbortController(), ignore);
  expect(ended(place)?.status).toBe("failed");
  expect(ended(place)?.output?.error?.message).toContain(sentence);
});

test("a stranger's id is never a path", async () => {
  using place = workplace(fakeSandbox(writesGraph));
  sqliteShell(place.file, `INSERT INTO jobs VALUES ('../../evil', 'code_exec', 'pending', '{"code":"1"}', NULL, 1, 1)`);
  await runJob(place.work, await claimOne(place), new AbortController(), ignore);
  const [artifact] = place.board.read((tx) => artifactsOfJob(tx, "../../evil"));
  expect(artifact?.path).toMatch(/^storage\/outputs\/[\da-f]{64}\/1-1jk\/graph\.png$/);
  expect(existsSync(join(place.folder, artifact?.path ?? ""))).toBe(true);
});

test("a refused sandbox is told with the reason for people, an unknown fault without its text", async () => {
  using refused = workplace(new AppError("budget", "Today's budget is used up."));
  expect((await run(refused, { input: { code: "1" } }))?.output?.error).toEqual({
    code: "budget",
    message: "Today's budget is used up.",
  });
  using broken = workplace(fakeSandbox(() => Promise.reject(new TypeError("/root/secret is undefined"))));
  expect((await run(broken, { input: { code: "1" } }))?.output?.error?.message).not.toContain("secret");
  expect(broken.lines.join()).toContain("job-broke");
});

describe("a job that is stopped", () => {
  /** Code that goes on until the job is stopped, as the real client does it. */
  function endless(controller: AbortController, onStart: () => void) {
    return fakeSandbox(
      () =>
        new Promise((_resolve, reject) => {
          controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
          onStart();
        }),
    );
  }

  test("ends as cancelled, with what it had said so far", async () => {
    const controller = new AbortController();
    const sandbox = endless(controller, () => controller.abort(new AppError("cancelled", "You stopped this.")));
    using place = workplace(sandbox);
    await addJob(place.board, "a", { type: "code_exec", input: { code: "while True: pass" } });
    await runJob(place.work, await claimOne(place), controller, ignore);
    expect(ended(place)).toMatchObject({ status: "failed", output: { error: { code: "cancelled" } } });
    expect(place.value("SELECT state FROM job_run")).toBe("cancelled");
    expect(sandbox.isDead()).toBe(true);
  });

  test("by its time says how long it had", async () => {
    const controller = new AbortController();
    using place = workplace(
      endless(controller, () => undefined),
      { SANDPIPER_JOB_SECONDS: "1" },
    );
    await addJob(place.board, "a", { type: "code_exec", input: { code: "while True: pass" } });
    await runJob(place.work, await claimOne(place), controller, ignore);
    expect(ended(place)?.output?.error).toMatchObject({ code: "timeout" });
    expect(ended(place)?.output?.error?.message).toContain("longer than 1 s");
  });
});

test("a worker that lost its job writes neither its files nor its end", async () => {
  const lost = Promise.withResolvers<void>();
  const sandbox = fakeSandbox(async (files) => {
    await lost.promise;
    return writesGraph(files);
  });
  using place = workplace(sandbox);
  await addJob(place.board, "a", { type: "code_exec", input: { code: "1" } });
  const late = runJob(place.work, await claimOne(place, "1-late"), new AbortController(), ignore);
  await loseWorkers(place);
  await claimOne(place, "2-fresh");
  lost.resolve();
  await late;
  expect(ended(place)).toMatchObject({ status: "running", output: null });
  expect(place.board.read((tx) => artifactsOfJob(tx, "a"))).toEqual([]);
  expect(kinds(place)).not.toContain("artifact-available");
  expect(sandbox.isDead()).toBe(true);
});

describe("the files of two attempts never meet", () => {
  /** The sandbox gives the first piece of its only file, and the next when it is told to. */
  function halting() {
    const isHalfWay = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const pieces = [Buffer.from("OLD1-"), Buffer.from("OLD2-OLD2")];
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      if (pieces.length === 1) {
        isHalfWay.resolve();
        await goOn.promise;
      }
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    };
    const open = () => Promise.resolve(new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 }));
    return { sandbox: fakeSandbox(writesGraph, open), isHalfWay: isHalfWay.promise, goOn: () => goOn.resolve() };
  }

  test.each([
    ["that a stranger put back", "UPDATE jobs SET status = 'pending' WHERE id = 'a'"],
    [
      "whose id was deleted and came again",
      `DELETE FROM jobs WHERE id = 'a'; INSERT INTO jobs VALUES ('a', 'code_exec', 'pending', '{"code":"1"}', NULL, 1, 1)`,
    ],
  ])("of a job %s", async (_name, sql) => {
    const late = halting();
    using place = workplace(late.sandbox);
    await addJob(place.board, "a", { type: "code_exec", input: { code: "1" } });
    const running = runJob(place.work, await claimOne(place, "1-a", 2_000), new AbortController(), ignore);
    await late.isHalfWay;
    sqliteShell(place.file, sql);
    const fresh = { ...place.work.sandboxes, open: () => Promise.resolve(fakeSandbox(writesGraph)) };
    const claim = await claimOne(place, "1-a", 3_000);
    await runJob({ ...place.work, sandboxes: fresh }, claim, new AbortController(), ignore);
    const [path = ""] = ended(place)?.output?.artifacts ?? [];
    late.goOn();
    await running;
    expect(ended(place)?.output?.artifacts).toEqual([path]);
    expect(readFileSync(join(place.folder, path), "utf8")).toBe("picture");
    expect(place.rows("SELECT path, bytes FROM artifacts")).toEqual([{ path, bytes: 7 }]);
  });
});

test("a second attempt begins without the files of the first", async () => {
  using place = workplace(fakeSandbox(writesGraph));
  await addJob(place.board, "a", { type: "code_exec", input: { code: "1" } });
  await claimOne(place);
  const leftover = { id: "x", jobId: "a", name: "old.png", path: "storage/outputs/a/old.png" };
  mkdirSync(join(place.folder, "storage/outputs/a"), { recursive: true });
  writeFileSync(join(place.folder, leftover.path), "old");
  await place.board.write((tx) =>
    tx.run("INSERT INTO artifacts VALUES ('x', 'a', 'old.png', ?, 'image/png', 3, '00', NULL, 1)", leftover.path),
  );
  await loseWorkers(place);
  await runJob(place.work, await claimOne(place), new AbortController(), ignore);
  expect(place.board.read((tx) => artifactsOfJob(tx, "a")).map((one) => one.name)).toEqual(["graph.png"]);
  expect(existsSync(join(place.folder, leftover.path))).toBe(false);
});

test("an attempt that lost its job leaves alone what the later one brought out", async () => {
  using place = workplace(fakeSandbox(writesGraph));
  await addJob(place.board, "a", { type: "code_exec", input: { code: "1" } });
  const stale = await claimOne(place, "1-late");
  await loseWorkers(place);
  await runJob(place.work, await claimOne(place, "2-fresh"), new AbortController(), ignore);
  const [path = ""] = ended(place)?.output?.artifacts ?? [];
  await runJob(place.work, stale, new AbortController(), ignore);
  expect(place.board.read((tx) => artifactsOfJob(tx, "a")).map((one) => one.path)).toEqual([path]);
  expect(readFileSync(join(place.folder, path), "utf8")).toBe("picture");
});

test("a row that names a file outside of storage leads no deletion astray", async () => {
  using place = workplace(fakeSandbox(writesGraph));
  const precious = join(place.folder, "precious.txt");
  writeFileSync(precious, "mine");
  await addJob(place.board, "a", { type: "code_exec", input: { code: "1" } });
  await place.board.write((tx) =>
    tx.run("INSERT INTO artifacts VALUES ('x', 'a', 'old.png', 'precious.txt', 'image/png', 3, '00', NULL, 1)"),
  );
  await runJob(place.work, await claimOne(place), new AbortController(), ignore);
  expect(place.board.read((tx) => artifactsOfJob(tx, "a")).map((one) => one.path)).toEqual([GRAPH]);
  expect(readFileSync(precious, "utf8")).toBe("mine");
});

describe("without a sandbox", () => {
  const none = () => new AppError("internal", "A sandbox was opened.");

  test.each([
    ["hello", /^Hello! I work with your data files/],
    ["help", /^I work with your data files/],
    ["what is the weather", /^I can't answer that without a file/],
  ])("words are answered: %s", async (prompt, answer) => {
    using place = workplace(none());
    expect((await run(place, { type: "chat", input: { prompt } }))?.output?.text).toMatch(answer);
  });

  test("a request that needs a file asks for one", async () => {
    using place = workplace(none());
    const job = await run(place, { input: { prompt: "Graph this" } });
    expect(job).toMatchObject({ status: "completed", output: { artifacts: [] } });
    expect(job?.output?.text).toStartWith("I need a file for that.");
  });

  test("a web page is refused honestly", async () => {
    using place = workplace(none());
    const job = await run(place, { type: "browser", input: { prompt: "https://example.org" } });
    expect(job).toMatchObject({ status: "failed", output: { error: { code: "unsupported" } } });
  });
});
