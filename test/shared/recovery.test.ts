// What becomes of jobs that nobody brings to an end: their worker died, or their time ran out.
import { describe, expect, test } from "bun:test";
import { claimJobs, recordEvents, settleJob } from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import { openBoard } from "../../src/shared/db.ts";
import { attemptsOf, insertJob } from "../../src/shared/jobs.ts";
import { dropJob, expireJobs, reclaimJobs } from "../../src/shared/recovery.ts";
import {
  DONE,
  addJobIn,
  brokenRules,
  claimOne,
  countingWrites,
  jobOf,
  kindsOf,
  loseWorkers,
  runOf,
} from "./claiming.ts";
import { addJob, sqliteShell, temporaryBoard } from "./temporary.ts";

describe("a running job", () => {
  test("whose worker died goes back to the board, and another may have it", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place, "1-dead");
    await addJob(place.board, "b");
    await claimOne(place, "2-alive");
    expect(await reclaimJobs(place.board, (_tx, worker) => worker === "1-dead", 2_001)).toEqual(["a"]);
    expect([jobOf(place, "a")?.status, jobOf(place, "b")?.status]).toEqual(["pending", "running"]);
    expect(brokenRules(place)).toEqual([]);
    expect(await claimOne(place, "2-alive")).toMatchObject({ jobId: "a", attempt: 2 });
    expect(place.board.read((tx) => attemptsOf(tx, "a"))).toMatchObject([
      { attempt: 1, workerId: "1-dead", startedAt: 2_000, endedAt: 2_001, outcome: "lost" },
    ]);
  });

  test("whose worker died begins anew: pieces of output and progress are forgotten", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    await recordEvents(place.board, claim, [{ kind: "text-delta", text: "x" }], 2_100);
    await recordEvents(place.board, claim, [{ kind: "progress-changed", fraction: 0.5 }], 2_200);
    await loseWorkers(place);
    expect(kindsOf(place, "a")).not.toContain("text-delta");
    expect(kindsOf(place, "a").at(-1)).toBe("job-requeued");
    expect(runOf(place, "a").progress).toBeNull();
  });

  test("whose worker died goes to its old place in the line", async () => {
    using place = temporaryBoard();
    for (const id of ["a", "b", "c"]) await addJob(place.board, id);
    await claimOne(place);
    await loseWorkers(place);
    expect((await claimJobs(place.board, "2-b", () => 9, 4_000)).map((claim) => claim.jobId)).toEqual(["a", "b", "c"]);
  });

  test("that killed three workers is not tried a fourth time, and says so", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await claimOne(place)).toMatchObject({ attempt });
      await loseWorkers(place);
      expect(brokenRules(place)).toEqual([]);
    }
    expect(await claimJobs(place.board, "1-a", () => 1, 4_000)).toEqual([]);
    expect(runOf(place, "a")).toMatchObject({ state: "dead", finishedAt: 3_000, attempt: 3 });
    expect(jobOf(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "internal" } } });
    expect(jobOf(place, "a")?.output?.error?.message).toContain("3 times");
    expect(jobOf(place, "a")?.output?.error?.attempts?.map((one) => one.attempt)).toEqual([1, 2]);
    expect(place.board.read((tx) => attemptsOf(tx, "a")).map((one) => one.outcome)).toEqual(["lost", "lost", "dead"]);
    expect(kindsOf(place, "a").at(-1)).toBe("job-failed");
  });

  test("whose end could not be kept goes back as if its worker had died, but only if it is still its worker's", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { maxAttempts: 2 });
    const first = await claimOne(place);
    expect(await dropJob(place.board, first, 3_000)).toBe(true);
    expect(await dropJob(place.board, first, 3_000)).toBe(false);
    const second = await claimOne(place);
    expect(await dropJob(place.board, first, 3_000)).toBe(false);
    expect(runOf(place, "a")).toMatchObject({ state: "running", attempt: 2 });
    expect(await dropJob(place.board, second, 4_000)).toBe(true);
    expect(runOf(place, "a").state).toBe("dead");
    expect(jobOf(place, "a")?.output?.error?.message).toContain("could not be kept");
    expect(brokenRules(place)).toEqual([]);
  });

  test("of a stranger's worker is left to it", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    sqliteShell(place.file, "UPDATE jobs SET status = 'running'");
    expect(await loseWorkers(place, Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(runOf(place, "a").state).toBe("running");
  });

  test("is reclaimed once, though several look at one time", async () => {
    using place = temporaryBoard();
    const other = openBoard(place.file);
    for (const id of ["a", "b", "c"]) await addJob(place.board, id);
    await claimJobs(place.board, "1-a", () => 9, 2_000);
    const looks = await Promise.all(
      [place.board, other, place.board, other].map((board) => reclaimJobs(board, () => true, 3_000)),
    );
    other.close();
    expect(looks.flat().toSorted()).toEqual(["a", "b", "c"]);
    expect(kindsOf(place, "a").filter((kind) => kind === "job-requeued").length).toBe(1);
  });

  test("costs nobody a commit while all workers live", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { deadlineAt: 9_000 });
    await claimOne(place);
    const { board, writes } = countingWrites(place);
    expect(await reclaimJobs(board, () => false, 3_000)).toEqual([]);
    expect(await expireJobs(board, 9_999)).toEqual([]);
    expect(writes()).toBe(0);
  });
});

