// The jobs of a chat, as the board has them.
import { integer, text } from "../../../src/shared/rows.ts";
import type { House } from "../house.ts";
import type { Job } from "./driver.ts";

/** `where` has one place for `value`. */
export function jobsWhere({ board }: House, where: string, value: string): Job[] {
  const sql = `SELECT id, state, attempt, coalesce(json_extract(input_context, '$.prompt'), '') AS prompt,
    coalesce(json_array_length(input_context, '$.files'), 0) AS files
    FROM job_run JOIN jobs ON jobs.id = job_run.job_id WHERE ${where} ORDER BY created_seq`;
  return board
    .read((tx) => tx.all(sql, value))
    .map((row) => ({
      id: text.parse(row["id"]),
      state: text.parse(row["state"]),
      attempts: integer.parse(row["attempt"]),
      prompt: text.parse(row["prompt"]),
      files: integer.parse(row["files"]),
    }));
}
