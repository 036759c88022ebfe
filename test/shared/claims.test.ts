// The worker's side of the board: who gets which job, who may write to it, and who may end it.
import { describe, expect, test } from "bun:test";
import {
  claimJobs,
  handBackJob,
  nextDue,
  recordArtifacts,
  recordEvents,
  retryJob,
  settleJob,
  stopAsked,
  type Claim,
} from "../../src/shared/claims.ts";
import { openBoard } from "../../src/shared/db.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { attemptsOf } from "../../src/shared/jobs.ts";
import {
  DONE,
  brokenRules,
  claimOne,
  countingWrites,
  jobOf,
  kindsOf,
  loseWorkers,
  retry,
  runOf,
  spend,
} from "./claiming.ts";
import { addJob, rejectionOf, sqliteShell, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const claimed = async (place: TemporaryBoard, limit: number, now = 2_000): Promise<string[]> =>
  (await claimJobs(place.board, "1-a", () => limit, now)).map((claim) => claim.jobId);

describe("claiming", () => {
  test("takes the oldest first, by their order on the board and not by their dates", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "first", {}, 9_000);
    await addJob(place.board, "second", {}, 1_000);
    await addJob(place.board, "third", {}, 5_000);
    expect(await claimed(place, 2)).toEqual(["first", "second"]);
    expect(await claimed(place, 2)).toEqual(["third"]);
    expect(await claimed(place, 2)).toEqual([]);
  });

  test("takes the higher priority first, and within one the oldest", async () => {
    using place = temporaryBoard();
    for (const [id, priority] of Object.entries({ a: 0, b: 5, c: -1, d: 5, e: 0 }))
      await addJob(place.board, id, { priority });
    expect(await claimed(place, 3)).toEqual(["b", "d", "a"]);
    expect(await claimed(place, 9)).toEqual(["e", "c"]);
  });

  test("takes a stranger's row whose dates are in seconds in its turn", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "ours", {}, 1_800_000_000_000);
    sqliteShell(place.file, "INSERT INTO jobs VALUES ('theirs', 'chat', 'pending', '{}', NULL, 1800000000, 1)");
    await addJob(place.board, "later", {}, 1_800_000_000_001);
    expect(await claimed(place, 9)).toEqual(["ours", "theirs", "later"]);
  });

  test("of none is asked for nothing, and an empty board costs no commit", async () => {
    using place = temporaryBoard();
    const { board, writes } = countingWrites(place);
    expect(await claimJobs(board, "1-a", () => 5, 2_000)).toEqual([]);
    await addJob(place.board, "a");
    expect(await claimJobs(board, "1-a", () => 0, 2_000)).toEqual([]);
    expect(writes()).toBe(0);
    expect(await claimJobs(board, "1-a", () => 1, 2_000)).toMatchObject([{ jobId: "a" }]);
    expect(writes()).toBe(1);
  });

  test("hands over what the handler needs, and shows the job as running", async () => {
    using place = temporaryBoard();
    const job = { type: "code_exec", input: { code: "1" }, conversationId: "c", deadlineAt: 9_000 } as const;
    await addJob(place.board, "a", job);
    expect(await claimOne(place)).toEqual({
      jobId: "a",
      attempt: 1,
      maxAttempts: 3,
      workerId: "1-a",
      type: "code_exec",
      input: { code: "1" },
      conversationId: "c",
      startedAt: 2_000,
      deadlineAt: 9_000,
    });
    expect(jobOf(place, "a")?.status).toBe("running");
    expect(kindsOf(place, "a")).toEqual(["job-created", "job-started"]);
    expect(brokenRules(place)).toEqual([]);
  });

  test("hands over the row as it is now, whatever a stranger has made of it since", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "changed");
    await addJob(place.board, "replaced");
    sqliteShell(
      place.file,
      `UPDATE jobs SET type = 'browser', input_context = '{"prompt":"new"}' WHERE id = 'changed'`,
      `REPLACE INTO jobs VALUES ('replaced', 'code_exec', 'pending', '{"code":"1"}', NULL, 1, 1)`,
    );
    expect(await claimJobs(place.board, "1-a", () => 9, 2_000)).toMatchObject([
      { jobId: "changed", type: "browser", input: { prompt: "new" } },
      { jobId: "replaced", type: "code_exec", input: { code: "1" } },
    ]);
  });

  test("by several workers gives each job to one of them", async () => {
    using place = temporaryBoard();
    const other = openBoard(place.file);
    for (let count = 0; count < 40; count += 1) await addJob(place.board, `job-${count}`);
    const takeAll = async (board: typeof other, worker: string): Promise<string[]> => {
      const claims = await claimJobs(board, worker, () => 3, 2_000);
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
    const claiming = claimJobs(place.board, "1-a", () => 1, 2_000);
    expect(await rejectionOf(claiming)).toMatchObject({ message: "full" });
    expect(jobOf(place, "a")?.status).toBe("pending");
  });
});

