// Any program that knows the seven columns is a client: rows and updates that are not ours.
import { describe, expect, test } from "bun:test";
import { claimJobs, settleJob, stopAsked } from "../../src/shared/claims.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { listJobs, readJob } from "../../src/shared/jobs.ts";
import { pruneJobs } from "../../src/shared/retention.ts";
import { viewJob } from "../../src/shared/views.ts";
import { claimOne, loseWorkers } from "./claiming.ts";
import { addJob, pythonProgram, sqliteShell, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const insert = (id: string, input: string, status = "pending") =>
  `INSERT INTO jobs VALUES ('${id}', 'code_exec', '${status}', ${input}, NULL, 1, 1)`;
const both = (place: TemporaryBoard, id: string) =>
  place.rows("SELECT status, state FROM jobs JOIN job_run ON job_id = id WHERE id = ?", id)[0];
const eventsOf = (place: TemporaryBoard, id: string) => place.board.read((tx) => eventsAfter(tx, 0, 100, id));

const ways: readonly (readonly [name: string, add: (file: string) => void])[] = [
  ["seven values in a shell", (file) => sqliteShell(file, insert("a", `'{"prompt": "hi"}'`))],
  [
    "named columns in a shell",
    (file) =>
      sqliteShell(file, `INSERT INTO jobs (id, type, input_context) VALUES ('a', 'code_exec', '{"prompt":"hi"}')`),
  ],
  [
    "seven values in Python",
    (file) =>
      pythonProgram(
        file,
        `board.execute("INSERT INTO jobs VALUES (?,?,?,?,?,?,?)", ("a", "code_exec", "pending", json.dumps({"prompt": "hi"}), None, 1, 1))`,
      ),
  ],
];

describe("a row from outside", () => {
  test.each(ways)("by %s is told, claimed and ended like ours", async (_name, add) => {
    using place = temporaryBoard();
    add(place.file);
    expect(eventsOf(place, "a")).toMatchObject([
      { kind: "job-created", type: "code_exec", prompt: "hi", files: [], jobId: "a", conversationId: null },
    ]);
    const claim = await claimOne(place);
    expect(claim).toMatchObject({ jobId: "a", type: "code_exec", attempt: 1, input: { prompt: "hi" } });
    const output = { stdout: "out", text: "", artifacts: [] };
    expect(await settleJob(place.board, claim, { output, error: null }, 3)).toBe(true);
    expect(sqliteShell(place.file, "SELECT status, output_result FROM jobs")).toBe(
      'completed|{"stdout":"out","text":"","artifacts":[]}',
    );
  });

  test.each([
    ["nothing", "NULL", undefined],
    ["text that is no JSON", "'{prompt: '", undefined],
    ["an empty text", "''", undefined],
    ["a number", "'12'", 12],
    ["a list", "'[1]'", [1]],
    ["a prompt that is an object", `'{"prompt": {"a": 1}}'`, { prompt: { a: 1 } }],
    ["a prompt that is a number", `'{"prompt": 5}'`, { prompt: 5 }],
    ["bytes", `CAST('{"prompt": "hi"}' AS BLOB)`, undefined],
  ])("with %s as its input is claimed, and its first event has text for a prompt", async (_name, input, expected) => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", input));
    expect(eventsOf(place, "a")).toMatchObject([{ kind: "job-created", prompt: "" }]);
    expect(await claimJobs(place.board, "1-w", () => 1, 2)).toMatchObject([{ jobId: "a" }]);
    expect(place.board.read((tx) => readJob(tx, "a"))).toMatchObject({ status: "running", output: null });
    expect((await reclaimed(place)).input).toEqual(expected);
  });

  test("with bytes as its input is no trap for those behind it", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", `CAST('{"prompt": "hi"}' AS BLOB)`), insert("b", "x'ff00'"));
    expect((await claimJobs(place.board, "1-w", () => 9, 2)).map((claim) => claim.jobId)).toEqual(["a", "b"]);
    expect(place.board.read((tx) => listJobs(tx, 9)).length).toBe(2);
  });

  test("whose id is not valid text fails with a reason, and is no trap for those behind it", async () => {
    using place = temporaryBoard();
    pythonProgram(
      place.file,
      `for id in ("ff41", "fe41"): board.execute("INSERT INTO jobs (id, type) VALUES (CAST(x'%s' AS TEXT), 'chat')" % id)
board.execute("INSERT INTO jobs (id, type) VALUES ('good', 'chat')")`,
    );
    const claims = await claimJobs(place.board, "1-w", () => 9, 2);
    expect(claims.map((claim) => claim.jobId)).toEqual(["good"]);
    const ended = place.rows("SELECT status, output_result ->> '$.error.message' AS why FROM jobs WHERE id <> 'good'");
    expect(ended).toEqual([
      { status: "failed", why: expect.stringContaining("UTF-8") },
      { status: "failed", why: expect.stringContaining("UTF-8") },
    ]);
    expect(await claimJobs(place.board, "1-w", () => 9, 2)).toEqual([]);
  });

  test("whose id is not valid text is forgotten in time like any other", async () => {
    using place = temporaryBoard();
    pythonProgram(
      place.file,
      `for n in range(3): board.execute("INSERT INTO jobs VALUES (CAST(x'ff%02x' AS TEXT), 'chat', 'completed', '{}', '{}', 0, 0)" % n)
board.execute("INSERT INTO jobs VALUES ('good', 'chat', 'completed', '{}', '{}', 0, 0)")`,
    );
    await pruneJobs(place.board, 9e15, 3);
    expect(place.value("SELECT count(*) FROM jobs")).toBe(1);
    await pruneJobs(place.board, 9e15, 3);
    expect(place.value("SELECT count(*) FROM jobs")).toBe(0);
  });

  test("without dates or with dates as words can be listed", () => {
    using place = temporaryBoard();
    sqliteShell(place.file, "INSERT INTO jobs (id, type) VALUES ('a', 'chat')");
    sqliteShell(place.file, "INSERT INTO jobs VALUES ('b', 'chat', 'pending', '{}', NULL, datetime('now'), 'soon')");
    expect(place.board.read((tx) => listJobs(tx, 9))).toMatchObject([
      { id: "b", createdAt: 0, updatedAt: null },
      { id: "a", createdAt: 0, updatedAt: null },
    ]);
  });

  test("that already ended is history: nobody claims it", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'", "completed"));
    expect(await claimJobs(place.board, "1-w", () => 1, 2)).toEqual([]);
  });

  test("that is deleted before its turn stops nobody", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"), "DELETE FROM jobs WHERE id = 'a'", insert("b", "'{}'"));
    expect((await claimJobs(place.board, "1-w", () => 9, 2)).map((claim) => claim.jobId)).toEqual(["b"]);
    expect(eventsOf(place, "a").map((event) => event.kind)).toEqual(["job-deleted"]);
  });

  test("that is deleted while it runs is lost to its worker, and to nobody else", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"));
    const claim = await claimOne(place);
    sqliteShell(place.file, "DELETE FROM jobs");
    expect(stopAsked(place.board, [claim])).toEqual([claim]);
    const output = { stdout: "", text: "", artifacts: [] };
    expect(await settleJob(place.board, claim, { output, error: null }, 3)).toBe(false);
  });

  test("that replaces an ended one of the same id is done anew", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"), "UPDATE jobs SET status = 'completed'");
    sqliteShell(place.file, insert("a", `'{"prompt": "again"}'`).replace("INSERT", "INSERT OR REPLACE"));
    expect(await claimJobs(place.board, "1-w", () => 1, 2)).toMatchObject([{ jobId: "a", input: { prompt: "again" } }]);
  });
});

