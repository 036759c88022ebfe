// Boards as earlier versions of Sandpiper left them: their schema as it was released, and rows as people had them.
import { Database } from "bun:sqlite";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const MIGRATIONS = join(import.meta.dir, "../../src/shared/migrations");

export type Version = {
  readonly version: number;
  /** The step that leads to it. */
  readonly migration: string;
  /** Of that file, once it has been released; null for the newest until then. What was released is never changed. */
  readonly sha256: string | null;
  /** Rows as that version wrote them, so often; null for the newest, which is not an earlier one. */
  readonly fill: ((board: Database, times: number) => void) | null;
};

/** A new schema: one more entry, a `fill` and a hash for the one before. */
export const VERSIONS: readonly Version[] = [
  {
    version: 1,
    migration: "0001_board.sql",
    sha256: "f1620fe4a7a91967d6f2a794876f3de608f6c84056dbfdc6de9ea9993aadf4a3",
    fill: fillFirst,
  },
  {
    version: 2,
    migration: "0002_runs.sql",
    sha256: "e74c2c133875c2c2abe2cd048f308986fdf08223ec791e15e2566751bc683f41",
    fill: fillSecond,
  },
  { version: 3, migration: "0003_agent.sql", sha256: null, fill: null },
];

/** The earlier ones. */
export const OLD_VERSIONS = VERSIONS.filter(({ fill }) => fill !== null);

export const migrationFile = (name: string): string => join(MIGRATIONS, name);

/** Makes `file` what that version would have left there. */
export function makeOldBoard(file: string, { version }: Version, times: number): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const board = new Database(file, { create: true, strict: true });
  board.run("PRAGMA journal_mode = WAL");
  board.run("PRAGMA synchronous = OFF");
  board.transaction(() => {
    // Each version has the rows of those before it, brought along by its own step.
    for (const one of VERSIONS.slice(0, version)) {
      board.run(readFileSync(migrationFile(one.migration), "utf8"));
      one.fill?.(board, times);
    }
    board.run(`PRAGMA user_version = ${version}`);
  })();
  board.run("PRAGMA wal_checkpoint(TRUNCATE)");
  board.close(true);
}

/** What every version keeps of every earlier one, whatever else it does: table → the columns that were there first. */
const KEPT = {
  jobs: "id, type, status, input_context, output_result, created_at, updated_at",
  artifacts: "id, job_id, name, path, media_type, bytes, sha256, chart, created_at",
  uploads: "id, name, media_type, bytes, sha256, created_at",
  conversations: "id, title, created_at, updated_at",
  messages: "id, conversation_id, role, channel, channel_message_id, text, job_id, created_at",
  message_uploads: "message_id, position, upload_id",
  sandboxes: "id, job_id, provider, created_at, ended_at, reserved_micro_usd, cost_micro_usd",
  devices: "id, cookie_sha256, key_sha256, label, created_at",
  pairings: "token_sha256, expires_at",
  job_run: "job_id, type, conversation_id, attempt, started_at, cost_micro_usd",
  // Pieces of output may be forgotten when the job has ended; the whole is in the result.
  job_events: "seq, job_id, conversation_id, attempt, at, kind, data",
} as const;

/** Where sandboxes are kept since version 3; a job that nobody named has no name there. */
const SPENT =
  "(SELECT id, nullif(job_id, '') AS job_id, provider, created_at, ended_at, reserved_micro_usd, cost_micro_usd FROM spend)";

/** All of it, row by row: the tables whose rows have an order in that order. */
export function contents(file: string): Record<string, unknown[][]> {
  const board = new Database(file, { readwrite: true, create: false });
  const hasTable = (name: string) => board.query("SELECT 1 FROM sqlite_master WHERE name = ?").values(name).length > 0;
  const orders: Record<string, string> = { jobs: "rowid", messages: "rowid", job_events: "seq" };
  const where = "WHERE kind NOT LIKE '%-delta' AND job_id <> ''";
  const rows = Object.entries(KEPT).map(([table, columns]): [string, unknown[][]] => {
    const order = orders[table] ?? columns.split(",")[0] ?? "";
    const source = table === "sandboxes" && hasTable("spend") ? SPENT : table;
    const sql = `SELECT ${columns} FROM ${source} ${table === "job_events" ? where : ""} ORDER BY ${order}`;
    return [table, board.query(sql).values()];
  });
  board.close(true);
  return Object.fromEntries(rows);
}

/** The board of version 1: no line, no attempts, no workers. Each time, what one conversation and some programs left. */
function fillFirst(board: Database, times: number): void {
  for (let time = 0; time < times; time += 1) {
    fillConversation(board, `talk-${time}`);
    fillForeign(board, `theirs-${time}`);
  }
  board.run("INSERT INTO devices VALUES ('d', 'cookie', 'key', 'Firefox', 5), ('e', 'cookie2', 'key2', 'Phone', 6)");
  board.run("INSERT INTO pairings VALUES ('token', 7)");
}

function fillConversation(board: Database, talk: string): void {
  board.run("INSERT INTO conversations VALUES (?1, 'Weather ☔', 1000, 2000)", [talk]);
  const states = ["done", "failed", "cancelled", "dead", "running", "ready", "ready", "ready"] as const;
  states.forEach((state, index) => {
    const id = `${talk}-${index}`;
    addJob(board, id, talk, state, index);
    board.run("INSERT INTO uploads VALUES (?1, 'a.csv', 'text/csv', 3, '00', ?2)", [`${id}-file`, index]);
    const words = index === 0 ? "plot “wet” days" : `and ${state}`;
    board.run("INSERT INTO messages VALUES (?1, ?2, 'user', 'web', ?1, ?3, ?4, ?5)", [
      `${id}-message`,
      talk,
      words,
      id,
      // The clock went back once.
      2_000 - index,
    ]);
    board.run("INSERT INTO message_uploads VALUES (?, 0, ?)", [`${id}-message`, `${id}-file`]);
  });
}

