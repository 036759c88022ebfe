// What a commit is worth: after a power cut, with a reader that never ends, and with a stranger that keeps everybody out.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { claimJobs, recordEvents, retryJob, settleJob } from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import { nextTick } from "../../src/shared/cron.ts";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { enqueueJob } from "../../src/shared/jobs.ts";
import { brokenRules, DONE } from "./claiming.ts";
import { shellSession } from "./shell_session.ts";
import { addJob, temporaryBoard, temporaryFolder, type TemporaryFolder } from "./temporary.ts";

const claimed = async (board: Board, limit: number, now: number): Promise<string[]> =>
  (await claimJobs(board, "1-a", () => limit, now)).map((claim) => claim.jobId);

const MIB = 2 ** 20;
/** After a checkpoint the log is cut to this; one commit may be above it for a moment. */
const LOG_LIMIT = 16 * MIB;
const walOf = (file: string): string => `${file}-wal`;
const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

/** The same cuts each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Everything that the board says, in one number. */
function digestOf(board: Board): string {
  const tables = ["jobs", "job_run", "job_events", "job_attempts", "conversations", "workers"];
  return board.read((tx) =>
    Bun.hash(JSON.stringify(tables.map((table) => tx.all(`SELECT * FROM ${table}`)))).toString(),
  );
}

/** The file, its log, and how long the log was after each commit. */
type Moment = {
  readonly file: string;
  readonly commits: readonly { readonly bytes: number; readonly digest: string }[];
};

describe("a power cut", () => {
  let folder: TemporaryFolder;
  const moments: Moment[] = [];

  /** A board at work, copied ten times between two commits; now and then its log is moved into the file. */
  beforeAll(async () => {
    folder = temporaryFolder();
    const file = join(folder.path, "data/jobs.db");
    const board = openBoard(file);
    const random = randomFrom(7);
    board.checkpoint();
    let commits = [{ bytes: 0, digest: digestOf(board) }];
    const note = () => commits.push({ bytes: sizeOf(walOf(file)), digest: digestOf(board) });
    for (let moment = 0; moment < 10; moment += 1) {
      if (random() < 0.4) {
        board.checkpoint();
        commits = [{ bytes: 0, digest: digestOf(board) }];
      }
      for (let round = 0; round < 6; round += 1) await workOn(board, `${moment}-${round}`, random, note);
      // By a program of its own: to open and close a file that SQLite has open would drop its locks.
      const copy = join(folder.path, `moment-${moment}.db`);
      Bun.spawnSync(["cp", file, copy]);
      Bun.spawnSync(["cp", walOf(file), walOf(copy)]);
      moments.push({ file: copy, commits });
    }
    board.close();
  });
  afterAll(() => folder[Symbol.dispose]());

  test("at any byte of the log leaves what the last whole commit left, and work goes on", async () => {
    const random = randomFrom(11);
    let lost = 0;
    for (const { file, commits } of moments) {
      for (let time = 0; time < 5; time += 1) {
        const cut = Math.floor(random() * (sizeOf(walOf(file)) + 1));
        const place = join(folder.path, `cut-${cut}-${time}/jobs.db`);
        mkdirSync(dirname(place));
        Bun.spawnSync(["cp", file, place]);
        // Of the sectors that were on their way some may have arrived as anything.
        const tail = time % 2 === 0 ? new Uint8Array() : crypto.getRandomValues(new Uint8Array(8_192));
        writeFileSync(walOf(place), Buffer.concat([readFileSync(walOf(file)).subarray(0, cut), tail]));
        const last = commits.findLast((commit) => commit.bytes <= cut);
        if (last !== commits.at(-1)) lost += 1;
        const board = openBoard(place);
        expect(board.read((tx) => tx.all("PRAGMA integrity_check"))).toEqual([{ integrity_check: "ok" }]);
        expect([cut, digestOf(board)]).toEqual([cut, last?.digest ?? ""]);
        expect(brokenRules({ board })).toEqual([]);
        await addJob(board, "after");
        expect(await claimed(board, 99, 9_000)).toContain("after");
        board.close();
      }
    }
    expect(lost).toBeGreaterThan(20);
  }, 60_000);

  test("between the two leaves what was in the file alone", () => {
    const moment = moments.at(-1);
    if (moment === undefined) throw new Error("There is none.");
    truncateSync(walOf(moment.file), 0);
    const board = openBoard(moment.file);
    expect(digestOf(board)).toBe(moment.commits[0]?.digest ?? "");
    board.close();
  });
});

/** A bit of everything, durable and soft, alone and in company. */
async function workOn(board: Board, name: string, random: () => number, note: () => void): Promise<void> {
  const talk = `talk-${Math.floor(random() * 3)}`;
  const job = (id: string) =>
    ({ id, type: "chat", input: { prompt: id.repeat(50) }, conversationId: talk, files: [] }) as const;
  await Promise.all([1, 2, 3].map((one) => enqueueJob(board, job(`${name}-${one}`), 1_000)));
  note();
  for (const claim of await claimJobs(board, "1-a", () => 2, 2_000)) {
    note();
    await recordEvents(board, claim, [{ kind: "text-delta", text: "x".repeat(Math.floor(random() * 9_000)) }], 2_500);
    note();
    if (random() < 0.3) {
      const retry = { error: { code: "sandbox", message: "Gone." }, runAt: 2_600, isCounted: false };
      await retryJob(board, claim, retry, 2_600);
    } else await settleJob(board, claim, DONE, 3_000);
    note();
  }
  if (random() < 0.3) {
    await cancelJob(board, `${name}-3`, 4_000);
    note();
  }
}

