// `jobs` as a person types it, on a board that no server has open.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { settleJob } from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import { DONE, claimOne, runOf, spend } from "../shared/claiming.ts";
import { addJob, temporaryBoard, temporaryFolder } from "../shared/temporary.ts";
import { sandpiper, type Said } from "./command.ts";

const DAY_MS = 86_400_000;
const error = { code: "unavailable", message: "The sandbox went away." };

/** A home with a board in it, and `jobs` in that home. */
function house() {
  const place = temporaryBoard();
  const jobs = (...args: string[]): Promise<Said> => sandpiper(place.folder, "jobs", ...args);
  const done = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await jobs(...args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return out;
  };
  const json = async (...args: string[]): Promise<unknown> => JSON.parse(await done(...args, "--json"));
  const refused = async (...args: string[]): Promise<Said> => {
    const said = await jobs(...args);
    expect(said.out).toBe("");
    expect(said.err).not.toContain("    at ");
    return said;
  };
  return { ...place, jobs, done, json, refused };
}

const Listed = z.object({ jobs: z.array(z.object({ id: z.string(), state: z.string() })), has_more: z.boolean() });
const listed = async (place: ReturnType<typeof house>, ...args: string[]): Promise<string[]> =>
  Listed.parse(await place.json("list", ...args)).jobs.map((job) => `${job.id} ${job.state}`);

test("without a board it says so, and makes none", async () => {
  using folder = temporaryFolder();
  for (const args of [[], ["list"], ["show", "a"], ["follow"], ["prune"]]) {
    const { code, out, err } = await sandpiper(folder.path, "jobs", ...args);
    expect(err).toContain("There are no jobs yet");
    expect([code, out, existsSync(join(folder.path, "data"))]).toEqual([1, "", false]);
  }
});

test("the list can be of some states, shorter, and for programs", async () => {
  using place = house();
  await addJob(place.board, "a");
  await settleJob(place.board, await claimOne(place), { ...DONE, error }, 3_000);
  await addJob(place.board, "b");
  await addJob(place.board, "c", { runAt: 9e12 });
  expect(await listed(place)).toEqual(["c scheduled", "b ready", "a failed"]);
  expect(await listed(place, "--state", "failed, ready")).toEqual(["b ready", "a failed"]);
  expect(await place.json("list", "--limit", "1")).toMatchObject({ jobs: [{ id: "c" }], has_more: true });
  expect(await place.done("list", "--state", "dead,done")).toBe("No job is dead or done.\n");
  expect(await place.done()).toContain("c   scheduled");
});

test("one job is shown by the beginning of its id, to people and to programs", async () => {
  using place = house();
  await addJob(place.board, "job-1", { input: { prompt: "Graph this" } });
  const claim = await claimOne(place);
  await spend(place, claim, 7);
  await settleJob(place.board, claim, { ...DONE, error }, 3_000);
  await addJob(place.board, "job-10");
  expect(await place.done("show", "job-1")).toMatch(/^job-1\n {2}state +failed\n {2}asked +Graph this\n/);
  expect(await place.json("show", "job-10")).toMatchObject({ id: "job-10", state: "ready", jobs_before: 0 });
  expect(await place.json("show", "job-1")).toMatchObject({
    id: "job-1",
    started_at: "1970-01-01T00:00:02.000Z",
    cost_usd: 0.000007,
    attempts: [{ attempt: 1, outcome: "failed", error, worker_id: "1-a" }],
    output: { stdout: "out", error },
  });
  const { code, err } = await place.refused("show", "job");
  expect([code, err]).toEqual([2, "Several jobs begin with “job”. Give more of the id: bun run jobs -- list\n"]);
});

test("strangers' rows steer no terminal", async () => {
  using place = house();
  const evil = "x\u001b[2J\u009b31m\u202e\u0007\r\ny";
  const output = { text: evil, stdout: evil, error: { code: evil, message: evil, detail: evil } };
  const values = [evil, evil, JSON.stringify({ prompt: evil, files: [evil] }), JSON.stringify(output)];
  await place.board.write((tx) => tx.run("INSERT INTO jobs VALUES (?, ?, 'failed', ?, ?, 'soon', NULL)", ...values));
  for (const args of [["list"], ["show", "x"], ["follow", "x"], ["retry", "x"], ["cancel", "x"]]) {
    const plain = args[0] === "list" || args[0] === "show" ? await place.jobs(...args) : { out: "", err: "" };
    const { out, err } = await place.jobs(...args, "--json");
    const said = plain.out + plain.err + out + err;
    expect(said).toContain("x");
    expect(said).not.toMatch(/[^\P{Cc}\n]|[\u202A-\u202E]/u);
  }
});

