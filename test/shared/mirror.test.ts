// jobs.status and job_run.state say the same, whoever wrote last: every state of ours against every status of theirs.
import { describe, expect, test } from "bun:test";
import { claimJobs, recordEvents, settleJob, stopAsked } from "../../src/shared/claims.ts";
import { eventsAfter, latestSeq } from "../../src/shared/events.ts";
import { attemptsOf, listJobs } from "../../src/shared/jobs.ts";
import { JOB_STATES, type JobState, type JobStatus } from "../../src/shared/types.ts";
import { DONE, addJobIn, brokenRules, claimOne, jobOf, kindsOf, runOf } from "./claiming.ts";
import { addJob, pythonProgram, sqliteShell, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const STATUSES = ["pending", "running", "completed", "failed"] as const;
const SHOWN: { readonly [state in JobState]: JobStatus } = {
  scheduled: "pending",
  waiting: "pending",
  ready: "pending",
  retrying: "pending",
  running: "running",
  done: "completed",
  failed: "failed",
  dead: "failed",
  cancelled: "failed",
};
const STATE = { pending: "ready", running: "running", completed: "done", failed: "failed" } as const;
const TOLD = {
  pending: "job-requeued",
  running: "job-started",
  completed: "job-completed",
  failed: "job-failed",
} as const;
const pairs = JOB_STATES.flatMap((state) => STATUSES.map((status) => [state, status] as const));

/** Where a job is after a stranger's word; one that says nothing new changes nothing. */
const after = (state: JobState, status: JobStatus): JobState => {
  if (SHOWN[state] === status) return state;
  // The one before it is still there.
  return state === "waiting" && status === "pending" ? "waiting" : STATE[status];
};

/** A stranger may start a job out of its turn; then two of its conversation run side by side, and nothing else is wrong. */
const brokenBy = (place: TemporaryBoard, state: JobState, status: JobStatus): string[] =>
  brokenRules(place).filter((one) => state !== "waiting" || status !== "running" || !one.endsWith("turn"));

test.each(JOB_STATES.map((state) => [state]))("our own %s is shown as the contract has it", async (state) => {
  using place = temporaryBoard();
  await addJobIn(place, "a", state);
  expect(runOf(place, "a").state).toBe(state);
  expect(jobOf(place, "a")?.status).toBe(SHOWN[state]);
  expect(brokenRules(place)).toEqual([]);
});

describe("an UPDATE of the status", () => {
  test.each(pairs)("of a job that is %s to %s is understood and told", async (state, status) => {
    using place = temporaryBoard();
    await addJobIn(place, "a", state);
    const before = kindsOf(place, "a");
    const newest = place.board.read(latestSeq);
    sqliteShell(place.file, `UPDATE jobs SET status = '${status}', output_result = '{"text":"theirs"}' WHERE id = 'a'`);
    expect(runOf(place, "a").state).toBe(after(state, status));
    expect(jobOf(place, "a")?.status).toBe(status);
    expect(brokenBy(place, state, status)).toEqual([]);
    expect(kindsOf(place, "a")).toEqual(SHOWN[state] === status ? before : [...before, TOLD[status]]);
    expect(place.board.read(latestSeq)).toBeGreaterThanOrEqual(newest);
  });

  test.each(STATUSES.map((status) => [status]))("by Python to %s says the same", async (status) => {
    using place = temporaryBoard();
    for (const state of JOB_STATES) await addJobIn(place, state, state);
    pythonProgram(
      place.file,
      `board.execute("UPDATE jobs SET status = ?, updated_at = 1 WHERE id <> 'waiting-front'", ("${status}",))`,
    );
    for (const state of JOB_STATES) expect([state, runOf(place, state).state]).toEqual([state, after(state, status)]);
    expect(brokenBy(place, "waiting", status)).toEqual([]);
  });

  test.each(JOB_STATES.map((state) => [state]))(
    "to pending of a job that was %s is a fresh start with three attempts",
    async (state) => {
      using place = temporaryBoard();
      await addJobIn(place, "a", state);
      const { attempt } = runOf(place, "a");
      sqliteShell(place.file, "UPDATE jobs SET status = 'failed' WHERE id = 'a'");
      sqliteShell(place.file, "UPDATE jobs SET status = 'pending' WHERE id = 'a'");
      expect(runOf(place, "a")).toMatchObject({ attempt, maxAttempts: attempt + 3, isCancelAsked: false });
      const claims = await claimJobs(place.board, "2-b", () => 9, 2_000);
      const claim = claims.find((one) => one.jobId === (state === "waiting" ? "a-front" : "a"));
      if (claim === undefined) throw new Error("It was not claimed.");
      expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
      expect(brokenRules(place)).toEqual([]);
    },
  );

  test("takes our worker's claim away, and what that worker says later is dropped", async () => {
    for (const status of ["pending", "completed", "failed"] as const) {
      using place = temporaryBoard();
      await addJob(place.board, "a");
      const claim = await claimOne(place);
      sqliteShell(place.file, `UPDATE jobs SET status = '${status}'`);
      expect(stopAsked(place.board, [claim])).toEqual([claim]);
      expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(false);
      expect(jobOf(place, "a")?.status).toBe(status);
    }
  });

  // The pieces of an attempt that a stranger has ended stay for as long as the job, and its progress with them.
  test("forgets the pieces and the progress of the attempt that it ends", async () => {
    for (const status of ["pending", "completed", "failed"]) {
      using place = temporaryBoard();
      await addJob(place.board, "a");
      const claim = await claimOne(place);
      await recordEvents(place.board, claim, [{ kind: "text-delta", text: "x" }], 2_000);
      await recordEvents(place.board, claim, [{ kind: "progress-changed", fraction: 0.5 }], 2_000);
      sqliteShell(place.file, `UPDATE jobs SET status = '${status}'`);
      expect(kindsOf(place, "a")).not.toContain("text-delta");
      expect(runOf(place, "a").progress).toBeNull();
    }
  });

  test("of every row at once is many rows' own, conversations included", async () => {
    using place = temporaryBoard();
    for (const state of JOB_STATES) await addJobIn(place, state, state);
    for (const status of ["failed", "pending", "completed", "failed"] as const) {
      sqliteShell(place.file, `UPDATE jobs SET status = '${status}'`);
      expect(brokenRules(place)).toEqual([]);
      expect(place.board.read((tx) => listJobs(tx, 99)).map((job) => job.status)).not.toContain("running");
    }
  });
});

describe("a REPLACE", () => {
  test.each(pairs)("of a job that is %s by one that is %s takes its place", async (state, status) => {
    using place = temporaryBoard();
    await addJobIn(place, "a", state);
    const newest = place.board.read(latestSeq);
    sqliteShell(
      place.file,
      `REPLACE INTO jobs VALUES ('a', 'browser', '${status}', '{"prompt":"theirs"}', '{"text":"theirs"}', 1, 1)`,
    );
    expect(runOf(place, "a").state).toBe(after(state, status));
    expect(jobOf(place, "a")).toMatchObject({ type: "browser", status, input: { prompt: "theirs" } });
    expect(brokenBy(place, state, status)).toEqual([]);
    expect(place.board.read(latestSeq)).toBeGreaterThanOrEqual(newest);
    expect(place.board.read((tx) => attemptsOf(tx, "a")).length).toBe(
      ["retrying", "done", "failed", "dead"].includes(state) || (state === "running" && status !== "running") ? 1 : 0,
    );
  });

  test.each(JOB_STATES.map((state) => [state]))(
    "where triggers recurse begins a job that was %s from nothing",
    async (state) => {
      using place = temporaryBoard();
      await addJobIn(place, "a", state);
      sqliteShell(
        place.file,
        `PRAGMA recursive_triggers = ON; REPLACE INTO jobs VALUES ('a', 'browser', 'pending', '{}', NULL, 1, 1)`,
      );
      expect(runOf(place, "a")).toMatchObject({ state: "ready", attempt: 0, maxAttempts: 3, conversationId: null });
      expect(kindsOf(place, "a")).toEqual(["job-deleted", "job-created"]);
      expect(brokenRules(place)).toEqual([]);
    },
  );

  test.each(STATUSES.map((status) => [status]))("by Python with one that is %s says the same", async (status) => {
    using place = temporaryBoard();
    for (const state of JOB_STATES) await addJobIn(place, state, state);
    pythonProgram(
      place.file,
      `board.executemany("REPLACE INTO jobs VALUES (?,?,?,?,?,?,?)",
        [(state, "chat", "${status}", "{}", None, 1, 1) for state in "${JOB_STATES.join(" ")}".split()])`,
    );
    for (const state of JOB_STATES) expect([state, runOf(place, state).state]).toEqual([state, after(state, status)]);
    expect(brokenBy(place, "waiting", status)).toEqual([]);
  });

  // Who follows the job hears nothing of its new life, and it takes the place of whoever came last.
  test("of a job that has ended by one that waits is told, and has a place of its own", async () => {
    using place = temporaryBoard();
    await addJobIn(place, "a", "done");
    await addJob(place.board, "b");
    sqliteShell(place.file, "REPLACE INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 1, 1)");
    expect(kindsOf(place, "a").at(-1)).toBe("job-requeued");
    expect(place.rows("SELECT turn FROM job_run GROUP BY turn HAVING count(*) > 1")).toEqual([]);
  });
});

describe("a DELETE", () => {
  test.each(JOB_STATES.map((state) => [state]))(
    "of a job that is %s leaves one event that says so, and nothing else of it",
    async (state) => {
      using place = temporaryBoard();
      await addJobIn(place, "a", state);
      await place.board.write((tx) =>
        tx.run("INSERT INTO artifacts VALUES ('x', 'a', 'n', 'p', 'text/plain', 1, '00', NULL, 1)"),
      );
      const newest = place.board.read(latestSeq);
      sqliteShell(place.file, "DELETE FROM jobs WHERE id = 'a'");
      expect(kindsOf(place, "a")).toEqual(["job-deleted"]);
      expect(place.board.read(latestSeq)).toBe(newest + 1);
      expect(place.rows("SELECT * FROM job_run WHERE job_id = 'a'")).toEqual([]);
      expect(brokenRules(place)).toEqual([]);
      sqliteShell(place.file, "INSERT INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 1, 1)");
      expect(place.board.read((tx) => eventsAfter(tx, newest + 1, 9)).map((event) => [event.seq, event.kind])).toEqual([
        [newest + 2, "job-created"],
      ]);
    },
  );

  test("of everything gives no number twice", async () => {
    using place = temporaryBoard();
    for (const state of JOB_STATES) await addJobIn(place, state, state);
    const newest = place.board.read(latestSeq);
    const jobs = Number(place.value("SELECT count(*) FROM jobs"));
    sqliteShell(place.file, "DELETE FROM jobs");
    expect(place.board.read(latestSeq)).toBe(newest + jobs);
    expect(place.rows("SELECT DISTINCT kind FROM job_events")).toEqual([{ kind: "job-deleted" }]);
    await addJob(place.board, "next");
    expect(place.board.read(latestSeq)).toBe(newest + jobs + 1);
    expect(brokenRules(place)).toEqual([]);
  });
});

describe("what is no job", () => {
  test.each([
    ["an unknown status", "INSERT INTO jobs VALUES ('b', 'chat', 'done', '{}', NULL, 1, 1)"],
    ["no status", "INSERT INTO jobs VALUES ('b', 'chat', NULL, '{}', NULL, 1, 1)"],
    ["an id that is taken", "INSERT INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 1, 1)"],
    ["bytes for an id", "INSERT INTO jobs VALUES (x'ff', 'chat', 'pending', '{}', NULL, 1, 1)"],
    ["bytes for a type", "INSERT INTO jobs VALUES ('b', x'ff', 'pending', '{}', NULL, 1, 1)"],
    ["an unknown status for one that is there", "UPDATE jobs SET status = 'paused'"],
    ["no status for one that is there", "UPDATE jobs SET status = NULL"],
  ])("%s is refused, and everything stays as it was", async (_name, sql) => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const tables = ["jobs", "job_run", "job_events"].map((table) => place.rows(`SELECT * FROM ${table}`));
    expect(() => sqliteShell(place.file, sql)).toThrow();
    expect(["jobs", "job_run", "job_events"].map((table) => place.rows(`SELECT * FROM ${table}`))).toEqual(tables);
  });

  test.each([
    ["a type that nobody knows", "'fax', 'pending', '{}', NULL, 1, 1"],
    ["an empty type", "'', 'pending', '{}', NULL, 1, 1"],
    ["a number for a type", "7, 'pending', '{}', NULL, 1, 1"],
    ["nothing but what must be", "'chat', 'pending', NULL, NULL, NULL, NULL"],
    ["an input that is no JSON", "'chat', 'pending', '{', '{', 1, 1"],
    ["bytes everywhere else", "'chat', 'pending', x'ff', x'ff', x'ff', x'ff'"],
    ["dates before and after all time", "'chat', 'pending', '{}', NULL, -9223372036854775808, 9223372036854775807"],
    ["dates in seconds and in fractions", "'chat', 'pending', '{}', NULL, 1800000000, 1800000000.5"],
    ["words for dates", "'chat', 'pending', '{}', NULL, 'yesterday', ''"],
  ])("but a row with %s is: it is listed, claimed and ended, and those behind it too", async (_name, values) => {
    using place = temporaryBoard();
    sqliteShell(place.file, `INSERT INTO jobs VALUES ('', ${values})`);
    await addJob(place.board, "behind");
    expect(place.board.read((tx) => listJobs(tx, 9)).map((job) => job.id)).toEqual(["behind", ""]);
    const claims = await claimJobs(place.board, "1-a", () => 9, 2_000);
    expect(claims.map((claim) => claim.jobId)).toEqual(["", "behind"]);
    for (const claim of claims) expect(await settleJob(place.board, claim, DONE, 3_000)).toBe(true);
    expect(brokenRules(place)).toEqual([]);
  });

  test("but ten megabytes by a stranger are: whole for its worker, and no trap for those behind it", async () => {
    using place = temporaryBoard();
    pythonProgram(
      place.file,
      `board.execute("INSERT INTO jobs VALUES (?,?,?,?,?,?,?)", ("a", "chat", "pending", json.dumps({"prompt": "x" * 10_000_000}), None, 1, 1))`,
    );
    await addJob(place.board, "b");
    const [claim, behind] = await claimJobs(place.board, "1-a", () => 9, 2_000);
    expect(JSON.stringify(claim?.input).length).toBe(10_000_000 + '{"prompt":""}'.length);
    expect(behind?.jobId).toBe("b");
    expect(brokenRules(place)).toEqual([]);
  });

  // Every follower is sent the event: a browser has no use for more than an inbox would let in.
  test("but its story does not tell all of ten megabytes to everybody", async () => {
    using place = temporaryBoard();
    pythonProgram(
      place.file,
      `board.execute("INSERT INTO jobs VALUES (?,?,?,?,?,?,?)", ("a", "chat", "pending", json.dumps({"prompt": "x" * 10_000_000}), None, 1, 1))`,
    );
    expect(Number(place.value("SELECT length(data) FROM job_events"))).toBeLessThan(200_000);
  });
});