describe("the log", () => {
  /** Pages that stay as they are would not be written. */
  const noise = () => crypto.getRandomValues(new Uint8Array(50_000)).toHex();
  /** 64 pieces, 6 MiB. */
  const writeMuch = async (board: Board) => {
    for (let round = 0; round < 8; round += 1)
      await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          board.write((tx) => tx.run("UPDATE jobs SET input_context = ? WHERE id = ?", noise(), `j${index}`)),
        ),
      );
  };
  const fill = async (board: Board) => {
    for (let index = 0; index < 8; index += 1) await addJob(board, `j${index}`);
  };

  test("stays small when nobody reads for long", async () => {
    using place = temporaryBoard();
    await fill(place.board);
    let longest = 0;
    for (let round = 0; round < 8; round += 1) {
      await writeMuch(place.board);
      longest = Math.max(longest, sizeOf(walOf(place.file)));
    }
    expect(longest).toBeLessThan(LOG_LIMIT + 2 * MIB);
  }, 30_000);

  test("grows while a stranger reads an old state, and is cut when that has ended", async () => {
    using place = temporaryBoard();
    await fill(place.board);
    await using reader = await shellSession(place.file);
    expect(await reader.say("BEGIN; SELECT count(*) FROM jobs;")).toBe("8");
    for (let round = 0; round < 4; round += 1) await writeMuch(place.board);
    const grown = sizeOf(walOf(place.file));
    expect(grown).toBeGreaterThan(LOG_LIMIT);
    expect(await reader.say("SELECT length(input_context) < 100 FROM jobs WHERE id = 'j0'; COMMIT;")).toBe("1");
    // One moves the log into the file, the next begins it anew.
    for (const id of ["a", "b"]) await addJob(place.board, id);
    expect(sizeOf(walOf(place.file))).toBeLessThanOrEqual(LOG_LIMIT);
    expect(place.value("PRAGMA integrity_check")).toBe("ok");
  }, 30_000);
});

test("a stranger that keeps everybody out for three seconds costs no error, and meanwhile everything else goes on", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "before");
  await using stranger = await shellSession(place.file);
  await stranger.say("BEGIN EXCLUSIVE; INSERT INTO jobs (id, type) VALUES ('theirs', 'chat');");
  let done = 0;
  const writes = Array.from({ length: 20 }, (_, index) => addJob(place.board, `j${index}`).then(() => (done += 1)));
  let longestGapMs = 0;
  for (let turn = 0, last = performance.now(); turn < 150; turn += 1) {
    await Bun.sleep(20);
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    // The board can be read all the time.
    expect(place.value("SELECT count(*) FROM jobs")).toBe(1);
  }
  expect(done).toBe(0);
  expect(longestGapMs).toBeLessThan(1_000);
  await stranger.say("COMMIT;");
  await Promise.all(writes);
  expect(place.value("SELECT count(*) FROM jobs")).toBe(22);
}, 30_000);

describe("a job for a time of the day", () => {
  const at = (iso: string): number => Date.parse(iso);
  test.each([
    ["before the clocks go on", "Europe/Berlin", "30 1 * * *", "2027-03-27T12:00:00Z", "2027-03-28T00:30:00Z"],
    ["that the clocks skip", "Europe/Berlin", "30 2 * * *", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z"],
    ["after the clocks went on", "Europe/Berlin", "30 3 * * *", "2027-03-27T12:00:00Z", "2027-03-28T01:30:00Z"],
    ["that the clocks show twice", "Europe/Berlin", "30 2 * * *", "2027-10-30T12:00:00Z", "2027-10-31T00:30:00Z"],
    ["after the clocks went back", "Europe/Berlin", "30 3 * * *", "2027-10-30T12:00:00Z", "2027-10-31T02:30:00Z"],
    ["that America's clocks skip", "America/New_York", "30 2 * * *", "2027-03-13T12:00:00Z", "2027-03-14T07:00:00Z"],
    [
      "that America's clocks show twice",
      "America/New_York",
      "30 1 * * *",
      "2027-11-06T12:00:00Z",
      "2027-11-07T05:30:00Z",
    ],
  ])("%s begins at that very moment", async (_name, zone, cron, from, due) => {
    using place = temporaryBoard();
    const runAt = nextTick(cron, zone, at(from));
    expect(new Date(runAt ?? 0).toISOString().replace(".000Z", "Z")).toBe(due);
    await addJob(place.board, "a", { runAt: runAt ?? 0 }, at(from));
    expect(await claimed(place.board, 1, at(due) - 1)).toEqual([]);
    expect(await claimed(place.board, 1, at(due))).toEqual(["a"]);
  });

  test.each([86_400_000, -86_400_000])("waits for the clock, also one that jumps by %d ms", async (jump) => {
    using place = temporaryBoard();
    const due = at("2027-03-28T01:00:00Z");
    await addJob(place.board, "a", { runAt: due }, due - 3_600_000 + Math.min(0, jump));
    expect(await claimed(place.board, 1, due - 3_600_000 - Math.abs(jump))).toEqual([]);
    expect(await claimed(place.board, 1, due - 1)).toEqual([]);
    expect(await claimed(place.board, 1, due + Math.max(0, jump))).toEqual(["a"]);
  });
});
