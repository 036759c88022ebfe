// A board and folders of a test's own, gone when the test ends; and the foreign programs that use a board.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Value } from "../../src/shared/db.ts";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { enqueueJob, type NewJob } from "../../src/shared/jobs.ts";
import type { UploadedFile } from "../../src/shared/types.ts";

export type TemporaryFolder = Disposable & { readonly path: string };
export type TemporaryBoard = Disposable & {
  readonly folder: string;
  readonly file: string;
  readonly board: Board;
  /** One value of one row, as SQLite has it. */
  readonly value: (sql: string, ...values: Value[]) => unknown;
  readonly rows: (sql: string, ...values: Value[]) => Record<string, unknown>[];
};

export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), "sandpiper-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function temporaryBoard(): TemporaryBoard {
  const folder = temporaryFolder();
  const file = join(folder.path, "data/jobs.db");
  const board = openBoard(file);
  const rows = (sql: string, ...values: Value[]) => board.read((tx) => tx.all(sql, ...values));
  return {
    folder: folder.path,
    file,
    board,
    rows,
    value: (sql, ...values) => Object.values(rows(sql, ...values)[0] ?? {})[0],
    [Symbol.dispose]: () => {
      board.close();
      folder[Symbol.dispose]();
    },
  };
}

/** SQLite's shell of this machine. Throws with what it said if it refused. */
export function sqliteShell(file: string, ...statements: string[]): string {
  return finished(Bun.spawnSync(["sqlite3", "-bail", file, ...statements]));
}

/** Python's own sqlite3; `board` is the open connection. */
export function pythonProgram(file: string, body: string): string {
  const source = `import json, sqlite3, sys\nboard = sqlite3.connect(sys.argv[1])\n${body}\nboard.commit()\nboard.close()`;
  return finished(Bun.spawnSync(["python3", "-c", source, file]));
}

function finished(child: Bun.SyncSubprocess<"pipe", "pipe">): string {
  if (child.exitCode !== 0) throw new Error(child.stderr.toString());
  return child.stdout.toString().trim();
}

/** What a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const result = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in result) return result.error;
  throw new Error(`It was not refused: ${JSON.stringify(result.value)}`);
}

export function addJob(board: Board, id: string, job: Partial<NewJob> = {}, now = 1_000): Promise<string> {
  const whole: NewJob = { id, type: "chat", input: { prompt: id }, conversationId: null, files: [], ...job };
  return enqueueJob(board, whole, now);
}

export function uploadedFile(id: string, name = `${id}.csv`): UploadedFile {
  return { id, name, mediaType: "text/csv", bytes: 3, sha256: "00" };
}
