// A person's side of the board: stopping a job and running one again.
import { describe, expect, test } from "bun:test";
import { claimJobs, settleJob, stopAsked } from "../../src/shared/claims.ts";
import { cancelJob, restartJob } from "../../src/shared/control.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { attemptsOf } from "../../src/shared/jobs.ts";
import { DONE, addJobIn, brokenRules, claimOne, jobOf, kindsOf, loseWorkers, runOf, spend } from "./claiming.ts";
import { addJob, sqliteShell, temporaryBoard } from "./temporary.ts";

describe("stopping", () => {
  test("a job that waits ends it at once, and nobody starts it", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    expect(await cancelJob(place.board, "a", 3_000)).toBe("cancelled");
    expect(await claimJobs(place.board, "1-a", () => 1, 4_000)).toEqual([]);
    expect(jobOf(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "cancelled" } } });
    expect(kindsOf(place, "a")).toEqual(["job-created", "job-failed"]);
    expect(await cancelJob(place.board, "a", 4_000)).toBe("ended");
  });

  test.each(["ready", "waiting", "scheduled", "retrying"] as const)(
    "one that is %s ends it at once and keeps the story",
    async (state) => {
      using place = temporaryBoard();
      await addJobIn(place, "a", state);
      const before = kindsOf(place, "a");
      expect(await cancelJob(place.board, "a", 3_000)).toBe("cancelled");
      expect(runOf(place, "a")).toMatchObject({ state: "cancelled", finishedAt: 3_000, runAt: null });
      expect(jobOf(place, "a")).toMatchObject({ status: "failed", updatedAt: 3_000 });
      expect(kindsOf(place, "a")).toEqual([...before, "job-failed"]);
      expect((await claimJobs(place.board, "1-a", () => 9, 2e15)).map((claim) => claim.jobId)).not.toContain("a");
      expect(brokenRules(place)).toEqual([]);
    },
  );

  test.each(["done", "failed", "dead", "cancelled"] as const)("one that is %s changes nothing", async (state) => {
    using place = temporaryBoard();
    await addJobIn(place, "a", state);
    const before = [place.rows("SELECT * FROM jobs"), place.rows("SELECT * FROM job_run"), kindsOf(place, "a")];
    expect(await cancelJob(place.board, "a", 3_000)).toBe("ended");
    const after = [place.rows("SELECT * FROM jobs"), place.rows("SELECT * FROM job_run"), kindsOf(place, "a")];
    expect(after).toEqual(before);
  });

  test("a job that runs asks its worker, and only that one", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    const claims = [await claimOne(place), await claimOne(place)];
    expect(await cancelJob(place.board, "a", 3_000)).toBe("asked");
    expect(jobOf(place, "a")?.status).toBe("running");
    expect(stopAsked(place.board, claims).map((claim) => claim.jobId)).toEqual(["a"]);
    expect(await cancelJob(place.board, "a", 3_100)).toBe("asked");
    expect(brokenRules(place)).toEqual([]);
  });

  test("a job that is done before its worker hears of it leaves it done", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    await cancelJob(place.board, "a", 2_500);
    expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
    expect(runOf(place, "a").state).toBe("done");
    expect(jobOf(place, "a")).toMatchObject({ status: "completed", output: DONE.output });
  });

  test("a job between two attempts keeps both what went wrong and that it was stopped", async () => {
    using place = temporaryBoard();
    await addJobIn(place, "a", "retrying");
    await cancelJob(place.board, "a", 3_000);
    expect(jobOf(place, "a")?.output?.error).toEqual({
      code: "cancelled",
      message: "You stopped this.",
      attempts: [{ attempt: 1, code: "unavailable", message: "Not now." }],
    });
    expect(place.board.read((tx) => attemptsOf(tx, "a"))).toMatchObject([{ attempt: 1, outcome: "retrying" }]);
  });

  test("outlives the worker that was asked: nobody begins the job anew", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await cancelJob(place.board, "a", 3_000);
    expect(await loseWorkers(place, 4_000)).toEqual(["a"]);
    expect(await claimJobs(place.board, "2-b", () => 1, 5_000)).toEqual([]);
    expect(runOf(place, "a").state).toBe("cancelled");
    expect(jobOf(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "cancelled" } } });
    expect(brokenRules(place)).toEqual([]);
  });

  // A stranger's worker is never asked and never taken for dead: without this its job could not be ended by anybody.
  test("a job that another program runs ends it, for nobody could be asked", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    sqliteShell(place.file, "UPDATE jobs SET status = 'running'");
    expect(await cancelJob(place.board, "a", 3_000)).toBe("cancelled");
    expect(runOf(place, "a").state).toBe("cancelled");
  });

  test("what does not exist is said so", async () => {
    using place = temporaryBoard();
    expect(await cancelJob(place.board, "nothing", 3_000)).toBe("unknown");
  });
});

