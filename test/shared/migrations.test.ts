// What earlier versions left is opened by today's: nothing is lost, whatever happens meanwhile, and there is a way back.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { claimJobs, settleJob } from "../../src/shared/claims.ts";
import { checkDatabase, openBoard, SCHEMA_VERSION, type Board } from "../../src/shared/db.ts";
import { eventsAfter, latestSeq } from "../../src/shared/events.ts";
import { messagesOf } from "../../src/shared/conversations.ts";
import { jobsOfConversation, readRun } from "../../src/shared/jobs.ts";
import { reclaimJobs } from "../../src/shared/recovery.ts";
import { brokenRules, DONE } from "./claiming.ts";
import { contents, makeOldBoard, migrationFile, OLD_VERSIONS, VERSIONS } from "./old_boards.ts";
import { addJob, temporaryFolder, type TemporaryFolder } from "./temporary.ts";

const DATABASE = join(import.meta.dir, "../../src/shared/db.ts");
const TIMES = 3;

const versionOf = (file: string): unknown => oneOf(file, "PRAGMA user_version");
const oneOf = (file: string, sql: string): unknown => {
  const board = new Database(file, { readwrite: true, create: false });
  const [row] = board.query(sql).values();
  board.close(true);
  return row?.[0];
};

describe("a schema that was released", () => {
  test.each(VERSIONS.filter(({ sha256 }) => sha256 !== null))(
    "stays as it is: version $version; what changes is a new file",
    ({ migration, sha256 }) => {
      expect(new Bun.CryptoHasher("sha256").update(readFileSync(migrationFile(migration))).digest("hex")).toBe(
        sha256 ?? "",
      );
    },
  );

  test("is in the list, in its place, and only the newest may be without a hash", () => {
    expect(VERSIONS.map(({ migration }) => migration)).toEqual(readdirSync(migrationFile("")).toSorted());
    expect(VERSIONS.map(({ version }) => version)).toEqual(VERSIONS.map((_, index) => index + 1));
    expect(VERSIONS.length).toBe(SCHEMA_VERSION);
    for (const { sha256, fill } of VERSIONS.slice(0, -1))
      expect([sha256 !== null, fill !== null]).toEqual([true, true]);
  });
});