describe("a deadline", () => {
  test.each(["ready", "waiting", "scheduled", "retrying"] as const)(
    "that passes while a job is %s ends it, and it is not begun any more",
    async (state) => {
      using place = temporaryBoard();
      await addJobIn(place, "a", state, { deadlineAt: 3_000 });
      expect(await expireJobs(place.board, 2_999)).toEqual([]);
      expect(await expireJobs(place.board, 3_000)).toEqual(["a"]);
      expect(await expireJobs(place.board, 3_001)).toEqual([]);
      expect(runOf(place, "a")).toMatchObject({ state: "failed", finishedAt: 3_000 });
      expect(jobOf(place, "a")?.output?.error?.code).toBe("timeout");
      expect(kindsOf(place, "a").at(-1)).toBe("job-failed");
      expect((await claimJobs(place.board, "1-a", () => 9, 2e15)).map((claim) => claim.jobId)).not.toContain("a");
      expect(brokenRules(place)).toEqual([]);
    },
  );

  test("of very many ends them all, and lets others write in between", async () => {
    using place = temporaryBoard();
    await place.board.write((tx) => {
      for (let index = 0; index < 600; index += 1)
        insertJob(
          tx,
          { id: `${index}`, type: "chat", input: {}, conversationId: "talk", files: [], deadlineAt: 3_000 },
          1,
        );
    });
    const { board, writes } = countingWrites(place);
    expect(new Set(await expireJobs(board, 3_000)).size).toBe(600);
    expect(writes()).toBe(3);
    expect(brokenRules(place)).toEqual([]);
  });

  test("that passes while a job runs is its worker's to keep; the board waits for it", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { deadlineAt: 3_000 });
    const claim = await claimOne(place);
    expect(claim.deadlineAt).toBe(3_000);
    expect(await expireJobs(place.board, 4_000)).toEqual([]);
    expect(await settleJob(place.board, claim, DONE, 4_000)).toBe(true);
  });

  test("that passed while a worker died ends the job at the next look", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { deadlineAt: 3_000 });
    await claimOne(place);
    await loseWorkers(place, 4_000);
    expect(await expireJobs(place.board, 4_000)).toEqual(["a"]);
    expect(jobOf(place, "a")?.output?.error?.attempts).toMatchObject([{ attempt: 1, code: "unavailable" }]);
  });

  test("of a job that was stopped changes nothing", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { deadlineAt: 3_000 });
    await cancelJob(place.board, "a", 2_000);
    expect(await expireJobs(place.board, 4_000)).toEqual([]);
    expect(runOf(place, "a").state).toBe("cancelled");
  });
});
