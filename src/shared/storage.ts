// What storage/ holds: how much by the rows, which files the rows name, and which files no row names any more.
import { lstat, readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
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

/** A path of a row (`storage/uploads/…`, `storage/outputs/<folder>/<name>`) as it is inside storage/; null for any other. */
export function insideStorage(path: string): string | null {
  const [storage, place, ...names] = path.split("/");
  if (storage !== "storage" || names.length === 0 || names.some((name) => !isPlainName(name))) return null;
  if (place === "uploads") return names.length <= 8 ? ["uploads", ...names].join("/") : null;
  return place === "outputs" && names.length === 2 ? ["outputs", ...names].join("/") : null;
}

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

/** What no row names is left alone this long: of a message on its way the bytes are stored and the row is not yet. */
export const YOUNG_MS = 3_600_000;
/** So many rows or names are looked at between two turns of the event loop. */
const BATCH = 500;

export type Orphan = { readonly path: string; readonly bytes: number };
export type Swept = {
  readonly files: number;
  readonly bytes: number;
  /** Paths that rows name and where no file is. */
  readonly missing: readonly string[];
};

/** Deletes the files that no row names any more; rows whose bytes are gone are told, not touched. */
export async function sweepStorage(board: Board, storageDir: string, now: number): Promise<Swept> {
  let files = 0;
  let bytes = 0;
  for await (const orphan of orphansOf(board, storageDir, now)) {
    if (!(await succeeds(unlink(join(storageDir, orphan.path))))) continue;
    files += 1;
    bytes += orphan.bytes;
  }
  await removeEmptyFolders(board, storageDir, now);
  return { files, bytes, missing: await missingFiles(board, storageDir) };
}

/**
 * Regular files, by their path inside storage/, that are ours by place and name, that no row names, and that are not young.
 * What other programs put into storage/uploads bears names of their own and is theirs; storage/temp is not looked at.
 */
export async function* orphansOf(board: Board, storageDir: string, now: number): AsyncGenerator<Orphan> {
  const uploads = (await entriesOf(storageDir, "uploads")).filter(isOurs);
  let claimed: ReadonlySet<string> | null = null;
  for (const names of batches(uploads)) {
    const unnamed = board.read((tx) => names.filter((name) => !hasUpload(tx, name)));
    for (const orphan of await oldFiles(storageDir, "uploads", unnamed, now)) {
      claimed ??= await uploadsInInputs(board);
      if (!claimed.has(orphan.path.slice("uploads/".length))) yield orphan;
    }
  }
  for (const folder of await entriesOf(storageDir, "outputs")) {
    for (const names of batches(await entriesOf(storageDir, `outputs/${folder}`))) {
      const unnamed = board.read((tx) => names.filter((name) => !hasArtifact(tx, `storage/outputs/${folder}/${name}`)));
      yield* await oldFiles(storageDir, `outputs/${folder}`, unnamed, now);
    }
  }
}

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
export function* inputNames(board: Board): Generator<string[]> {
  for (let from = 0; ;) {
    const row = board.read((tx) => tx.get(LAST_OF_BATCH, from, BATCH));
    const last = optionalInteger.parse(row?.["last"] ?? null);
    if (last === null) return;
    yield board.read((tx) => tx.all(INPUT_NAMES, from, last)).map((one) => text.parse(one["name"]));
    from = last;
  }
}

const LAST_OF_BATCH = "SELECT max(rowid) AS last FROM (SELECT rowid FROM jobs WHERE rowid > ? ORDER BY rowid LIMIT ?)";
const INPUT_NAMES = `SELECT DISTINCT file.value AS name FROM jobs, json_each(
    CASE WHEN typeof(input_context) = 'text' AND json_valid(input_context) THEN input_context ELSE '{}' END, '$.files') AS file
  WHERE jobs.rowid > ? AND jobs.rowid <= ? AND file.type = 'text'`;

function* pages(board: Board, sql: string): Generator<string[]> {
  for (let last = ""; ;) {
    const names = board.read((tx) => tx.all(sql, last, BATCH)).map((row) => text.parse(row["name"]));
    const end = names.at(-1);
    if (end === undefined) return;
    yield names;
    last = end;
  }
}

function* batches(names: readonly string[]): Generator<string[]> {
  for (let from = 0; from < names.length; from += BATCH) yield names.slice(from, from + BATCH);
}

const hasUpload = (tx: Tx, id: string): boolean => tx.get("SELECT 1 FROM uploads WHERE id = ?", id) !== null;
const hasArtifact = (tx: Tx, path: string): boolean => tx.get("SELECT 1 FROM artifacts WHERE path = ?", path) !== null;
const hasJob = (tx: Tx, id: string): boolean => tx.get("SELECT 1 FROM jobs WHERE id = ?", id) !== null;
const hasRow = (tx: Tx, path: string): boolean =>
  hasArtifact(tx, path) ||
  (path.startsWith("storage/uploads/") && hasUpload(tx, path.slice("storage/uploads/".length)));

/** Ids that we give to uploads, and parts of them that a crash left behind. */
const isOurs = (name: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.[^/]*)?$/.test(name) ||
  /^\..*\.part$/s.test(name);

async function uploadsInInputs(board: Board): Promise<ReadonlySet<string>> {
  const claimed = new Set<string>();
  for (const names of inputNames(board)) {
    for (const name of names.filter(isOurs)) claimed.add(name);
    await Bun.sleep(0);
  }
  return claimed;
}

async function isFile(storageDir: string, path: string): Promise<boolean> {
  const inside = insideStorage(path);
  return inside !== null && (await lstat(join(storageDir, inside)).catch(() => null))?.isFile() === true;
}

/** Files come and go while we look: what is not there any more is simply not in the answer. */
async function oldFiles(storageDir: string, folder: string, names: readonly string[], now: number): Promise<Orphan[]> {
  const found = names.map(async (name): Promise<Orphan[]> => {
    const path = `${folder}/${name}`;
    const facts = await lstat(join(storageDir, path)).catch(() => null);
    return facts?.isFile() === true && isOld(facts, now) ? [{ path, bytes: facts.size }] : [];
  });
  return (await Promise.all(found)).flat();
}

/** By the later of both times: a copy may bring its source's mtime along. */
const isOld = (facts: { readonly mtimeMs: number; readonly ctimeMs: number }, now: number): boolean =>
  now - Math.max(facts.mtimeMs, facts.ctimeMs) >= YOUNG_MS;

/** Nothing for what is not a folder; a link to one is none. */
async function entriesOf(storageDir: string, folder: string): Promise<string[]> {
  const path = join(storageDir, folder);
  if ((await lstat(path).catch(() => null))?.isDirectory() !== true) return [];
  return readdir(path).catch(() => []);
}

/** Folders of jobs that are gone. rmdir refuses one that has something in it. */
async function removeEmptyFolders(board: Board, storageDir: string, now: number): Promise<void> {
  const folders = await entriesOf(storageDir, "outputs");
  for (const names of batches(folders)) {
    const gone = board.read((tx) => names.filter((name) => !hasJob(tx, name)));
    for (const name of gone) {
      const path = join(storageDir, "outputs", name);
      const facts = await lstat(path).catch(() => null);
      if (facts?.isDirectory() === true && isOld(facts, now)) await succeeds(rmdir(path));
    }
  }
}

async function succeeds(deletion: Promise<void>): Promise<boolean> {
  return deletion.then(
    () => true,
    () => false,
  );
}
