// Jobs as rows: put on the board, and read again.
import { describe, expect, test } from "bun:test";
import { claimJobs, settleJob } from "../../src/shared/claims.ts";
import { openBoard } from "../../src/shared/db.ts";
import { enqueueJob, insertJob, jobsOfConversation, listJobs } from "../../src/shared/jobs.ts";
import type { JobFilter, NewJob } from "../../src/shared/jobs.ts";
import { DONE, brokenRules, claimOne, jobOf, kindsOf, runOf } from "./claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const listed = (place: TemporaryBoard, limit: number, filter?: JobFilter) =>
  place.board.read((tx) => listJobs(tx, limit, filter)).map((one) => one.id);

describe("lists", () => {
  test("are newest first and page backwards; a conversation's are oldest first", async () => {
    using place = temporaryBoard();
    for (const id of ["a", "b", "c"]) await addJob(place.board, id, { conversationId: id === "b" ? null : "talk" });
    expect(listed(place, 2)).toEqual(["c", "b"]);
    expect(listed(place, 9, { before: "b" })).toEqual(["a"]);
    expect(place.board.read((tx) => jobsOfConversation(tx, "talk")).map((one) => one.id)).toEqual(["a", "c"]);
  });

  test("are in the order of arrival, whatever the clock said", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "first", {}, 9_000);
    await addJob(place.board, "second", {}, 1_000);
    expect(listed(place, 9)).toEqual(["second", "first"]);
  });

  test("end where the job that they go on from is gone: who pages never begins again from the top", async () => {
    using place = temporaryBoard();
    for (const id of ["a", "b", "c"]) await addJob(place.board, id);
    await place.board.write((tx) => tx.run("DELETE FROM jobs WHERE id = 'b'"));
    expect(listed(place, 9, { before: "b" })).toEqual([]);
  });

  test("can be of some states only", async () => {
    using place = temporaryBoard();
    for (const id of ["a", "b", "c", "d"]) await addJob(place.board, id);
    await settleJob(place.board, await claimOne(place), DONE, 3_000);
    await claimOne(place);
    expect(listed(place, 9, { states: ["running"] })).toEqual(["b"]);
    expect(listed(place, 9, { states: ["ready", "done"] })).toEqual(["d", "c", "a"]);
    expect(listed(place, 1, { states: ["ready", "done"], before: "d" })).toEqual(["c"]);
    expect(listed(place, 9, { states: [] })).toEqual([]);
  });
});

describe("a job", () => {
  test("is what was asked for, and where nothing was said it is ordinary", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "plain");
    await addJob(place.board, "special", { priority: -5, runAt: 9_000, deadlineAt: 99_000, maxAttempts: 7 });
    expect(runOf(place, "plain")).toMatchObject({
      state: "ready",
      priority: 0,
      runAt: null,
      deadlineAt: null,
      attempt: 0,
      maxAttempts: 3,
      workerId: null,
      isCancelAsked: false,
      startedAt: null,
      finishedAt: null,
      progress: null,
      costMicroUsd: 0,
    });
    expect(runOf(place, "special")).toMatchObject({
      state: "scheduled",
      priority: -5,
      runAt: 9_000,
      deadlineAt: 99_000,
      maxAttempts: 7,
    });
    expect(brokenRules(place)).toEqual([]);
  });

  test("for a time that has passed is for now", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { runAt: 999 }, 1_000);
    await addJob(place.board, "b", { runAt: 1_000 }, 1_000);
    expect([runOf(place, "a"), runOf(place, "b")]).toMatchObject([{ state: "ready" }, { state: "ready" }]);
    expect(brokenRules(place)).toEqual([]);
  });

  test("of ten megabytes comes back whole", async () => {
    using place = temporaryBoard();
    const code = `${"é😀\u0000\u2028'\"".repeat(875_000)}end`;
    await addJob(place.board, "a", { type: "code_exec", input: { code } });
    const claim = await claimOne(place);
    expect(JSON.stringify(claim.input) === JSON.stringify({ code })).toBe(true);
    await settleJob(place.board, claim, { ...DONE, output: { ...DONE.output, stdout: code } }, 3_000);
    expect(jobOf(place, "a")?.output?.stdout === code).toBe(true);
  });

  test("whose id is taken is refused, and the one that has it is left as it is", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { input: { prompt: "first" } });
    const claim = await claimOne(place);
    const [refused, other] = await Promise.allSettled([
      addJob(place.board, "a", { input: { prompt: "second" } }),
      addJob(place.board, "b"),
    ]);
    expect([refused.status, other.status]).toEqual(["rejected", "fulfilled"]);
    expect(jobOf(place, "a")).toMatchObject({ status: "running", input: { prompt: "first" } });
    expect(kindsOf(place, "a")).toEqual(["job-created", "job-started"]);
    expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
    expect(brokenRules(place)).toEqual([]);
  });
});

describe("an idempotency key", () => {
  const keyed = (id: string, key = "key"): NewJob => ({
    id,
    type: "chat",
    input: { prompt: id },
    conversationId: null,
    files: [],
    idempotencyKey: key,
  });

  test("makes one job of two, and the second is told which one stands", async () => {
    using place = temporaryBoard();
    expect(await enqueueJob(place.board, keyed("first"), 1_000)).toBe("first");
    expect(await enqueueJob(place.board, keyed("second"), 2_000)).toBe("first");
    expect(await enqueueJob(place.board, keyed("other", "another key"), 2_000)).toBe("other");
    expect(listed(place, 9)).toEqual(["other", "first"]);
    expect(jobOf(place, "first")?.input.prompt).toBe("first");
  });

  test("stands for its job when that has long ended", async () => {
    using place = temporaryBoard();
    await enqueueJob(place.board, keyed("first"), 1_000);
    await settleJob(place.board, await claimOne(place), DONE, 2_000);
    expect(await enqueueJob(place.board, keyed("second"), 3_000)).toBe("first");
    expect(await claimJobs(place.board, "1-a", () => 9, 4_000)).toEqual([]);
  });

  test("is free again when its job is deleted", async () => {
    using place = temporaryBoard();
    await enqueueJob(place.board, keyed("first"), 1_000);
    await place.board.write((tx) => tx.run("DELETE FROM jobs"));
    expect(await enqueueJob(place.board, keyed("second"), 2_000)).toBe("second");
  });

  test("holds in one transaction, in one turn, and between two connections", async () => {
    using place = temporaryBoard();
    const other = openBoard(place.file);
    const pair = await place.board.write((tx) => [
      insertJob(tx, keyed("a1", "one"), 1_000),
      insertJob(tx, keyed("a2", "one"), 1_000),
    ]);
    expect(pair).toEqual(["a1", "a1"]);
    const racers = Array.from({ length: 40 }, (_, index) =>
      enqueueJob(index % 2 === 0 ? place.board : other, keyed(`b${index}`, `key ${index % 4 < 2 ? "x" : "y"}`), 1_000),
    );
    const stands = new Set(await Promise.all(racers));
    other.close();
    expect(stands.size).toBe(2);
    expect(new Set(listed(place, 99))).toEqual(new Set(["a1", ...stands]));
    expect(brokenRules(place)).toEqual([]);
  });
});
