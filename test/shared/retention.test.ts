// What is forgotten in time, and what never is.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { insertArtifact } from "../../src/shared/artifacts.ts";
import { settleJob } from "../../src/shared/claims.ts";
import { addPairing, sha256 } from "../../src/shared/devices.ts";
import { appendEvent, eventsAfter, latestSeq } from "../../src/shared/events.ts";
import { outputFolder } from "../../src/shared/files.ts";
import { maintain, prunableJobs, pruneAll, pruneJobs } from "../../src/shared/retention.ts";
import { reserveSpend, settleSpend } from "../../src/shared/spend.ts";
import { DONE, claimOne, jobOf } from "./claiming.ts";
import { addJob, sqliteShell, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const DAY_MS = 86_400_000;
const NOW = 1_000 * DAY_MS;
const never = new AbortController().signal;

async function finish(place: TemporaryBoard, id: string, now: number, conversationId: string | null = null) {
  await addJob(place.board, id, { conversationId }, now);
  await settleJob(place.board, await claimOne(place, "1-a", now), DONE, now);
}
const ids = (place: TemporaryBoard) => place.rows("SELECT id FROM jobs ORDER BY id").map((row) => row["id"]);
const places = (place: TemporaryBoard, keepDays = 30) => ({
  dataDir: join(place.folder, "data"),
  storageDir: join(place.folder, "storage"),
  keepDays,
});
function putOutput(place: TemporaryBoard, id: string): string {
  const folder = join(place.folder, "storage/outputs", outputFolder(id));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "graph.png"), "picture");
  return folder;
}

describe("pruning", () => {
  test("takes finished jobs that belong to no conversation and are old enough, with all their rows", async () => {
    using place = temporaryBoard();
    await finish(place, "old", 1_000);
    await finish(place, "talk", 1_000, "c");
    await finish(place, "young", 5_000);
    await addJob(place.board, "waiting", {}, 1_000);
    await place.board.write((tx) =>
      insertArtifact(
        tx,
        { id: "x", jobId: "old", name: "a", path: "p", mediaType: "image/png", bytes: 1, sha256: "" },
        1,
      ),
    );
    expect(place.board.read((tx) => prunableJobs(tx, 5_000))).toEqual({ count: 1, oldestAt: 1_000 });
    expect(await pruneJobs(place.board, 5_000)).toEqual(["old"]);
    expect(ids(place)).toEqual(["talk", "waiting", "young"]);
    for (const table of ["job_run", "job_attempts", "artifacts"])
      expect(place.value(`SELECT count(*) FROM ${table} WHERE job_id = 'old'`)).toBe(0);
    expect(place.rows("SELECT kind FROM job_events WHERE job_id = 'old'")).toEqual([{ kind: "job-deleted" }]);
    expect(place.board.read((tx) => prunableJobs(tx, 5_000))).toEqual({ count: 0, oldestAt: null });
  });

  test("takes the oldest first and no more than asked for, and never more than 500 at once", async () => {
    using place = temporaryBoard();
    const values = Array.from({ length: 501 }, (_, at) => `('${at}', 'chat', 'completed', '{}', NULL, 1, 1)`);
    sqliteShell(place.file, `INSERT INTO jobs VALUES ${values.join(", ")}`);
    await place.board.write((tx) => tx.run("UPDATE job_run SET finished_at = 1000 - CAST(job_id AS INTEGER)"));
    expect(await pruneJobs(place.board, NOW, 2)).toEqual(["500", "499"]);
    expect((await pruneJobs(place.board, NOW, 10_000)).length).toBe(499);
    await finish(place, "one", 1);
    expect((await pruneJobs(place.board, NOW, 10_000)).length).toBe(1);
  });

  test("goes on until nothing is left, and takes the bytes away but not those of others", async () => {
    using place = temporaryBoard();
    const values = Array.from({ length: 1_100 }, (_, at) => `('${at}', 'chat', 'failed', '{}', NULL, 1, 1)`);
    sqliteShell(place.file, `INSERT INTO jobs VALUES ${values.join(", ")}`);
    await finish(place, "talk", 1_000, "c");
    const gone = [putOutput(place, "7"), putOutput(place, "1099")];
    const stays = putOutput(place, "talk");
    const later = Date.now() + DAY_MS;
    expect(await pruneAll(place.board, join(place.folder, "storage"), later, never)).toBe(1_100);
    expect(gone.map((folder) => existsSync(folder))).toEqual([false, false]);
    expect(existsSync(join(stays, "graph.png"))).toBe(true);
    expect(ids(place)).toEqual(["talk"]);
  });

  test("stops between two batches when it is told to", async () => {
    using place = temporaryBoard();
    const values = Array.from({ length: 600 }, (_, at) => `('${at}', 'chat', 'completed', '{}', NULL, 1, 1)`);
    sqliteShell(place.file, `INSERT INTO jobs VALUES ${values.join(", ")}`);
    expect(await pruneAll(place.board, place.folder, Date.now() + DAY_MS, AbortSignal.abort())).toBe(100);
  });

  test("never follows a stranger's id out of storage/outputs", async () => {
    using place = temporaryBoard();
    sqliteShell(place.file, "INSERT INTO jobs VALUES ('../../data', 'chat', 'completed', '{}', NULL, 1, 1)");
    const folder = putOutput(place, "../../data");
    expect(folder).toMatch(/outputs\/[\da-f]{64}$/);
    await pruneAll(place.board, join(place.folder, "storage"), Date.now() + DAY_MS, never);
    expect([existsSync(folder), existsSync(place.file)]).toEqual([false, true]);
  });

  test("of the newest job leaves the newest seq where it was or higher", async () => {
    using place = temporaryBoard();
    await finish(place, "last", 1_000);
    const newest = place.board.read(latestSeq);
    await pruneJobs(place.board, NOW);
    await maintain(place.board, places(place), Date.now() + 10 * DAY_MS, never);
    expect(place.board.read(latestSeq)).toBe(newest + 1);
    await addJob(place.board, "next");
    expect(place.board.read((tx) => eventsAfter(tx, newest + 1, 9))).toMatchObject([{ jobId: "next" }]);
  });
});

