// Ids of jobs by their beginning: nobody types a whole one.
import type { Tx } from "./db.ts";
import { text } from "./rows.ts";

/** Shorter ones would soon mean several jobs. */
const SHORTEST = 8;
/** So little less is not worth a cut. */
const REST = 4;

/** The job with this id; else those whose ids begin with it, `limit` at most. */
export function jobsNamed(tx: Tx, prefix: string, limit: number): string[] {
  if (tx.get("SELECT 1 FROM jobs WHERE id = ?", prefix) !== null) return [prefix];
  // The highest character there is: everything that begins with the prefix is below.
  const rows = tx.all(
    "SELECT id FROM jobs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
    prefix,
    `${prefix}\u{10FFFF}`,
    limit,
  );
  return rows.map((row) => text.parse(row["id"]));
}

/** The beginning of its id that names this job alone, at this moment. */
export function shortId(tx: Tx, id: string): string {
  const neighbours = [
    tx.get("SELECT id FROM jobs WHERE id < ? ORDER BY id DESC LIMIT 1", id),
    tx.get("SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT 1", id),
  ];
  const shared = neighbours.map((row) => (row === null ? 0 : sharedLength(id, text.parse(row["id"]))));
  const length = Math.max(SHORTEST, ...shared.map((one) => one + 1));
  const short = id.slice(0, length + REST >= id.length ? id.length : length);
  // Not half a character.
  return short.isWellFormed() ? short : id.slice(0, length + 1);
}

function sharedLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}
