// The board in numbers, without a word of what anybody wrote.
import { expect, test } from "bun:test";
import { SCHEMA_VERSION } from "../../src/shared/db.ts";
import { boardStatistics, integrityProblems, mirrorMismatches } from "../../src/shared/statistics.ts";
import { addJob, sqliteShell, temporaryBoard } from "./temporary.ts";

const output = (code: string) => JSON.stringify({ error: { code, message: "canary" } });

test("jobs are counted by state and type, errors by code, and words of strangers only as others", async () => {
  using place = temporaryBoard();
  await place.board.write((tx) => {
    const add = "INSERT INTO jobs (id, type, status, output_result, created_at) VALUES (?, ?, ?, ?, ?)";
    tx.run(add, "a", "chat", "pending", null, 2_000);
    tx.run(add, "b", "chat", "running", null, 1_000);
    tx.run(add, "c", "canary", "completed", null, 5);
    tx.run(add, "d", "also-canary", "completed", null, 5);
    tx.run(add, "e", "code_exec", "failed", output("timeout"), 5);
    tx.run(add, "f", "code_exec", "failed", output("canary"), 5);
    tx.run(add, "g", "code_exec", "failed", "not json", 5);
    tx.run("UPDATE jobs SET created_at = 'canary' WHERE id = 'g'");
  });
  const statistics = place.board.read(boardStatistics);
  expect(statistics).toMatchObject({
    schemaVersion: SCHEMA_VERSION,
    jobs: { "ready chat": 1, "running chat": 1, "done other": 2, "failed code_exec": 3 },
    errors: { timeout: 1, other: 2 },
  });
  expect(statistics.rows).toMatchObject({ jobs: 7, conversations: 0, workers: 0 });
  expect(statistics.fileBytes).toBeGreaterThan(0);
  expect(JSON.stringify(statistics)).not.toContain("canary");
});

test("the oldest open job is the one that came first, whatever strangers wrote into created_at", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "ended", {}, 1_000);
  await addJob(place.board, "open", {}, 2_000);
  await addJob(place.board, "later", {}, 3_000);
  await place.board.write((tx) => tx.run("UPDATE jobs SET status = 'failed' WHERE id = 'ended'"));
  // Nanoseconds are too large for a number, seconds would be the oldest.
  await place.board.write((tx) => tx.run("UPDATE jobs SET created_at = 1_795_000_000_000_000_000 WHERE id = 'open'"));
  await place.board.write((tx) => tx.run("UPDATE jobs SET created_at = 1_795_000_000 WHERE id = 'later'"));
  expect(place.board.read(boardStatistics).oldestOpenAt).toBe(2_000);
});

test("an empty board is numbers as well", () => {
  using place = temporaryBoard();
  expect(place.board.read(boardStatistics)).toMatchObject({ jobs: {}, errors: {}, oldestOpenAt: null });
});

test("both sides of every job agree, until somebody goes behind the triggers", async () => {
  using place = temporaryBoard();
  const states = ["pending", "running", "completed", "failed"];
  for (const state of states)
    await place.board.write((tx) => tx.run("INSERT INTO jobs (id, type, status) VALUES (?, 'chat', ?)", state, state));
  expect(place.board.read(mirrorMismatches)).toBe(0);
  sqliteShell(place.file, "DROP TRIGGER jobs_au; UPDATE jobs SET status = 'completed' WHERE id = 'pending'");
  expect(place.board.read(mirrorMismatches)).toBe(1);
  sqliteShell(place.file, "DROP TRIGGER jobs_ai; INSERT INTO jobs (id, type) VALUES ('without a run', 'chat')");
  expect(place.board.read(mirrorMismatches)).toBe(2);
  sqliteShell(place.file, "DROP TRIGGER jobs_ad; DELETE FROM jobs WHERE id = 'running'");
  expect(place.board.read(mirrorMismatches)).toBe(3);
});

test("what contradicts the schema is a problem", () => {
  using place = temporaryBoard();
  expect(place.board.read(integrityProblems)).toEqual([]);
  sqliteShell(
    place.file,
    "PRAGMA ignore_check_constraints = ON; INSERT INTO jobs (id, type, status) VALUES ('a', 'chat', 'canary')",
  );
  expect(place.board.read(integrityProblems)).toEqual(["CHECK constraint failed in jobs"]);
});