describe("a round", () => {
  test("prunes by the days of the setting, and by 0 not at all", async () => {
    using place = temporaryBoard();
    await finish(place, "old", NOW - 31 * DAY_MS);
    await finish(place, "young", NOW - 29 * DAY_MS);
    expect((await maintain(place.board, places(place, 0), NOW, never)).jobs).toBe(0);
    expect((await maintain(place.board, places(place), NOW, never)).jobs).toBe(1);
    expect(ids(place)).toEqual(["young"]);
  });

  test("forgets what was told of deleted jobs after a day, but never the newest event of all", async () => {
    using place = temporaryBoard();
    const tellDeleted = (jobId: string, at: number) =>
      place.board.write((tx) =>
        appendEvent(tx, { jobId, conversationId: null, attempt: 0 }, at, { kind: "job-deleted" }),
      );
    await tellDeleted("a", NOW - 3 * DAY_MS);
    await tellDeleted("b", NOW - DAY_MS / 2);
    await tellDeleted("c", NOW - 3 * DAY_MS);
    expect((await maintain(place.board, places(place), NOW, never)).events).toBe(1);
    expect(place.rows("SELECT job_id FROM job_events ORDER BY seq")).toEqual([{ job_id: "b" }, { job_id: "c" }]);
    await addJob(place.board, "d");
    await maintain(place.board, places(place), NOW, never);
    expect(place.rows("SELECT job_id FROM job_events ORDER BY seq")).toEqual([{ job_id: "b" }, { job_id: "d" }]);
  });

  test("forgets sandboxes that ended 90 days ago, of both providers, and none that may still live", async () => {
    using place = temporaryBoard();
    const reserve = async (id: string, provider: "local" | "e2b", at: number, endedAt: number | null) => {
      const whose = { id, jobId: "j", attempt: 1, workerId: "w", kind: "sandbox", provider, subject: null } as const;
      await reserveSpend(place.board, { ...whose, reservedMicroUsd: 1 }, { job: 99, day: 99, month: 99 }, at);
      if (endedAt !== null)
        await settleSpend(place.board, id, { costMicroUsd: 1, isEstimate: false, units: {} }, endedAt);
    };
    await reserve("old-local", "local", NOW - 91 * DAY_MS, NOW - 91 * DAY_MS);
    await reserve("old-e2b", "e2b", NOW - 91 * DAY_MS, NOW - 91 * DAY_MS);
    await reserve("open", "e2b", NOW - 91 * DAY_MS, null);
    await reserve("long", "e2b", NOW - 91 * DAY_MS, NOW - 89 * DAY_MS);
    await reserve("young", "local", NOW - 89 * DAY_MS, NOW - 89 * DAY_MS);
    expect((await maintain(place.board, places(place), NOW, never)).spending).toBe(2);
    expect(place.rows("SELECT id FROM spend ORDER BY id").map((row) => row["id"])).toEqual(["long", "open", "young"]);
  });

  test("forgets pairing links that nobody can use any more", async () => {
    using place = temporaryBoard();
    await addPairing(place.board, "late", NOW - 1, NOW - 2);
    await addPairing(place.board, "good", NOW + 1, NOW - 2);
    expect((await maintain(place.board, places(place), NOW, never)).pairings).toBe(1);
    expect(place.rows("SELECT token_sha256 AS token FROM pairings")).toEqual([{ token: sha256("good") }]);
  });

  test("forgets after a month what platforms sent and what was said, but for what is still open and the newest of each", async () => {
    using place = temporaryBoard();
    const long = NOW - 31 * DAY_MS;
    await place.board.write((tx) => {
      const insert = "INSERT INTO arrivals (channel, account, event_id, arrived_at, state) VALUES ('c', 'a', ?, ?, ?)";
      for (const [id, at, state] of [
        ["old", long, "done"],
        ["open", NOW - 1, "waiting"],
        ["forgotten", long, "asked"],
        ["young", NOW - 1, "done"],
        ["newest", long, "done"],
      ] as const)
        tx.run(insert, id, at, state);
      const say = `INSERT INTO deliveries (turn, id, chat_id, operation, state, created_at, ended_at) VALUES (1, ?, 'c', '{}', ?, ?, ?)`;
      for (const [id, state, at, endedAt] of [
        ["said", "sent", long, long],
        ["ready", "ready", NOW - 1, null],
        ["held", "held", long, null],
        ["newest", "sent", long, long],
      ] as const)
        tx.run(say, id, state, at, endedAt);
    });
    const { arrivals, deliveries } = await maintain(place.board, places(place), NOW, never);
    expect([arrivals, deliveries]).toEqual([2, 2]);
    expect(place.rows("SELECT event_id AS id FROM arrivals ORDER BY seq").map((row) => row["id"])).toEqual([
      "open",
      "young",
      "newest",
    ]);
    expect(place.rows("SELECT id FROM deliveries ORDER BY seq").map((row) => row["id"])).toEqual(["ready", "newest"]);
  });

  test("empties the log only when it has grown", async () => {
    using place = temporaryBoard();
    const size = () => statSync(`${place.file}-wal`).size;
    expect((await maintain(place.board, places(place), NOW, never)).isLogEmptied).toBe(false);
    // As long as somebody reads an old state, the log can only grow.
    const reader = Bun.spawn(["sqlite3", place.file], { stdin: "pipe", stdout: "pipe" });
    void reader.stdin.write("BEGIN; SELECT count(*) FROM jobs;\n");
    await reader.stdin.flush();
    await reader.stdout.getReader().read();
    for (let count = 0; count < 20; count += 1)
      await place.board.write((tx) =>
        tx.run("INSERT INTO jobs (id, type, input_context) VALUES (?, 'chat', randomblob(1000000))", String(count)),
      );
    expect(size()).toBeGreaterThan(16 * 2 ** 20);
    await reader.stdin.end();
    await reader.exited;
    expect((await maintain(place.board, places(place), NOW, never)).isLogEmptied).toBe(true);
    expect(size()).toBe(0);
    expect(jobOf(place, "19")?.type).toBe("chat");
  });
});
