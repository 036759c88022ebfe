// What storage/ holds by the rows: how much it is, and which files they name.
import { lstat } from "node:fs/promises";
import { join, posix } from "node:path";
import { z } from "zod";
import type { Config } from "./config.ts";
import type { Board, Tx } from "./db.ts";
import { AppError } from "./errors.ts";
import { integer, optionalInteger, text } from "./rows.ts";
import { gibibytes } from "./sizes.ts";

export type StorageUsage = {
  readonly uploads: number;
  readonly uploadBytes: number;
  readonly artifacts: number;
  readonly artifactBytes: number;
};

const Sum = z.object({ files: integer, bytes: integer });

export function storageUsage(tx: Tx): StorageUsage {
  const uploads = Sum.parse(tx.get("SELECT count(*) AS files, coalesce(sum(bytes), 0) AS bytes FROM uploads"));
  const artifacts = Sum.parse(tx.get("SELECT count(*) AS files, coalesce(sum(bytes), 0) AS bytes FROM artifacts"));
  return {
    uploads: uploads.files,
    uploadBytes: uploads.bytes,
    artifacts: artifacts.files,
    artifactBytes: artifacts.bytes,
  };
}

/** Bytes that may still come in, 0 at least. */
export function storageRoom(tx: Tx, config: Pick<Config, "storageBytes">): number {
  const { uploadBytes, artifactBytes } = storageUsage(tx);
  return Math.max(0, config.storageBytes - uploadBytes - artifactBytes);
}

/** Throws AppError `too_large` if so many more bytes do not fit. */
export function assertStorageRoom(tx: Tx, config: Pick<Config, "storageBytes">, bytes: number): void {
  const room = storageRoom(tx, config);
  if (bytes <= room) return;
  throw new AppError(
    "too_large",
    `There is no room for it: uploads and results may take ${gibibytes(config.storageBytes)} together, and ` +
      `${gibibytes(room)} of that are left. Nothing was kept. Delete conversations that you do not need, or raise SANDPIPER_STORAGE_GB.`,
  );
}

/** A path of a row (`storage/uploads/…`, `storage/outputs/…`) as it is inside storage/; null for any other. */
export function insideStorage(path: string): string | null {
  const [storage, place, ...names] = path.split("/");
  if (storage !== "storage" || names.length === 0 || names.some((name) => !isPlainName(name))) return null;
  const isPlace = place === "uploads" || place === "outputs";
  return isPlace && names.length <= MAX_DEPTH ? [place, ...names].join("/") : null;
}

/** Names below storage/uploads and storage/outputs. */
const MAX_DEPTH = 8;

const isPlainName = (name: string): boolean =>
  name !== "" && name !== "." && name !== ".." && !name.includes("\0") && Buffer.byteLength(name) <= 255;

/** Forgets rows that name a file elsewhere: in a board that somebody else made they would lead deletions astray. */
export function forgetUnsafe(tx: Tx): void {
  for (const { path } of tx.all("SELECT path FROM artifacts"))
    if (insideStorage(text.parse(path)) === null) tx.run("DELETE FROM artifacts WHERE path = ?", text.parse(path));
  for (const row of tx.all("SELECT id FROM uploads")) {
    const id = text.parse(row["id"]);
    if (insideStorage(`storage/uploads/${id}`) !== null) continue;
    tx.run("DELETE FROM message_uploads WHERE upload_id = ?", id);
    tx.run("DELETE FROM uploads WHERE id = ?", id);
  }
}

/** So many rows are looked at between two turns of the event loop. */
const BATCH = 500;
/** Of jobs these are fewer: each may hold a megabyte of JSON. */
const FEW = 50;

/** Paths of uploads and artifacts that rows name and where no regular file is. */
export async function missingFiles(board: Board, storageDir: string): Promise<string[]> {
  const missing: string[] = [];
  for (const paths of namedFiles(board)) {
    const gone = await Promise.all(paths.map(async (path) => ((await isFile(storageDir, path)) ? [] : [path])));
    // Of what was deleted meanwhile the row is gone too.
    missing.push(...board.read((tx) => gone.flat().filter((path) => hasRow(tx, path))));
  }
  return missing;
}