describe("wrong input ends with a sentence and code 2:", () => {
  test.each([
    ["a verb that does not exist", ["sing"], "Say list, show, follow, retry, cancel or prune."],
    ["a verb that only looks like one", ["toString"], "Say list"],
    ["an id where none belongs", ["list", "a"], "jobs list takes no id."],
    ["no id", ["show"], "jobs show takes one id."],
    ["two ids", ["follow", "a", "b"], "jobs follow takes one id, or none for all jobs."],
    ["an id that does not exist", ["retry", "gone\u001b"], "There is no job “gone\\x1b”."],
    ["an empty id", ["cancel", ""], "There is no job “”."],
    ["a state that does not exist", ["list", "--state", "ready,broken"], "There is no state “broken”. Use: scheduled,"],
    ["a limit that is none", ["list", "--limit", "many"], "--limit is “many”"],
    ["a limit of nothing", ["list", "--limit", "0"], "--limit is “0”"],
    ["a span without its unit", ["prune", "--older-than", "30"], "--older-than is “30”"],
    ["an option that does not exist", ["prune", "--all"], "--all"],
    ["an option without its value", ["list", "--state"], "--state"],
  ])("%s", async (_name, args, sentence) => {
    using place = house();
    await addJob(place.board, "a");
    const { code, err } = await place.refused(...args);
    expect(err).toContain(sentence);
    expect(code).toBe(2);
    expect(runOf(place, "a").state).toBe("ready");
  });
});

test("a job that failed is run again, one that waits is not", async () => {
  using place = house();
  await addJob(place.board, "a");
  await settleJob(place.board, await claimOne(place), { ...DONE, error }, 3_000);
  expect(await place.done("retry", "a")).toBe("a is in the line again, as soon as Sandpiper runs (npm start).\n");
  expect(runOf(place, "a")).toMatchObject({ state: "ready", attempt: 1, maxAttempts: 4 });
  const { code, err } = await place.refused("retry", "a");
  expect([code, err]).toEqual([1, "The job a is in the line already, so there is nothing to retry.\n"]);
});

test("a job is stopped: at once while it waits, by its worker while it runs, never when it is over", async () => {
  using place = house();
  await addJob(place.board, "runs");
  await claimOne(place);
  await addJob(place.board, "waits");
  expect(await place.done("cancel", "waits")).toBe("waits was stopped before it could go on.\n");
  expect(await place.json("cancel", "runs")).toEqual({ id: "runs", outcome: "asked", state: "running" });
  expect(runOf(place, "runs").isCancelAsked).toBe(true);
  await place.board.write((tx) => tx.run("INSERT INTO jobs VALUES ('theirs', 'chat', 'running', '{}', NULL, 1, 1)"));
  expect(await place.done("cancel", "theirs")).toBe("theirs was stopped before it could go on.\n");
  const { code, err } = await place.refused("cancel", "waits");
  expect([code, err]).toEqual([1, "The job waits has ended already: cancelled.\n"]);
});

describe("pruning", () => {
  test("says what it would delete, then deletes it with its files, and nothing else", async () => {
    using place = house();
    for (const [id, days, conversationId] of [
      ["old", 31, null],
      ["young", 29, null],
      ["talk", 31, "c"],
    ] as const) {
      const at = Date.now() - days * DAY_MS;
      await addJob(place.board, id, { conversationId }, at);
      await settleJob(place.board, await claimOne(place, "1-a", at), DONE, at);
      mkdirSync(join(place.folder, "storage/outputs", id), { recursive: true });
      writeFileSync(join(place.folder, "storage/outputs", id, "graph.png"), "picture");
    }
    const kept = (id: string) => existsSync(join(place.folder, "storage/outputs", id));
    expect(await place.done("prune", "--dry-run")).toStartWith(
      "Would delete 1 ended jobs that belong to no conversation",
    );
    expect(await listed(place)).toEqual(["talk done", "young done", "old done"]);
    expect(await place.done("prune")).toStartWith("Deleted 1 ended jobs");
    expect(await listed(place)).toEqual(["talk done", "young done"]);
    expect(["old", "young", "talk"].map(kept)).toEqual([false, true, true]);
    expect(await place.done("prune")).toBe("No ended job without a conversation is older than 30 days.\n");
    expect(await place.json("prune", "--older-than", "4w")).toEqual({
      older_than: "4w",
      found: 1,
      deleted: 1,
      dry_run: false,
    });
  });
});

describe("following", () => {
  test("a job that has ended tells its story and how it ended", async () => {
    using place = house();
    await addJob(place.board, "good", { input: { prompt: "Graph" } });
    const claim = await claimOne(place);
    await spend(place, claim, 7);
    await settleJob(place.board, claim, DONE, 3_000);
    const lines = (await place.done("follow", "good")).split("\n");
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ""))).toEqual([
      "created (chat): Graph",
      "started",
      "done, $0.0000",
      "",
      "t",
      "",
    ]);
    const { code, out } = await place.jobs("follow", "good", "--json");
    expect([
      code,
      out
        .trim()
        .split("\n")
        .map((line) => z.object({ kind: z.string() }).parse(JSON.parse(line)).kind),
    ]).toEqual([0, ["job-created", "job-started", "job-completed"]]);
    await addJob(place.board, "bad");
    await cancelJob(place.board, "bad", 4_000);
    expect((await place.jobs("follow", "bad")).code).toBe(1);
  });

  test("ends by itself with the job", async () => {
    using place = house();
    await addJob(place.board, "a");
    const said = place.jobs("follow", "a");
    await settleJob(place.board, await claimOne(place), DONE, 3_000);
    expect((await said).code).toBe(0);
  });
});
