// A backup into empty folders, with every byte and every row checked: any file may claim to be a backup.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { openBoard, SCHEMA_VERSION, type Board } from "../shared/db.ts";
import { freeBytes } from "../shared/disk.ts";
import { AppError, systemCode } from "../shared/errors.ts";
import { syncFolder } from "../shared/files.ts";
import { parseJson } from "../shared/rows.ts";
import { schemaFault } from "../shared/schema.ts";
import { integrityProblems, rowCounts } from "../shared/statistics.ts";
import { forgetUnsafe, insideStorage, namedFiles } from "../shared/storage.ts";
import { notWhole, readArchive, type Entry } from "./archive.ts";
import { BOARD, MANIFEST, Manifest, type FileFacts } from "./manifest.ts";

/** Two folders that are not there yet. */
export type Room = { readonly data: string; readonly storage: string };

const MAX_MANIFEST_BYTES = 512 * 2 ** 20;
/** Files that are put on the disk side by side; the system writes them out together. */
const SYNC_WIDTH = 32;

/** On the disk and sound when it resolves. Throws AppError with a sentence; what is in the folders then is worth nothing. */
export async function unpack(file: string, room: Room, signal: AbortSignal): Promise<Manifest> {
  try {
    for (const folder of [room.data, join(room.storage, "uploads"), join(room.storage, "outputs")])
      await mkdir(folder, { recursive: true, mode: 0o700 });
    const unpacked = await readAll(file, room, signal);
    const manifest = checkManifest(unpacked);
    await dropUnclaimed(room, unpacked, manifest);
    await checkBoard(join(room.data, "jobs.db"), manifest);
    await putOnDisk(room, manifest);
    return manifest;
  } catch (error) {
    throw toSentence(error, signal);
  }
}

type Unpacked = { readonly files: Map<string, FileFacts>; readonly manifest: unknown };

async function readAll(file: string, room: Room, signal: AbortSignal): Promise<Unpacked> {
  const files = new Map<string, FileFacts>();
  let manifest: unknown;
  const take = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const entry of readArchive(source)) {
      if (entry.name === MANIFEST) manifest = await readManifest(entry);
      else files.set(entry.name, await store(entry, placeOf(entry.name, room)));
    }
  };
  await pipeline(createReadStream(file), createGunzip(), take, { signal });
  return { files, manifest };
}

/** Where it belongs; only names that we give come through. */
function placeOf(name: string, room: Room): string {
  const inside = insideStorage(name);
  if (name !== BOARD && inside === null) throw notWhole(`“${name.slice(0, 200)}” does not belong into a backup`);
  return inside === null ? join(room.data, "jobs.db") : join(room.storage, inside);
}

async function store(entry: Entry, path: string): Promise<FileFacts> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if (entry.bytes > freeBytes(dirname(path))) throw full();
  // Fails where there is one: nothing is in a backup twice.
  await using file = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  for await (const chunk of entry.chunks) {
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  return { path: entry.name, bytes: entry.bytes, sha256: hash.digest("hex") };
}

async function readManifest(entry: Entry): Promise<unknown> {
  if (entry.bytes > MAX_MANIFEST_BYTES) throw notWhole("its list of contents is too long");
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.chunks) chunks.push(chunk);
  return parseJson(Buffer.concat(chunks).toString("utf8"));
}

function checkManifest({ files, manifest: found }: Unpacked): Manifest {
  if (found === undefined) throw notWhole("its list of contents is missing");
  const parsed = Manifest.safeParse(found);
  if (!parsed.success) throw notWhole("its list of contents is not one that this Sandpiper knows");
  const manifest = parsed.data;
  if (manifest.schemaVersion > SCHEMA_VERSION)
    throw new AppError(
      "config",
      `It was made by Sandpiper ${manifest.version}, which is newer. Update this one first.`,
    );
  for (const facts of manifest.files) {
    const file = files.get(facts.path);
    if (file === undefined) throw notWhole(`“${facts.path}” is missing in it`);
    if (file.sha256 !== facts.sha256) throw notWhole(`“${facts.path}” in it is damaged`);
  }
  if (!manifest.files.some(({ path }) => path === BOARD)) throw notWhole("the board is missing in it");
  return manifest;
}

/** What could not be read when the backup was made is zeros. */
async function dropUnclaimed(room: Room, { files }: Unpacked, manifest: Manifest): Promise<void> {
  const claimed = new Set(manifest.files.map(({ path }) => path));
  const known = new Set(manifest.missing.map(({ path }) => path));
  for (const path of files.keys()) {
    if (claimed.has(path)) continue;
    if (!known.has(path)) throw notWhole(`“${path}” in it is not on its list of contents`);
    await rm(placeOf(path, room));
  }
}

/** Sound, not newer, with all that a board has and nothing else, and every file that it names is there or known to be missing. */
async function checkBoard(file: string, manifest: Manifest): Promise<void> {
  const board = openUnpacked(file);
  try {
    const [problem] = board.read(integrityProblems);
    if (problem !== undefined) throw notWhole(`the board in it is damaged (${problem})`);
    const fault = schemaFault(board);
    if (fault !== null) throw notWhole(`the board in it has ${fault}`);
    const { jobs, conversations } = board.read(rowCounts);
    if (jobs !== manifest.counts.jobs || conversations !== manifest.counts.conversations)
      throw notWhole("the board in it is not the one that its list of contents tells of");
    await board.write(forgetUnsafe);
    const known = new Set([...manifest.files, ...manifest.missing].map(({ path }) => path));
    for (const paths of namedFiles(board)) {
      const lost = paths.find((path) => !known.has(path));
      if (lost !== undefined) throw notWhole(`“${lost}” is missing in it`);
    }
  } finally {
    board.close();
  }
}

/** Of an earlier Sandpiper it becomes one of this. */
function openUnpacked(file: string): Board {
  try {
    return openBoard(file);
  } catch (error) {
    if (error instanceof AppError && error.code === "config") throw notWhole("the board in it cannot be opened");
    if (error instanceof AppError && error.code === "unavailable") throw full();
    throw error;
  }
}

async function putOnDisk(room: Room, manifest: Manifest): Promise<void> {
  const paths = manifest.files.map(({ path }) => placeOf(path, room));
  for (let from = 0; from < paths.length; from += SYNC_WIDTH)
    await Promise.all(paths.slice(from, from + SYNC_WIDTH).map(syncFile));
  for (const folder of new Set([...paths.map((path) => dirname(path)), join(room.storage, "outputs"), room.storage]))
    syncFolder(folder);
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

const full = (): AppError =>
  new AppError("unavailable", "There is not enough room on the disk for what is in the backup.");

function toSentence(error: unknown, signal: AbortSignal): AppError {
  const told = translate(error, signal);
  return new AppError(told.code, `${told.message} Nothing was changed.`, { cause: error });
}

function translate(error: unknown, signal: AbortSignal): AppError {
  if (signal.aborted) return new AppError("cancelled", "Stopped.");
  if (error instanceof AppError) return error;
  const code = systemCode(error);
  if (["ENOSPC", "EDQUOT", "SQLITE_FULL"].includes(code)) return full();
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return notWhole("the board in it is damaged");
  if (code.startsWith("Z_")) return notWhole("it is cut off or damaged");
  if (["EEXIST", "ENOTDIR", "EISDIR", "ENAMETOOLONG"].includes(code)) return notWhole("two files in it have one name");
  throw error;
}