type OldState = "done" | "failed" | "cancelled" | "dead" | "running" | "ready";

/** As version 1 wrote it: the run, the row, the events. */
function addJob(board: Database, id: string, talk: string, state: OldState, index: number): void {
  const hasBegun = state !== "ready" && state !== "cancelled";
  const hasEnded = state !== "ready" && state !== "running";
  board.run(
    `INSERT INTO job_run (job_id, type, state, conversation_id, attempt, worker_id, lease_until, started_at, finished_at,
     cost_micro_usd) VALUES (?, 'code_exec', ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      id,
      state,
      talk,
      state === "dead" ? 3 : Number(hasBegun),
      hasBegun ? "77-old" : null,
      state === "running" ? 30_000 : null,
      hasBegun ? 1_100 + index : null,
      hasEnded ? 1_200 + index : null,
      hasEnded ? 40 : 0,
    ],
  );
  const status = { done: "completed", running: "running", ready: "pending" }[state as string] ?? "failed";
  const output = hasEnded ? `{"stdout":"","text":"${id}","artifacts":["storage/outputs/${id}/a.png"]}` : null;
  board.run("INSERT INTO jobs VALUES (?, 'code_exec', ?, ?, ?, ?, ?)", [
    id,
    status,
    `{"prompt":"plot","files":["${id}-file"]}`,
    output,
    1_000 + index,
    1_200 + index,
  ]);
  const tell = (kind: string, attempt: number, data: string) =>
    board.run("INSERT INTO job_events (job_id, conversation_id, attempt, at, kind, data) VALUES (?, ?, ?, ?, ?, ?)", [
      id,
      talk,
      attempt,
      1_000,
      kind,
      data,
    ]);
  tell("job-created", 0, `{"type":"code_exec","prompt":"plot","files":[]}`);
  if (hasBegun) {
    tell("job-started", 1, `{"attempt":1}`);
    for (const piece of ["a", "b"]) tell("output-delta", 1, `{"stream":"stdout","text":"${piece}"}`);
    board.run("INSERT INTO artifacts VALUES (?1, ?2, 'a.png', ?3, 'image/png', 9, '00', NULL, 1)", [
      `${id}-picture`,
      id,
      `storage/outputs/${id}/a.png`,
    ]);
    board.run("INSERT INTO sandboxes VALUES (?, ?, 'local', 1, ?, 0, ?)", [`${id}-box`, id, hasEnded ? 2 : null, 0]);
  }
  if (hasEnded) tell(state === "done" ? "job-completed" : "job-failed", 1, `{"costUsd":0,"output":${output}}`);
}

/** Rows of programs, by the seven columns alone. */
function fillForeign(board: Database, name: string): void {
  const insert = (id: string, input: string | null) =>
    board.run("INSERT INTO jobs VALUES (?, 'code_exec', 'pending', ?, NULL, 1, 1)", [`${name}-${id}`, input]);
  const say = (id: string, status: string) =>
    board.run("UPDATE jobs SET status = ?, output_result = '{}' WHERE id = ?", [status, `${name}-${id}`]);
  insert("pending", `{"code":"print(1)"}`);
  insert("strange", "no JSON at all");
  insert("own", "{}");
  say("own", "running");
  insert("ended", "{}");
  say("ended", "completed");
  // Failed, and then set to pending again: version 1 kept what it knew of the first time.
  insert("again", "{}");
  board.run("UPDATE job_run SET attempt = 3, worker_id = '77-old' WHERE job_id = ?", [`${name}-again`]);
  say("again", "failed");
  board.run("UPDATE job_run SET finished_at = 1300 WHERE job_id = ?", [`${name}-again`]);
  say("again", "pending");
  // Replaced while it ran: nobody was told, so that a piece of output is its newest event.
  insert("replaced", "{}");
  say("replaced", "running");
  board.run(
    "INSERT INTO job_events (job_id, attempt, at, kind, data) VALUES (?, 1, 1, 'text-delta', '{\"text\":\"a\"}')",
    [`${name}-replaced`],
  );
  board.run("INSERT OR REPLACE INTO jobs VALUES (?, 'code_exec', 'completed', '{}', '{}', 'soon', NULL)", [
    `${name}-replaced`,
  ]);
}

/** What version 2 had besides: a schedule, and sandboxes with their attempts and names. */
function fillSecond(board: Database, times: number): void {
  for (let index = 0; index < times; index += 1) {
    board
      .query(
        `INSERT INTO sandboxes (id, job_id, attempt, worker_id, sandbox_id, provider, created_at, reserved_micro_usd)
         VALUES (?, ?, 1, '1-gone', ?, 'e2b', 5, 100)`,
      )
      .run(`second-${index}`, `job-of-${index}`, `box-${index}`);
    const conversation = `conversation-of-schedule-${index}`;
    board
      .query("INSERT INTO conversations (id, title, created_at, updated_at) VALUES (?, 't', 1, 1)")
      .run(conversation);
    board
      .query(
        `INSERT INTO schedules (id, name, time_zone, missed, type, input, conversation_id, created_at)
         VALUES (?, ?, 'UTC', 'once', 'chat', '{}', ?, 1)`,
      )
      .run(`schedule-${index}`, `schedule ${index}`, conversation);
  }
}
