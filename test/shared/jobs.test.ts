// The board's units of work: who gets which job, who may end it, and what becomes of a job whose worker is gone.
import { describe, expect, test } from "bun:test";
import { openBoard } from "../../src/shared/db.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import {
  LEASE_MS,
  cancelAsked,
  cancelJob,
  claimJobs,
  handBackJob,
  heartbeat,
  jobsOfConversation,
  listJobs,
  readJob,
  readRunFacts,
  reclaimJobs,
  recordEvents,
  settleJob,
  type Claim,
  type Settlement,
} from "../../src/shared/jobs.ts";
import { addJob, rejectionOf, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const DONE: Settlement = { output: { stdout: "out", text: "t", artifacts: [] }, error: null, costMicroUsd: 7 };

const everyone = () => true;
const nobody = () => false;
const job = (place: TemporaryBoard, id: string) => place.board.read((tx) => readJob(tx, id));
const kinds = (place: TemporaryBoard, id: string) =>
  place.board.read((tx) => eventsAfter(tx, 0, 100, id)).map((event) => event.kind);

async function claimOne(place: TemporaryBoard, worker = "1-a", now = 2_000): Promise<Claim> {
  const [claim] = await claimJobs(place.board, worker, 1, now);
  if (claim === undefined) throw new Error("Nothing was claimed.");
  return claim;
}

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
      workerId: "1-a",
      type: "code_exec",
      input: { code: "1" },
      conversationId: "c",
    });
    expect(job(place, "a")?.status).toBe("running");
    expect(kinds(place, "a")).toEqual(["job-created", "job-started"]);
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
});

describe("settling", () => {
  test("writes state, result, cost and the last event", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    expect(await settleJob(place.board, await claimOne(place), DONE, 3_000)).toBe(true);
    expect(job(place, "a")).toMatchObject({ status: "completed", output: DONE.output, updatedAt: 3_000 });
    expect(place.board.read((tx) => readRunFacts(tx, "a"))).toEqual({
      startedAt: 2_000,
      finishedAt: 3_000,
      costMicroUsd: 7,
    });
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
  ])("with the error %s fails the job and keeps what came out", async (code, state) => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const error = { code, message: "It did not work.", detail: "Traceback" };
    await settleJob(place.board, await claimOne(place), { ...DONE, output: { ...DONE.output, error }, error }, 3_000);
    expect(job(place, "a")).toMatchObject({ status: "failed", output: { stdout: "out", error } });
    expect(place.value("SELECT state FROM job_run")).toBe(state);
    expect(kinds(place, "a").at(-1)).toBe("job-failed");
  });

  test("happens once", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
    expect(await settleJob(place.board, claim, DONE, 4_000)).toBe(false);
    expect(kinds(place, "a").filter((kind) => kind === "job-completed")).toEqual(["job-completed"]);
  });

  test("by a worker that was late is dropped, with everything else it says", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const late = await claimOne(place, "1-late");
    await reclaimJobs(place.board, nobody, 3_000);
    const fresh = await claimOne(place, "2-fresh");
    expect(fresh).toMatchObject({ attempt: 2, workerId: "2-fresh" });
    const before = kinds(place, "a");
    expect(await recordEvents(place.board, late, [{ kind: "text-delta", text: "late" }], 4_000)).toBe(false);
    expect(await settleJob(place.board, late, DONE, 4_000)).toBe(false);
    expect(await handBackJob(place.board, late)).toBe(false);
    expect(await heartbeat(place.board, [late, fresh], 4_000)).toEqual({ stop: ["a"] });
    expect(kinds(place, "a")).toEqual(before);
    expect(await settleJob(place.board, fresh, DONE, 5_000)).toBe(true);
  });

  test("by the same worker's earlier attempt is dropped too", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const first = await claimOne(place);
    await reclaimJobs(place.board, nobody, 3_000);
    const second = await claimOne(place);
    expect(await settleJob(place.board, first, DONE, 4_000)).toBe(false);
    expect(await settleJob(place.board, second, DONE, 4_000)).toBe(true);
  });
});

