// The ceiling: the bare seven-column table and one INSERT a transaction, with nothing around it.
import { Database } from "bun:sqlite";
import { boardFile } from "../workshop.ts";
import { INPUT, JOB_TYPE, type Queue } from "./engine.ts";

const TABLE = `CREATE TABLE jobs (
  id TEXT PRIMARY KEY NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending',
  input_context JSON, output_result JSON, created_at INTEGER, updated_at INTEGER)`;

export function openRaw(home: string): Queue {
  const database = new Database(boardFile(home), { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run(TABLE);
  const insert = database.query<never, [string, string, string, string, null, number, number]>(
    "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const add = () => {
    const now = Date.now();
    insert.run(Bun.randomUUIDv7(), JOB_TYPE, "pending", JSON.stringify(INPUT), null, now, now);
  };
  const addMany = database.transaction((count: number) => {
    for (let index = 0; index < count; index += 1) add();
  });
  return { add, addMany, close: () => database.close() };
}
