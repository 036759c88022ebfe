// The board in numbers, for people who look after it: counts, ages and sizes. Nothing that anybody wrote.
import { z } from "zod";
import type { Tx } from "./db.ts";
import { ERROR_CODES } from "./errors.ts";
import { integer, optionalInteger, text } from "./rows.ts";
import { JOB_TYPES } from "./types.ts";

/** A number for each of these words; words of strangers are counted as `other`. */
export type Counts = { readonly [word: string]: number };

export type Statistics = {
  readonly schemaVersion: number;
  /** By `state type`, e.g. `done code_exec`. */
  readonly jobs: Counts;
  /** When the job came that is the first of those that have not ended (ms since the epoch). */
  readonly oldestOpenAt: number | null;
  readonly rows: Counts;
  /** Error codes of the newest failed jobs. */
  readonly errors: Counts;
  readonly fileBytes: number;
  readonly unusedBytes: number;
};

const TABLES = [
  "jobs",
  "job_events",
  "job_attempts",
  "artifacts",
  "uploads",
  "conversations",
  "messages",
  "spend",
  "schedules",
  "devices",
  "workers",
] as const;

export function boardStatistics(tx: Tx): Statistics {
  const pragma = (name: "user_version" | "page_size" | "page_count" | "freelist_count"): number =>
    integer.parse(tx.get(`PRAGMA ${name}`)?.[name]);
  return {
    schemaVersion: pragma("user_version"),
    jobs: jobCounts(tx),
    oldestOpenAt: oldestOpenAt(tx),
    rows: rowCounts(tx),
    errors: errorCounts(tx),
    fileBytes: pragma("page_count") * pragma("page_size"),
    unusedBytes: pragma("freelist_count") * pragma("page_size"),
  };
}

/** How many rows each table has. */
export function rowCounts(tx: Tx): Counts {
  const count = (table: string): number => integer.parse(tx.get(`SELECT count(*) AS n FROM ${table}`)?.["n"]);
  const counts = TABLES.map((table): [string, number] => [table, count(table)]);
  return Object.fromEntries<number>(counts);
}

const StateRow = z.object({ state: text, type: text, n: integer });

function jobCounts(tx: Tx): Counts {
  const rows = tx.all("SELECT state, type, count(*) AS n FROM job_run GROUP BY state, type ORDER BY state, type");
  return sumUp(
    rows.map((row) => {
      const { state, type, n } = StateRow.parse(row);
      return [`${state} ${knownOr(JOB_TYPES, type)}`, n];
    }),
  );
}

/** By the event that made it: `created_at` is the strangers' own, and may be anything. */
function oldestOpenAt(tx: Tx): number | null {
  const sql = "SELECT at FROM job_events WHERE seq = (SELECT min(created_seq) FROM job_run WHERE finished_at IS NULL)";
  return optionalInteger.parse(tx.get(sql)?.["at"] ?? null);
}

/** So many failed jobs are looked at. */
const RECENT = 200;

function errorCounts(tx: Tx): Counts {
  const rows = tx.all(
    `SELECT CASE WHEN typeof(output_result) = 'text' AND json_valid(output_result)
       THEN json_extract(output_result, '$.error.code') END AS code
     FROM jobs WHERE status = 'failed' ORDER BY rowid DESC LIMIT ?`,
    RECENT,
  );
  return sumUp(rows.map(({ code }) => [knownOr(ERROR_CODES, String(code)), 1]));
}

function knownOr(words: readonly string[], word: string): string {
  return words.includes(word) ? word : "other";
}

function sumUp(pairs: readonly (readonly [word: string, count: number])[]): Counts {
  const sums = new Map<string, number>();
  for (const [word, count] of pairs) sums.set(word, (sums.get(word) ?? 0) + count);
  return Object.fromEntries(sums);
}

/** Rows of `jobs` and `job_run` that do not say the same, or that have no partner: 0 unless the triggers were bypassed. */
export function mirrorMismatches(tx: Tx): number {
  const row = tx.get(
    `SELECT (SELECT count(*) FROM jobs LEFT JOIN job_run ON job_id = id
         WHERE job_id IS NULL OR status IS NOT CASE state
           WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
           WHEN 'failed' THEN 'failed' WHEN 'dead' THEN 'failed' WHEN 'cancelled' THEN 'failed' ELSE 'pending' END)
       + (SELECT count(*) FROM job_run WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id)) AS n`,
  );
  return integer.parse(row?.["n"]);
}

/** What SQLite finds wrong with the file itself; nothing when it is sound. */
export function integrityProblems(tx: Tx): string[] {
  const rows = tx.all("PRAGMA integrity_check(20)").map((row) => text.parse(row["integrity_check"]));
  return rows.filter((row) => row !== "ok");
}