describe.each(OLD_VERSIONS)("a board of version $version", (old) => {
  let folder: TemporaryFolder;
  let original: string;
  let files = 0;

  beforeAll(() => {
    folder = temporaryFolder();
    original = join(folder.path, "original.db");
    makeOldBoard(original, old, TIMES);
  });
  afterAll(() => folder[Symbol.dispose]());

  /** A copy in a data folder of its own. */
  const place = (template = original): string => {
    files += 1;
    const file = join(folder.path, `${files}/data/jobs.db`);
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(template, file);
    return file;
  };
  const opened = (file: string): Board & Disposable => {
    const board = openBoard(file);
    return Object.assign(board, { [Symbol.dispose]: board.close });
  };
  const backupOf = (file: string): string => join(dirname(file), `backups/jobs-v${old.version}.db`);

  test("keeps every row of it, and is sound and of today's version", () => {
    const file = place();
    const before = contents(file);
    expect(before["jobs"]?.length).toBeGreaterThan(10);
    openBoard(file).close();
    expect(contents(file)).toEqual(before);
    expect(versionOf(file)).toBe(SCHEMA_VERSION);
    expect(checkDatabase(file)).toEqual([]);
    using board = opened(file);
    expect(brokenRules({ board })).toEqual([]);
    const [talk, words] = ["talk-0", ["plot “wet” days", "and failed", "and cancelled"]];
    expect(
      board
        .read((tx) => messagesOf(tx, talk))
        .map((one) => one.text)
        .slice(0, 3),
    ).toEqual(words);
    expect(board.read((tx) => messagesOf(tx, talk))[0]?.files).toMatchObject([{ name: "a.csv" }]);
    expect(board.read((tx) => jobsOfConversation(tx, talk)).map((job) => job.id)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((index) => `${talk}-${index}`),
    );
  });

  test("leaves itself behind as a backup that only its owner reads", () => {
    const file = place();
    openBoard(file).close();
    expect([versionOf(backupOf(file)), checkDatabase(backupOf(file))]).toEqual([old.version, []]);
    expect(contents(backupOf(file))).toEqual(contents(original));
    expect([statSync(backupOf(file)).mode & 0o777, statSync(dirname(backupOf(file))).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect(readdirSync(dirname(backupOf(file)))).toEqual([`jobs-v${old.version}.db`]);
  });

  test("goes on with its work: in its order, one of a conversation at a time, and no job is forgotten", async () => {
    const file = place();
    const waiting = pendingOf(file);
    using board = opened(file);
    const first = await claimJobs(board, "1-new", () => 100, 5_000);
    const isTheirs = (id: string) => id.startsWith("theirs");
    // One of each conversation still runs, in the hands of a worker that is no more.
    expect(first.map((claim) => claim.jobId)).toEqual(waiting.filter(isTheirs));
    expect(await reclaimJobs(board, (_tx, worker) => worker === "77-old", 6_000)).toHaveLength(TIMES);
    const begun = first.map((claim) => claim.jobId);
    for (let claims = first; claims.length > 0; claims = await claimJobs(board, "1-new", () => 100, 7_000)) {
      if (claims !== first) begun.push(...claims.map((claim) => claim.jobId));
      const talks = claims.map((claim) => claim.conversationId).filter((talk) => talk !== null);
      expect(new Set(talks).size).toBe(talks.length);
      for (const claim of claims) expect(await settleJob(board, claim, DONE, 8_000)).toBe(true);
    }
    for (let time = 0; time < TIMES; time += 1) {
      const ofTalk = (id: string) => id.startsWith(`talk-${time}`);
      expect(begun.filter(ofTalk)).toEqual([`talk-${time}-4`, ...waiting.filter(ofTalk)]);
    }
    const open = board.read((tx) => tx.all("SELECT job_id FROM job_run WHERE finished_at IS NULL"));
    // A program that took a job for itself keeps it.
    expect(open.map((row) => row["job_id"])).toEqual(Array.from({ length: TIMES }, (_, time) => `theirs-${time}-own`));
    expect(brokenRules({ board })).toEqual([]);
  });

  test.each([
    [
      "whose newest events were deleted",
      "INSERT INTO jobs (id, type) VALUES ('gone', 'chat'); DELETE FROM jobs WHERE id = 'gone'",
    ],
    ["whose newest event was a piece of output", "SELECT 1"],
  ])("%s never gives their numbers out again", async (_name, sql) => {
    const file = place();
    const before = new Database(file, { readwrite: true, create: false });
    before.run(sql);
    const newest =
      old.version === 1
        ? "SELECT seq FROM sqlite_sequence WHERE name = 'job_events'"
        : "SELECT max(seq) AS seq FROM job_events";
    const given = Number(before.query(newest).values()[0]?.[0]);
    before.close(true);
    using board = opened(file);
    await addJob(board, "new");
    expect(board.read((tx) => eventsAfter(tx, given, 9))).toMatchObject([{ kind: "job-created", jobId: "new" }]);
    expect(board.read(latestSeq)).toBeGreaterThan(given);
  });

  test("gives a job that was to be done again all its attempts", async () => {
    using board = opened(place());
    const run = board.read((tx) => readRun(tx, "theirs-0-again"));
    expect(run).toMatchObject({ state: "ready", attempt: 3, maxAttempts: 6, workerId: null, finishedAt: null });
  });

  test("is opened by processes that start together", async () => {
    for (let round = 0; round < 5; round += 1) {
      const file = place();
      const children = Array.from({ length: 3 }, () => startOpening(file));
      expect(await Promise.all(children.map((child) => new Response(child.stderr).text()))).toEqual(["", "", ""]);
      expect(contents(file)).toEqual(contents(original));
      expect([versionOf(backupOf(file)), contents(backupOf(file))]).toEqual([old.version, contents(original)]);
      expect(checkDatabase(file)).toEqual([]);
    }
  }, 60_000);

  test("is the old one or the new one after a kill at any moment", async () => {
    const large = join(folder.path, "large.db");
    makeOldBoard(large, old, 60);
    const before = Bun.hash(JSON.stringify(contents(large)));
    const wholeMs = await timeOf(place(large));
    let killed = 0;
    for (let round = 0; round < 20; round += 1) {
      const file = place(large);
      if (await killAfter(file, Math.random() * 1.2 * wholeMs)) killed += 1;
      expect([old.version, SCHEMA_VERSION]).toContain(Number(versionOf(file)));
      if (existsSync(backupOf(file))) expect(versionOf(backupOf(file))).toBe(old.version);
      openBoard(file).close();
      expect([Bun.hash(JSON.stringify(contents(file))), checkDatabase(file)]).toEqual([before, []]);
      expect(Bun.hash(JSON.stringify(contents(backupOf(file))))).toBe(before);
      expect(readdirSync(dirname(backupOf(file)))).toEqual([`jobs-v${old.version}.db`]);
      rmSync(dirname(file), { recursive: true });
    }
    expect(killed).toBeGreaterThan(0);
  }, 120_000);
});

/** As their version would have begun them. */
function pendingOf(file: string): string[] {
  const board = new Database(file, { readwrite: true, create: false });
  const order = versionOf(file) === 1 ? "seq" : "turn";
  const rows = board
    .query(`SELECT job_id FROM job_run WHERE state = 'ready' OR state = 'waiting' ORDER BY ${order}`)
    .values();
  board.close(true);
  return rows.map((row) => String(row[0]));
}

/** Says when it begins, and when the board is open. */
function startOpening(file: string) {
  const source = `
    import { openBoard } from ${JSON.stringify(DATABASE)};
    console.log("begin");
    const board = openBoard(process.argv[1]);
    console.log("open");
    board.close();`;
  return Bun.spawn([process.execPath, "-e", source, file], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

async function timeOf(file: string): Promise<number> {
  const child = startOpening(file);
  const reader = child.stdout.getReader();
  await reader.read();
  const begunAt = performance.now();
  await reader.read();
  return performance.now() - begunAt;
}

/** True if it was killed before the board was open. */
async function killAfter(file: string, delayMs: number): Promise<boolean> {
  const child = startOpening(file);
  const reader = child.stdout.getReader();
  await reader.read();
  await Bun.sleep(delayMs);
  child.kill("SIGKILL");
  await child.exited;
  return (await reader.read()).done;
}
