// Makes a board with a long history and takes jobs from it one by one. Arguments: home, finished, pending, claims.
import { Database } from "bun:sqlite";
import { claimJobs } from "../../../src/shared/claims.ts";
import { openBoard, type Board } from "../../../src/shared/db.ts";
import { INPUT } from "../engines/engine.ts";
import { boardFile } from "../workshop.ts";

const [home = "", finished = "", pending = "", claims = ""] = process.argv.slice(2);
/** Rows of one statement: a transaction of its own, so that the log stays small. */
const CHUNK = 50_000;
const WARM_UP = 200;
/** One job a millisecond from here on. */
const LONG_AGO = Date.UTC(2026, 0, 1);
const OUTPUT = JSON.stringify({ stdout: "", text: "Here is the chart.", artifacts: [] });

/** One job for each number from `first` to `last`: created, started and ended if it `isFinished`, as units of work write it. */
function fill(database: Database, first: number, last: number, isFinished: boolean): void {
  database.run("CREATE TEMP TABLE made (n INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL)");
  database.run(
    `INSERT INTO made WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
     SELECT n, printf('%08x-%04x-7%03x-8', n >> 16, n & 65535, n % 4096) || hex(randomblob(8)), ?3 + n FROM numbers`,
    [first, last, LONG_AGO],
  );
  const event = (kind: string, offset: number, data: string) =>
    database.run(
      `INSERT INTO job_events (seq, job_id, attempt, at, kind, data) SELECT n * 3 + ?, id, ?, at, ?, ? FROM made`,
      [offset, offset === 0 ? 0 : 1, kind, data],
    );
  event("job-created", 0, JSON.stringify({ type: "code_exec", prompt: INPUT.prompt, files: [] }));
  if (isFinished) event("job-started", 1, JSON.stringify({ attempt: 1 }));
  if (isFinished) event("job-completed", 2, `{"output":${OUTPUT},"costUsd":0}`);
  database.run(
    `INSERT INTO job_run (job_id, type, state, created_seq, turn, attempt, worker_id, started_at, finished_at)
     SELECT id, 'code_exec', ?1, n * 3, n * 3, ?2, iif(?2, 'earlier', NULL), iif(?2, at, NULL), iif(?2, at, NULL) FROM made ORDER BY id`,
    [isFinished ? "done" : "ready", isFinished ? 1 : 0],
  );
  database.run(
    "INSERT INTO jobs SELECT id, 'code_exec', ?1, ?2, ?3, at, at FROM made",
    isFinished ? ["completed", JSON.stringify(INPUT), OUTPUT] : ["pending", JSON.stringify(INPUT), null],
  );
  if (isFinished)
    database.run(
      `INSERT INTO job_attempts (job_id, attempt, worker_id, started_at, ended_at, outcome)
       SELECT id, 1, 'earlier', at, at, 'done' FROM made ORDER BY id`,
    );
  database.run("DROP TABLE made");
}

/** Synchronous is off only here: the board that is measured is opened again afterwards. */
function build(file: string, finishedJobs: number, pendingJobs: number): void {
  openBoard(file).close();
  const database = new Database(file, { strict: true });
  database.run("PRAGMA synchronous = OFF");
  database.run("PRAGMA cache_size = -500000");
  for (let first = 1; first <= finishedJobs; first += CHUNK)
    database.transaction(() => fill(database, first, Math.min(first + CHUNK - 1, finishedJobs), true))();
  database.transaction(() => fill(database, finishedJobs + 1, finishedJobs + pendingJobs, false))();
  database.query("PRAGMA wal_checkpoint(TRUNCATE)").all();
  database.close();
}

async function timeClaims(board: Board, count: number, besides: () => unknown): Promise<number[]> {
  const samples: number[] = [];
  for (let index = -WARM_UP; index < count; index += 1) {
    const startedAt = performance.now();
    const [claimed] = await Promise.all([claimJobs(board, "bench", () => 1, Date.now()), besides()]);
    if (claimed.length !== 1) throw new Error("There was nothing to claim.");
    if (index >= 0) samples.push(performance.now() - startedAt);
  }
  return samples;
}

const file = boardFile(home);
build(file, Number(finished), Number(pending));
const board = openBoard(file);
const samples = await timeClaims(board, Number(claims), () => undefined);
// A unit that insists on the disk takes the claim that is committed with it along.
const durable = await timeClaims(board, 500, () => board.write(() => undefined));
board.close();
const emptyFile = `${file}.empty`;
build(emptyFile, 1, Number(pending));
const emptyBoard = openBoard(emptyFile);
const empty = await timeClaims(emptyBoard, Number(claims), () => undefined);
emptyBoard.close();
const fileMb = Bun.file(file).size / 2 ** 20;
// Long messages take a while: who waits for it ends this program.
process.send?.({ type: "done", figures: { claims: samples, durable, empty, fileMb: [fileMb] } });
