// No statement of the board walks through what only grows, and none sorts it: asked of SQLite itself, for each of them.
import { Database } from "bun:sqlite";
import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventsAfter, latestSeq } from "../../src/shared/events.ts";
import { claimJobs, nextDue, settleJob, stopAsked } from "../../src/shared/claims.ts";
import { expireJobs, reclaimJobs } from "../../src/shared/recovery.ts";
import { DONE, addJobIn, claimOne } from "./claiming.ts";
import { doEverything, recording, type Statement } from "./everything.ts";
import { sqliteShell, temporaryBoard } from "./temporary.ts";

const SHARED = join(import.meta.dir, "../../src/shared");

/** Doctor, a report and a backup count whole tables, on a connection of their own; and what is asked once, at the opening. */
const NOT_EVERY_DAY = new Set(["statistics.ts", "schema.ts", "db.ts"]);

/** What SQLite calls a plan whose cost grows with a table. The subqueries of the triggers are one row each. */
const SLOW = /^SCAN (?!CONSTANT ROW|\(subquery)|TEMP B-TREE|AUTOMATIC/;

/** By a piece of the statement: why its plan is as good as can be, or good enough. */
const GRANTS: readonly (readonly [piece: string, plan: string, reason: string])[] = [
  ["FROM facts ORDER BY id", "SCAN facts", "forty at most"],
  ["SELECT cells.* FROM cells JOIN job_run", "TEMP B-TREE", "sorts one conversation's cells, once a job"],
  ["state = 'ready' LIMIT 1", "INDEX job_ready", "the first of an index that holds nothing but the line"],
  ["WHERE state = 'ready' ORDER BY priority DESC, turn LIMIT", "INDEX job_ready", "the first few of it, as they stand"],
  [
    "SELECT count(*) AS count FROM job_run AS other",
    "INDEX job_ready",
    "counts the line, for a person who asks how long it is",
  ],
  [
    "JOIN job_run AS other ON other.conversation_id",
    "TEMP B-TREE",
    "sorts one conversation's line, for a person who asks",
  ],
  [
    "FROM job_run CROSS JOIN jobs ON job_id = id",
    "INDEX job_running",
    "an index that holds nothing but the running ones",
  ],
  ["FROM job_run CROSS JOIN jobs ON job_id = id", "TEMP B-TREE", "sorts the few of one state, for a person who asks"],
  [
    "FROM conversations ORDER BY updated_at",
    "",
    "one person's conversations; an index would be written with every message",
  ],
  [
    "SELECT DISTINCT upload_id FROM message_uploads",
    "TEMP B-TREE",
    "the files of one conversation, when it is deleted",
  ],
  [
    "FROM message_uploads WHERE upload_id",
    "SCAN message_uploads",
    "only when a conversation is deleted or a backup restored",
  ],
  [
    "FROM contacts WHERE standing = 'asking' AND created_at",
    "SCAN contacts",
    "whom the owner decided about, and three",
  ],
  ["UPDATE chats SET", "SCAN chats", "a chat for each person whom the owner let in: a handful"],
  ["FROM chats WHERE channel = ? AND account = ? AND person = ?", "", "the same"],
  ["FROM schedules ORDER BY rowid", "SCAN schedules", "all of them are wanted"],
  ["FROM pairings WHERE expires_at", "SCAN pairings", "links that live for five minutes: a handful"],
  ["FROM workers WHERE NOT EXISTS", "SCAN workers", "a row a worker: a handful"],
  ["SELECT path FROM artifacts", "SCAN artifacts", "all of them are wanted, in a restore"],
  ["SELECT id FROM uploads", "SCAN uploads", "all of them are wanted, in a restore"],
  ["coalesce(sum(bytes), 0) AS bytes FROM uploads", "SCAN uploads", "the quota: a sum over all"],
  ["coalesce(sum(bytes), 0) AS bytes FROM artifacts", "SCAN artifacts", "the quota: a sum over all"],
  ["FROM invitations WHERE expires_at", "SCAN invitations", "links that live for an hour: a handful"],
  ["SELECT * FROM contacts ORDER BY", "", "the people whom the owner let in: a handful"],
  ["FROM chats JOIN contacts", "", "the same handful"],
  [
    "FROM arrivals INDEXED BY arrivals_open",
    "arrivals_open",
    "an index that holds nothing but what waits, once an hour",
  ],
  ["FROM deliveries INDEXED BY deliveries_open", "deliveries_open", "the same of what is to be said"],
  ["SELECT DISTINCT chat_id FROM arrivals", "INDEX arrivals_open", "an index that holds nothing but what waits"],
  ["SELECT DISTINCT chat_id FROM deliveries", "INDEX deliveries_open", "an index that holds nothing but what waits"],
  ["SELECT DISTINCT file.value AS name FROM jobs", "", "a batch of jobs by rowid, once an hour"],
  ["SELECT file.value AS name FROM jobs", "SCAN file", "the names in one job's own result"],
];

let statements: readonly Statement[] = [];
/** What SQLite says of each of them. */
let plans: ReadonlyMap<string, readonly string[]> = new Map();

beforeAll(async () => {
  using place = temporaryBoard();
  const recorded = recording(place.board);
  await doEverything(recorded.board, place.folder);
  statements = [...recorded.statements.values()];
  plans = explain(place.file, statements);
});

/** On a connection of its own, and each statement closed: bun:sqlite leaves an EXPLAIN open otherwise. */
function explain(file: string, all: readonly Statement[]): Map<string, string[]> {
  const database = new Database(file);
  const said = all.map(({ sql, values }) => {
    const statement = database.prepare<{ detail: string }, (string | number | bigint | null)[]>(
      `EXPLAIN QUERY PLAN ${sql}`,
    );
    const plan = statement.all(...values).map((row) => row.detail);
    statement.finalize();
    return [sql, plan] as const;
  });
  database.close(true);
  return new Map(said);
}

const flat = (sql: string): string => sql.replace(/\s+/g, " ").trim();

/** Literals of the source that begin like a statement; holes are three dots. */
function literals(source: string): string[] {
  return [
    ...source.matchAll(/"((?:SELECT|INSERT|UPDATE|DELETE) [^"]*)"|`((?:SELECT|INSERT|UPDATE|DELETE) [^`]*)`/g),
  ].map(([, quoted, template]) => flat((quoted ?? template ?? "").replace(/\$\{[^}]*\}/g, "…")));
}