describe("running a job again", () => {
  test.each(["failed", "dead", "cancelled"] as const)("that is %s puts it at the end of the line", async (state) => {
    using place = temporaryBoard();
    await addJobIn(place, "a", state, { input: { prompt: "again" } });
    const { attempt } = runOf(place, "a");
    await addJob(place.board, "b");
    expect(await restartJob(place.board, "a", 3_000)).toBe("restarted");
    expect(jobOf(place, "a")).toMatchObject({ status: "pending", output: null, updatedAt: 3_000 });
    expect(runOf(place, "a")).toMatchObject({ state: "ready", finishedAt: null, workerId: null, isCancelAsked: false });
    expect(kindsOf(place, "a").at(-1)).toBe("job-requeued");
    expect(brokenRules(place)).toEqual([]);
    expect(await claimJobs(place.board, "1-a", () => 9, 4_000)).toMatchObject([
      { jobId: "b" },
      { jobId: "a", attempt: attempt + 1, maxAttempts: attempt + 3, input: { prompt: "again" } },
    ]);
  });

  test.each(["scheduled", "retrying"] as const)("that is %s does it now", async (state) => {
    using place = temporaryBoard();
    await addJobIn(place, "a", state);
    expect(await restartJob(place.board, "a", 2_100)).toBe("restarted");
    expect(runOf(place, "a")).toMatchObject({ state: "ready", runAt: null });
    expect(brokenRules(place)).toEqual([]);
    expect((await claimJobs(place.board, "1-a", () => 9, 2_200)).map((claim) => claim.jobId)).toEqual(["a"]);
  });

  test.each(["ready", "waiting", "running", "done"] as const)(
    "that is %s is refused and changes nothing",
    async (state) => {
      using place = temporaryBoard();
      await addJobIn(place, "a", state);
      const before = [place.rows("SELECT * FROM jobs"), place.rows("SELECT * FROM job_run"), kindsOf(place, "a")];
      expect(await restartJob(place.board, "a", 3_000)).toBe("refused");
      const after = [place.rows("SELECT * FROM jobs"), place.rows("SELECT * FROM job_run"), kindsOf(place, "a")];
      expect(after).toEqual(before);
    },
  );

  test("whose deadline has passed forgets the deadline", async () => {
    using place = temporaryBoard();
    await addJobIn(place, "a", "failed", { deadlineAt: 2_500 });
    await restartJob(place.board, "a", 3_000);
    expect(runOf(place, "a").deadlineAt).toBeNull();
  });

  test("before its deadline keeps it, and has not begun", async () => {
    using place = temporaryBoard();
    await addJobIn(place, "a", "failed", { deadlineAt: 9_000 });
    await restartJob(place.board, "a", 3_000);
    expect(runOf(place, "a")).toMatchObject({ deadlineAt: 9_000, startedAt: null });
  });

  test("keeps what earlier attempts were and cost, and the new end tells of them", async () => {
    using place = temporaryBoard();
    await addJobIn(place, "a", "failed");
    await restartJob(place.board, "a", 3_000);
    const error = { code: "sandbox", message: "Again." };
    const end = { output: { ...DONE.output, error }, error };
    await spend(place, { jobId: "a", attempt: 1, workerId: "1-a" }, 7);
    const again = await claimOne(place, "2-b", 4_000);
    await spend(place, again, 5);
    await settleJob(place.board, again, end, 5_000);
    expect(runOf(place, "a").costMicroUsd).toBe(12);
    expect(place.board.read((tx) => attemptsOf(tx, "a")).map((one) => one.workerId)).toEqual(["1-a", "2-b"]);
    expect(place.board.read((tx) => eventsAfter(tx, 0, 99)).at(-1)).toMatchObject({
      kind: "job-failed",
      error: { message: "Again.", attempts: [{ attempt: 1, message: "It did not work." }] },
    });
  });

  test("what does not exist is said so", async () => {
    using place = temporaryBoard();
    expect(await restartJob(place.board, "nothing", 3_000)).toBe("unknown");
  });
});