async function reclaimed(place: TemporaryBoard) {
  await loseWorkers(place);
  return claimOne(place, "2-w");
}

describe("a foreign worker's status", () => {
  test.each([
    ["running", "running"],
    ["completed", "done"],
    ["failed", "failed"],
  ])("%s becomes the state %s", (status, state) => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"), `UPDATE jobs SET status = '${status}' WHERE id = 'a'`);
    expect(both(place, "a")).toEqual({ status, state });
  });

  test("pending puts an ended job back on the board", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"), "UPDATE jobs SET status = 'failed', output_result = '{}'");
    expect(await claimJobs(place.board, "1-w", () => 1, 2)).toEqual([]);
    sqliteShell(place.file, "UPDATE jobs SET status = 'pending'");
    expect(place.rows("SELECT output_result FROM jobs")).toEqual([{ output_result: null }]);
    expect(await claimJobs(place.board, "1-w", () => 1, 2)).toMatchObject([{ jobId: "a", attempt: 1 }]);
  });

  test("does not bounce where recursive triggers are on", () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"));
    const turns = "PRAGMA recursive_triggers = ON; PRAGMA foreign_keys = ON;";
    sqliteShell(place.file, `${turns} UPDATE jobs SET status = 'running'; UPDATE jobs SET status = 'completed'`);
    expect(both(place, "a")).toEqual({ status: "completed", state: "done" });
    sqliteShell(place.file, `${turns} UPDATE jobs SET status = 'pending'; UPDATE jobs SET status = 'failed'`);
    expect(both(place, "a")).toEqual({ status: "failed", state: "failed" });
    expect(eventsOf(place, "a").map((event) => event.kind)).toEqual([
      "job-created",
      "job-started",
      "job-completed",
      "job-requeued",
      "job-failed",
    ]);
  });

  test("running is left to it: no worker of ours calls it dead", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"), "UPDATE jobs SET status = 'running'");
    expect(await loseWorkers(place, Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(both(place, "a")).toEqual({ status: "running", state: "running" });
  });

  test("completed ends the story for whoever follows it", () => {
    using place = temporaryBoard();
    sqliteShell(
      place.file,
      insert("a", "'{}'"),
      "UPDATE jobs SET status = 'running'",
      `UPDATE jobs SET status = 'completed', output_result = '{"stdout": "hello", "artifacts": ["chart.png"]}'`,
    );
    expect(eventsOf(place, "a")).toMatchObject([
      { kind: "job-created" },
      { kind: "job-started" },
      { kind: "job-completed", output: { stdout: "hello", text: "" }, costUsd: 0 },
    ]);
  });

  test.each([
    ["nothing", "NULL"],
    ["no JSON", "'oops'"],
    ["a list", "'[]'"],
    ["other types", `'{"stdout": {"a": 1}, "text": 7, "error": []}'`],
  ])("failed with %s as its result ends the story too", (_name, output) => {
    using place = temporaryBoard();
    sqliteShell(place.file, insert("a", "'{}'"), `UPDATE jobs SET status = 'failed', output_result = ${output}`);
    const [, end] = eventsOf(place, "a");
    expect(end).toMatchObject({
      kind: "job-failed",
      error: { code: "internal" },
      output: { stdout: "", text: "", artifacts: [] },
    });
  });

  test("and ours make one end, not two", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    const output = { stdout: "", text: "", artifacts: [] };
    await settleJob(place.board, claim, { output, error: null }, 3);
    expect(eventsOf(place, "a").map((event) => event.kind)).toEqual(["job-created", "job-started", "job-completed"]);
  });

  test("completed while ours runs it wins, and ours is dropped", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    sqliteShell(place.file, `UPDATE jobs SET status = 'completed', output_result = '{"stdout": "theirs"}'`);
    const output = { stdout: "ours", text: "", artifacts: [] };
    expect(await settleJob(place.board, claim, { output, error: null }, 3)).toBe(false);
    expect(place.value("SELECT output_result FROM jobs")).toBe('{"stdout": "theirs"}');
  });
});

test("a result in the form of the contract is shown, though it says less than ours", () => {
  using place = temporaryBoard();
  sqliteShell(
    place.file,
    insert("a", `'{"prompt": "hi"}'`),
    `UPDATE jobs SET status = 'completed', output_result = '{"stdout": "hello", "artifacts": ["chart.png"]}'`,
  );
  const view = place.board.read((tx) => {
    const job = readJob(tx, "a");
    return job === null ? null : viewJob(tx, job);
  });
  expect(view).toMatchObject({
    status: "completed",
    prompt: "hi",
    output: { stdout: "hello", text: "", artifacts: ["chart.png"] },
    durationMs: null,
  });
});
