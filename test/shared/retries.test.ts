// Attempts that are not the last: put off, given back, counted or not, and what the clock may do to them.
import { describe, expect, test } from "bun:test";
import {
  MAX_RETRY_MS,
  claimJobs,
  handBackJob,
  nextDue,
  recordEvents,
  retryJob,
  settleJob,
} from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { attemptsOf } from "../../src/shared/jobs.ts";
import { DONE, brokenRules, claimOne, jobOf, loseWorkers, passing, retry, runOf, spend } from "./claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const claimed = async (place: TemporaryBoard, limit: number, now = 2_000): Promise<string[]> =>
  (await claimJobs(place.board, "1-a", () => limit, now)).map((claim) => claim.jobId);

describe("an attempt that failed for a while", () => {
  test("puts the job off, and it comes back to its old place in the line", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    const first = await claimOne(place);
    await spend(place, first, 3);
    expect(await retryJob(place.board, first, retry(5_000), 3_000)).toBe(true);
    expect(jobOf(place, "a")).toMatchObject({ status: "pending", output: null });
    expect(runOf(place, "a")).toMatchObject({ state: "retrying", runAt: 5_000, workerId: null, costMicroUsd: 3 });
    expect(place.board.read((tx) => eventsAfter(tx, 0, 99, "a")).at(-1)).toMatchObject({
      kind: "job-retrying",
      attempt: 1,
      error: passing("Not now."),
      retryAt: 5_000,
    });
    expect(place.board.read(nextDue)).toBe(5_000);
    expect(await claimed(place, 0, 4_999)).toEqual([]);
    const again = await claimOne(place, "1-a", 5_000);
    expect(again).toMatchObject({ jobId: "a", attempt: 2, maxAttempts: 3 });
    await spend(place, again, 7);
    await settleJob(place.board, again, DONE, 6_000);
    expect(runOf(place, "a").costMicroUsd).toBe(10);
    expect(brokenRules(place)).toEqual([]);
  });

  test("is not claimed before its time, though others are", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    await retryJob(place.board, await claimOne(place), retry(5_000), 3_000);
    expect(await claimed(place, 9, 4_999)).toEqual(["b"]);
  });

  test("costs nothing of what it may try when it does not count", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { maxAttempts: 1 });
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const claim = await claimOne(place, "1-a", attempt * 10_000);
      expect([claim.attempt, claim.maxAttempts]).toEqual([attempt, attempt]);
      await retryJob(place.board, claim, retry(attempt * 10_000 + 5_000, { isCounted: false }), attempt * 10_000);
    }
    expect(runOf(place, "a")).toMatchObject({ attempt: 5, maxAttempts: 6 });
  });

  test("and failed for good tells what went wrong in every attempt", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await retryJob(place.board, await claimOne(place), retry(3_000, { error: passing("One.") }), 2_000);
    await claimOne(place, "2-b", 3_000);
    await loseWorkers(place, 4_000);
    const last = await claimOne(place, "3-c", 5_000);
    const error = { code: "sandbox", message: "Three.", detail: "why" };
    await settleJob(place.board, last, { ...DONE, output: { ...DONE.output, error }, error }, 6_000);
    const whole = {
      ...error,
      attempts: [
        { attempt: 1, code: "unavailable", message: "One." },
        { attempt: 2, code: "unavailable", message: "The worker died while it ran this." },
      ],
    };
    expect(jobOf(place, "a")?.output).toEqual({ ...DONE.output, error: whole });
    expect(place.board.read((tx) => eventsAfter(tx, 0, 99)).at(-1)).toMatchObject({ kind: "job-failed", error: whole });
    expect(place.board.read((tx) => attemptsOf(tx, "a"))).toMatchObject([
      { attempt: 1, workerId: "1-a", startedAt: 2_000, endedAt: 2_000, outcome: "retrying" },
      { attempt: 2, workerId: "2-b", startedAt: 3_000, endedAt: 4_000, outcome: "lost" },
      { attempt: 3, workerId: "3-c", startedAt: 5_000, endedAt: 6_000, outcome: "failed", error },
    ]);
  });

  test("ends as stopped if that was asked for meanwhile: nobody begins it again", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    expect(await cancelJob(place.board, "a", 2_500)).toBe("asked");
    await spend(place, claim, 3);
    expect(await retryJob(place.board, claim, retry(5_000), 3_000)).toBe(true);
    expect(runOf(place, "a")).toMatchObject({ state: "cancelled", costMicroUsd: 3 });
    expect(jobOf(place, "a")?.output?.error?.code).toBe("cancelled");
    expect(brokenRules(place)).toEqual([]);
  });
});

