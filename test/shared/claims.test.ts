// The worker's side of the board: who gets which job, who may write to it, and who may end it.
import { describe, expect, test } from "bun:test";
import { claimJobs, handBackJob, recordEvents, settleJob, stopAsked } from "../../src/shared/claims.ts";
import { openBoard } from "../../src/shared/db.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { DONE, claimOne, jobOf, kindsOf, loseWorkers, runOf } from "./claiming.ts";
import { addJob, rejectionOf, temporaryBoard } from "./temporary.ts";

describe("claiming", () => {
  test("takes the oldest first, by their order on the board and not by their dates", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "first", {}, 9_000);
    await addJob(place.board, "second", {}, 1_000);
    await addJob(place.board, "third", {}, 5_000);
    expect((await claimJobs(place.board, "1-a", 2, 2_000)).map((claim) => claim.jobId)).toEqual(["first", "second"]);
    expect((await claimJobs(place.board, "1-a", 2, 2_000)).map((claim) => claim.jobId)).toEqual(["third"]);
    expect(await claimJobs(place.board, "1-a", 2, 2_000)).toEqual([]);
  });

  test("hands over what the handler needs, and shows the job as running", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { type: "code_exec", input: { code: "1" }, conversationId: "c" });
    expect(await claimOne(place)).toEqual({
      jobId: "a",
      attempt: 1,
      maxAttempts: 3,
      workerId: "1-a",
      type: "code_exec",
      input: { code: "1" },
      conversationId: "c",
      startedAt: 2_000,
      deadlineAt: null,
      spentMicroUsd: 0,
    });
    expect(jobOf(place, "a")?.status).toBe("running");
    expect(kindsOf(place, "a")).toEqual(["job-created", "job-started"]);
  });

  test("by several workers gives each job to one of them", async () => {
    using place = temporaryBoard();
    const other = openBoard(place.file);
    for (let count = 0; count < 40; count += 1) await addJob(place.board, `job-${count}`);
    const takeAll = async (board: typeof other, worker: string): Promise<string[]> => {
      const claims = await claimJobs(board, worker, 3, 2_000);
      return claims.length === 0 ? [] : [...claims.map((claim) => claim.jobId), ...(await takeAll(board, worker))];
    };
    const taken = await Promise.all([takeAll(place.board, "1-a"), takeAll(other, "2-b"), takeAll(place.board, "3-c")]);
    other.close();
    expect(taken.flat().length).toBe(40);
    expect(new Set(taken.flat()).size).toBe(40);
    expect(taken.filter((one) => one.length > 0).length).toBeGreaterThan(1);
  });

  test("whose event cannot be written leaves the job where it was", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await place.board.write((tx) =>
      tx.run("CREATE TRIGGER full BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'full'); END"),
    );
    const claiming = claimJobs(place.board, "1-a", 1, 2_000);
    expect(await rejectionOf(claiming)).toMatchObject({ message: "full" });
    expect(jobOf(place, "a")?.status).toBe("pending");
  });
});

describe("settling", () => {
  test("writes state, result, cost and the last event", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    expect(await settleJob(place.board, await claimOne(place), DONE, 3_000)).toBe(true);
    expect(jobOf(place, "a")).toMatchObject({ status: "completed", output: DONE.output, updatedAt: 3_000 });
    expect(runOf(place, "a")).toMatchObject({ startedAt: 2_000, finishedAt: 3_000, costMicroUsd: 7 });
    expect(place.board.read((tx) => eventsAfter(tx, 0, 9)).at(-1)).toMatchObject({
      kind: "job-completed",
      output: DONE.output,
      costUsd: 0.000007,
      at: 3_000,
    });
  });

  test.each([
    ["cancelled", "cancelled"],
    ["code", "failed"],
  ] as const)("with the error %s fails the job and keeps what came out", async (code, state) => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const error = { code, message: "It did not work.", detail: "Traceback" };
    await settleJob(place.board, await claimOne(place), { ...DONE, output: { ...DONE.output, error }, error }, 3_000);
    expect(jobOf(place, "a")).toMatchObject({ status: "failed", output: { stdout: "out", error } });
    expect(runOf(place, "a").state).toBe(state);
    expect(kindsOf(place, "a").at(-1)).toBe("job-failed");
  });

  test("happens once", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
    expect(await settleJob(place.board, claim, DONE, 4_000)).toBe(false);
    expect(kindsOf(place, "a").filter((kind) => kind === "job-completed")).toEqual(["job-completed"]);
  });

  test("by a worker that was late is dropped, with everything else it says", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const late = await claimOne(place, "1-late");
    await loseWorkers(place);
    const fresh = await claimOne(place, "2-fresh");
    expect(fresh).toMatchObject({ attempt: 2, workerId: "2-fresh" });
    const before = kindsOf(place, "a");
    expect(await recordEvents(place.board, late, [{ kind: "text-delta", text: "late" }], 4_000)).toBe(false);
    expect(await settleJob(place.board, late, DONE, 4_000)).toBe(false);
    expect(await handBackJob(place.board, late, 0, 4_000)).toBe(false);
    expect(stopAsked(place.board, [late])).toEqual(["a"]);
    expect(stopAsked(place.board, [fresh])).toEqual([]);
    expect(kindsOf(place, "a")).toEqual(before);
    expect(await settleJob(place.board, fresh, DONE, 5_000)).toBe(true);
  });

  test("by the same worker's earlier attempt is dropped too", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const first = await claimOne(place);
    await loseWorkers(place);
    const second = await claimOne(place);
    expect(await settleJob(place.board, first, DONE, 4_000)).toBe(false);
    expect(await settleJob(place.board, second, DONE, 4_000)).toBe(true);
  });
});

test("a job that is handed back is the next to be claimed, and the attempt does not count", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "a");
  await addJob(place.board, "b");
  expect(await handBackJob(place.board, await claimOne(place), 0, 3_000)).toBe(true);
  expect(await claimOne(place, "2-b")).toMatchObject({ jobId: "a", attempt: 2, maxAttempts: 4 });
});