/** The paths of all uploads and artifacts, a batch at a time; as the rows have them, so not all need be safe. */
export function* namedFiles(board: Board): Generator<string[]> {
  for (const ids of pages(board, "SELECT id AS name FROM uploads WHERE id > ? ORDER BY id LIMIT ?"))
    yield ids.map((id) => `storage/uploads/${id}`);
  yield* pages(board, "SELECT path AS name FROM artifacts WHERE path > ? ORDER BY path LIMIT ?");
}

/** Names of files that jobs were given, as the rows have them: what programs put into storage/uploads has no other row. */
export const inputNames = (board: Board): Generator<string[]> => namesInJobs(board, INPUT_NAMES);

/** Paths inside storage/ that results name: what the worker of another program brought out has no other row. */
export function* resultFiles(board: Board): Generator<string[]> {
  for (const names of namesInJobs(board, RESULT_NAMES)) yield names.flatMap(toPath);
}

/** The same of one job; null while it runs, because its worker has not said yet. */
export function resultFilesOf(tx: Tx, jobId: string): string[] | null {
  if (tx.get("SELECT 1 FROM jobs WHERE id = ? AND status = 'running'", jobId) !== null) return null;
  return tx
    .all(`SELECT file.value AS name FROM ${IN_RESULTS} AND jobs.id = ?`, jobId)
    .flatMap((row) => toPath(text.parse(row["name"])));
}

/** As a row of ours would have it; nothing for what lies elsewhere. */
function toPath(name: string): string[] {
  const path = posix.normalize(name);
  return insideStorage(path) === null ? [] : [path];
}

function* namesInJobs(board: Board, sql: string): Generator<string[]> {
  for (let from = 0; ;) {
    const row = board.read((tx) => tx.get(LAST_OF_BATCH, from, FEW));
    const last = optionalInteger.parse(row?.["last"] ?? null);
    if (last === null) return;
    yield board.read((tx) => tx.all(sql, from, last)).map((one) => text.parse(one["name"]));
    from = last;
  }
}

const LAST_OF_BATCH = "SELECT max(rowid) AS last FROM (SELECT rowid FROM jobs WHERE rowid > ? ORDER BY rowid LIMIT ?)";
const INPUT_NAMES = `SELECT DISTINCT file.value AS name FROM jobs, json_each(
    CASE WHEN typeof(input_context) = 'text' AND json_valid(input_context) THEN input_context ELSE '{}' END, '$.files') AS file
  WHERE jobs.rowid > ? AND jobs.rowid <= ? AND file.type = 'text'`;
const IN_RESULTS = `jobs, json_each(
    CASE WHEN typeof(output_result) = 'text' AND json_valid(output_result) THEN output_result ELSE '{}' END, '$.artifacts') AS file
  WHERE file.type = 'text' AND NOT EXISTS (SELECT 1 FROM artifacts WHERE path = file.value)`;
const RESULT_NAMES = `SELECT DISTINCT file.value AS name FROM ${IN_RESULTS} AND jobs.rowid > ? AND jobs.rowid <= ?`;

function* pages(board: Board, sql: string): Generator<string[]> {
  for (let last = ""; ;) {
    const names = board.read((tx) => tx.all(sql, last, BATCH)).map((row) => text.parse(row["name"]));
    const end = names.at(-1);
    if (end === undefined) return;
    yield names;
    last = end;
  }
}

const hasUpload = (tx: Tx, id: string): boolean => tx.get("SELECT 1 FROM uploads WHERE id = ?", id) !== null;
const hasArtifact = (tx: Tx, path: string): boolean => tx.get("SELECT 1 FROM artifacts WHERE path = ?", path) !== null;
/** Whether an upload or an artifact has this path. */
export const hasRow = (tx: Tx, path: string): boolean =>
  hasArtifact(tx, path) ||
  (path.startsWith("storage/uploads/") && hasUpload(tx, path.slice("storage/uploads/".length)));

async function isFile(storageDir: string, path: string): Promise<boolean> {
  const inside = insideStorage(path);
  return inside !== null && (await lstat(join(storageDir, inside)).catch(() => null))?.isFile() === true;
}