describe("a job that is handed back", () => {
  test("is the next to be claimed, and the attempt does not count but its cost does", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    const first = await claimOne(place);
    await spend(place, first, 5);
    expect(await handBackJob(place.board, first, 3_000)).toBe(true);
    expect(runOf(place, "a")).toMatchObject({ state: "ready", workerId: null, costMicroUsd: 5 });
    expect(brokenRules(place)).toEqual([]);
    expect(await claimOne(place, "2-b")).toMatchObject({ jobId: "a", attempt: 2, maxAttempts: 4 });
    expect(place.board.read((tx) => attemptsOf(tx, "a"))).toMatchObject([
      { attempt: 1, outcome: "handed-back", costMicroUsd: 5 },
    ]);
  });

  test("ends as stopped if that was asked for meanwhile: nobody begins it again", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    expect(await cancelJob(place.board, "a", 2_500)).toBe("asked");
    await spend(place, claim, 3);
    expect(await handBackJob(place.board, claim, 3_000)).toBe(true);
    expect(runOf(place, "a")).toMatchObject({ state: "cancelled", costMicroUsd: 3 });
    expect(brokenRules(place)).toEqual([]);
  });
});

describe("how far a job is", () => {
  test("is told and kept while it runs, and forgotten when the attempt is over", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    await recordEvents(place.board, claim, [{ kind: "progress-changed", fraction: 0.25 }], 2_500);
    await recordEvents(place.board, claim, [{ kind: "progress-changed", fraction: 0.5 }], 2_600);
    expect(runOf(place, "a").progress).toBe(0.5);
    await retryJob(place.board, claim, retry(3_000), 2_700);
    expect(runOf(place, "a").progress).toBeNull();
  });
});

describe("a clock that jumps", () => {
  const DAY_MS = 86_400_000;
  const NOW = 1_800_000_000_000;

  test("back by a day holds up no retry and no order", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", {}, NOW);
    await addJob(place.board, "b", {}, NOW);
    await retryJob(place.board, await claimOne(place, "1-a", NOW), retry(NOW + 4_000), NOW);
    const back = NOW - DAY_MS;
    await addJob(place.board, "c", {}, back);
    expect(await claimed(place, 9, back)).toEqual(["a", "b", "c"]);
    expect(brokenRules(place)).toEqual([]);
  });

  test("forward by a day ends no retry before its time but the one that is then due, and changes no order", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", {}, NOW);
    await addJob(place.board, "b", {}, NOW + DAY_MS);
    await addJob(place.board, "c", {}, NOW);
    await retryJob(place.board, await claimOne(place, "1-a", NOW), retry(NOW + 4_000), NOW);
    expect(await claimed(place, 9, NOW + DAY_MS)).toEqual(["a", "b", "c"]);
  });

  test("lets no retry be put off for longer than the longest", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", {}, NOW);
    await retryJob(place.board, await claimOne(place, "1-a", NOW), retry(NOW + DAY_MS), NOW);
    expect(runOf(place, "a").runAt).toBe(NOW + MAX_RETRY_MS);
    const told = place.board.read((tx) => eventsAfter(tx, 0, 99)).at(-1);
    expect(told).toMatchObject({ kind: "job-retrying", retryAt: NOW + MAX_RETRY_MS });
    expect(await claimed(place, 9, NOW + MAX_RETRY_MS - 1)).toEqual([]);
    expect(await claimed(place, 9, NOW + MAX_RETRY_MS)).toEqual(["a"]);
  });
});