describe("a job for later", () => {
  test("is not claimed before its time, and joins the end of the line then", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "later", { runAt: 5_000 });
    await addJob(place.board, "now");
    expect(await claimed(place, 1, 4_999)).toEqual(["now"]);
    expect(await claimed(place, 9, 4_999)).toEqual([]);
    expect(place.board.read(nextDue)).toBe(5_000);
    await addJob(place.board, "before it");
    expect(await claimed(place, 9, 5_000)).toEqual(["before it", "later"]);
    expect(place.board.read(nextDue)).toBeNull();
    expect(brokenRules(place)).toEqual([]);
  });

  test("comes with others of its time in the order of their times", async () => {
    using place = temporaryBoard();
    for (const [id, runAt] of Object.entries({ c: 3_000, a: 4_000, b: 2_500 }))
      await addJob(place.board, id, { runAt });
    expect(await claimed(place, 9, 5_000)).toEqual(["b", "c", "a"]);
  });

  test("is one of very many that are due at once, and none is forgotten", async () => {
    using place = temporaryBoard();
    await Promise.all(
      Array.from({ length: 600 }, (_, index) => addJob(place.board, `job-${index}`, { runAt: 5_000 + index })),
    );
    const all: string[] = [];
    for (let round = 0; round < 4; round += 1) all.push(...(await claimed(place, 999, 9_000)));
    expect(new Set(all).size).toBe(600);
    expect(brokenRules(place)).toEqual([]);
  });

  test("of a higher priority goes before those who waited longer", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "later", { runAt: 5_000, priority: 10 });
    expect(await claimed(place, 9, 6_000)).toEqual(["later", "a"]);
  });
});

describe("settling", () => {
  test("writes state, result, cost, the attempt and the last event", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    await spend(place, claim, 7);
    expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
    expect(jobOf(place, "a")).toMatchObject({ status: "completed", output: DONE.output, updatedAt: 3_000 });
    expect(runOf(place, "a")).toMatchObject({ startedAt: 2_000, finishedAt: 3_000, costMicroUsd: 7 });
    expect(place.board.read((tx) => attemptsOf(tx, "a"))).toEqual([
      { attempt: 1, workerId: "1-a", startedAt: 2_000, endedAt: 3_000, outcome: "done", error: null, costMicroUsd: 7 },
    ]);
    expect(place.board.read((tx) => eventsAfter(tx, 0, 9)).at(-1)).toMatchObject({
      kind: "job-completed",
      output: DONE.output,
      costUsd: 0.000007,
      at: 3_000,
    });
    expect(brokenRules(place)).toEqual([]);
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
    expect(place.board.read((tx) => attemptsOf(tx, "a"))).toMatchObject([{ outcome: state, error }]);
    expect(kindsOf(place, "a").at(-1)).toBe("job-failed");
    expect(brokenRules(place)).toEqual([]);
  });

  test("happens once", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
    expect(await settleJob(place.board, claim, DONE, 4_000)).toBe(false);
    expect(kindsOf(place, "a").filter((kind) => kind === "job-completed")).toEqual(["job-completed"]);
  });

  test("forgets the pieces of output, for the whole is in the result, and gives no number twice", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    const piece = { kind: "output-delta", stream: "stdout", text: "x" } as const;
    await recordEvents(place.board, claim, [piece, { kind: "text-delta", text: "y" }, piece], 2_500);
    const newest = place.board.read((tx) => eventsAfter(tx, 0, 99)).at(-1)?.seq ?? 0;
    await settleJob(place.board, claim, DONE, 3_000);
    expect(kindsOf(place, "a")).toEqual(["job-created", "job-started", "job-completed"]);
    expect(place.board.read((tx) => eventsAfter(tx, newest, 99)).map((event) => event.seq)).toEqual([newest + 1]);
  });
});

describe("a worker that was late", () => {
  const artifact = { id: "x", name: "n", path: "p", mediaType: "text/plain", bytes: 1, sha256: "00" };
  const words: readonly (readonly [name: string, say: (place: TemporaryBoard, late: Claim) => Promise<boolean>])[] = [
    ["tell", ({ board }, late) => recordEvents(board, late, [{ kind: "text-delta", text: "late" }], 4_000)],
    [
      "say how far it is",
      ({ board }, late) => recordEvents(board, late, [{ kind: "progress-changed", fraction: 1 }], 4_000),
    ],
    ["keep files", ({ board }, late) => recordArtifacts(board, late, [{ ...artifact, jobId: late.jobId }], 4_000)],
    ["settle", ({ board }, late) => settleJob(board, late, DONE, 4_000)],
    ["retry", ({ board }, late) => retryJob(board, late, retry(9_000), 4_000)],
    ["hand back", ({ board }, late) => handBackJob(board, late, 4_000)],
  ];
  const tables = ["jobs", "job_run", "job_events", "job_attempts", "artifacts"];
  const everything = (place: TemporaryBoard) => tables.map((table) => place.rows(`SELECT * FROM ${table}`));

  test.each(words)(
    "cannot %s any more, neither while another has the job nor when it has ended",
    async (_name, say) => {
      using place = temporaryBoard();
      await addJob(place.board, "a");
      const late = await claimOne(place, "1-late");
      await loseWorkers(place);
      const fresh = await claimOne(place, "2-fresh");
      expect(fresh).toMatchObject({ attempt: 2, workerId: "2-fresh" });
      const before = everything(place);
      expect(await say(place, late)).toBe(false);
      expect(everything(place)).toEqual(before);
      expect(await settleJob(place.board, fresh, DONE, 5_000)).toBe(true);
      const ended = everything(place);
      expect(await say(place, late)).toBe(false);
      expect(everything(place)).toEqual(ended);
    },
  );

  test.each(words)(
    "cannot %s for an attempt of its own that was lost, though it has the next one",
    async (_name, say) => {
      using place = temporaryBoard();
      await addJob(place.board, "a");
      const first = await claimOne(place);
      await loseWorkers(place);
      const second = await claimOne(place);
      expect(await say(place, first)).toBe(false);
      expect(await settleJob(place.board, second, DONE, 4_000)).toBe(true);
    },
  );

  test("is to stop, the other is not", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const late = await claimOne(place, "1-late");
    await loseWorkers(place);
    const fresh = await claimOne(place, "2-fresh");
    expect(stopAsked(place.board, [late])).toEqual([late]);
    expect(stopAsked(place.board, [fresh])).toEqual([]);
  });
});