describe("a running job", () => {
  test("whose worker is alive and beats keeps its lease", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place, "1-a", 0);
    expect(await heartbeat(place.board, [claim], LEASE_MS)).toEqual({ stop: [] });
    expect(await reclaimJobs(place.board, everyone, 2 * LEASE_MS)).toEqual([]);
    expect(await reclaimJobs(place.board, everyone, 2 * LEASE_MS + 1)).toEqual(["a"]);
  });

  test("whose worker died goes back to the board before its lease ends", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place, "1-dead");
    expect(await reclaimJobs(place.board, (worker) => worker !== "1-dead", 2_001)).toEqual(["a"]);
    expect(job(place, "a")?.status).toBe("pending");
    expect(await claimOne(place, "2-b")).toMatchObject({ attempt: 2 });
  });

  test("that killed three workers is not tried a fourth time, and says so", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await claimOne(place)).toMatchObject({ attempt });
      await reclaimJobs(place.board, nobody, 3_000);
    }
    expect(await claimJobs(place.board, "1-a", 1, 4_000)).toEqual([]);
    expect(job(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "internal" } } });
    expect(job(place, "a")?.output?.error?.message).toContain("3 times");
    expect(kinds(place, "a").at(-1)).toBe("job-failed");
  });

  test("that is handed back is the next to be claimed, and the attempt does not count", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    expect(await handBackJob(place.board, await claimOne(place))).toBe(true);
    expect(await claimOne(place, "2-b")).toMatchObject({ jobId: "a", attempt: 1 });
  });
});

describe("stopping", () => {
  test("a job that waits ends it at once, and nobody starts it", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    expect(await cancelJob(place.board, "a", 3_000)).toBe("cancelled");
    expect(await claimJobs(place.board, "1-a", 1, 4_000)).toEqual([]);
    expect(job(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "cancelled" } } });
    expect(kinds(place, "a")).toEqual(["job-created", "job-failed"]);
    expect(await cancelJob(place.board, "a", 4_000)).toBe("ended");
  });

  test("a job that runs asks its worker, and only that one", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    const claims = [await claimOne(place), await claimOne(place)];
    expect(await cancelJob(place.board, "a", 3_000)).toBe("asked");
    expect(job(place, "a")?.status).toBe("running");
    expect(cancelAsked(place.board, claims)).toEqual(["a"]);
    expect(await heartbeat(place.board, claims, 3_000)).toEqual({ stop: ["a"] });
  });

  test("outlives the worker that was asked", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await cancelJob(place.board, "a", 3_000);
    await reclaimJobs(place.board, nobody, 4_000);
    expect(cancelAsked(place.board, [await claimOne(place)])).toEqual(["a"]);
  });

  test("what does not exist is said so", async () => {
    using place = temporaryBoard();
    expect(await cancelJob(place.board, "nothing", 3_000)).toBe("unknown");
  });
});

test("lists are newest first and page backwards; a conversation's are oldest first", async () => {
  using place = temporaryBoard();
  for (const id of ["a", "b", "c"]) await addJob(place.board, id, { conversationId: id === "b" ? null : "talk" });
  const ids = (limit: number, before?: string) =>
    place.board.read((tx) => listJobs(tx, limit, before)).map((one) => one.id);
  expect(ids(2)).toEqual(["c", "b"]);
  expect(ids(9, "b")).toEqual(["a"]);
  expect(place.board.read((tx) => jobsOfConversation(tx, "talk")).map((one) => one.id)).toEqual(["a", "c"]);
});

test("a claim whose event cannot be written leaves the job where it was", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "a");
  await place.board.write((tx) =>
    tx.run("CREATE TRIGGER full BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'full'); END"),
  );
  const claiming = claimJobs(place.board, "1-a", 1, 2_000);
  expect(await rejectionOf(claiming)).toMatchObject({ message: "full" });
  expect(job(place, "a")?.status).toBe("pending");
});