test("every statement in src/shared was run", () => {
  const run = statements.map(({ sql }) => flat(sql));
  const missing = readdirSync(SHARED)
    .filter((file) => file.endsWith(".ts") && !NOT_EVERY_DAY.has(file))
    .flatMap((file) =>
      literals(readFileSync(join(SHARED, file), "utf8"))
        .filter((literal) => !run.some((sql) => isIn(literal, sql)))
        .map((literal) => `${file}: ${literal}`),
    );
  expect(missing).toEqual([]);
  expect(run.length).toBeGreaterThan(100);
});

/** The pieces between the holes, in their order. */
function isIn(literal: string, sql: string): boolean {
  let from = 0;
  return literal.split("…").every((piece) => {
    const at = sql.indexOf(piece.trim(), from);
    from = at + piece.trim().length;
    return at >= 0;
  });
}

test("none walks through a table or sorts it, but for those that say why", () => {
  const slow = [...plans].flatMap(([sql, plan]) =>
    plan
      .filter((line) => SLOW.test(line))
      .filter((line) => !GRANTS.some(([piece, allowed]) => flat(sql).includes(piece) && line.includes(allowed)))
      .map((line) => `${line}: ${flat(sql)}`),
  );
  expect(slow).toEqual([]);
});

test("no reason is given for what needs none", () => {
  const idle = GRANTS.filter(
    ([piece, allowed]) =>
      ![...plans].some(
        ([sql, plan]) => flat(sql).includes(piece) && plan.some((line) => SLOW.test(line) && line.includes(allowed)),
      ),
  );
  expect(idle).toEqual([]);
});

describe("what is done all the time", () => {
  test("claim, settle, poll and follow never sort, and scan nothing but the line's own index", async () => {
    using place = temporaryBoard();
    await addJobIn(place, "waiting", "waiting");
    await addJobIn(place, "scheduled", "scheduled", { deadlineAt: 1 });
    const { board, statements: hot } = recording(place.board);
    board.read((tx) => [nextDue(tx), latestSeq(tx), eventsAfter(tx, 0, 10), eventsAfter(tx, 0, 10, "waiting")]);
    const claim = await claimOne({ board });
    stopAsked(board, [claim]);
    await settleJob(board, claim, DONE, 3_000);
    await claimJobs(board, "1-a", () => 1, 2e15);
    await reclaimJobs(board, () => true, 4_000);
    await expireJobs(board, 4_000);
    const slow = [...explain(place.file, [...hot.values()])].flatMap(([sql, plan]) =>
      plan
        .filter((line) => SLOW.test(line))
        .map((line) => [line.replace("COVERING ", ""), flat(sql).includes("LIMIT")]),
    );
    expect(hot.size).toBeGreaterThan(20);
    for (const one of slow) expect(one).toEqual(["SCAN job_run USING INDEX job_ready", true]);
  });

  test.each([
    ["a row", "INSERT INTO jobs VALUES ('new', 'chat', 'pending', '{}', NULL, 1, 1)"],
    ["a row that takes another's place", "REPLACE INTO jobs VALUES ('waiting', 'chat', 'failed', '{}', NULL, 1, 1)"],
    ["a status", "UPDATE jobs SET status = 'completed' WHERE id = 'waiting-front'"],
    ["a status that puts a job back", "UPDATE jobs SET status = 'pending' WHERE id = 'done'"],
    ["a deletion", "DELETE FROM jobs WHERE id = 'waiting-front'"],
  ])("the triggers for %s of a stranger's walk through nothing", async (_name, sql) => {
    using place = temporaryBoard();
    await addJobIn(place, "done", "done", { conversationId: "talk" });
    await addJobIn(place, "waiting", "waiting");
    const plan = sqliteShell(place.file, ".eqp trigger", sql)
      .split("\n")
      .map((line) => line.replace(/^[\s|`-]+/, ""));
    expect(plan.filter((line) => line.startsWith("SEARCH")).length).toBeGreaterThan(2);
    expect(plan.filter((line) => SLOW.test(line))).toEqual([]);
  });
});
