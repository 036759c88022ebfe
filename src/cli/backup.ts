// `sandpiper backup`: the board and the files that its rows name, in one file, while everything goes on.
import { createHash } from "node:crypto";
import { constants, createWriteStream, existsSync, statSync } from "node:fs";
import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { createGzip } from "node:zlib";
import { loadConfig, readEnvironment, type Config } from "../shared/config.ts";
import { openBoard, SCHEMA_VERSION, type Board } from "../shared/db.ts";
import { AppError, systemCode } from "../shared/errors.ts";
import { resolveInside, syncFolder } from "../shared/files.ts";
import { schemaFault } from "../shared/schema.ts";
import { mebibytes } from "../shared/sizes.ts";
import { rowCounts } from "../shared/statistics.ts";
import { stopSignal } from "../shared/stop.ts";
import { inputNames, insideStorage, namedFiles, resultFiles } from "../shared/storage.ts";
import { writeArchive, type Entry } from "./archive.ts";
import { BOARD, FORMAT, MANIFEST, type FileFacts, type Manifest } from "./manifest.ts";
import { printableLine } from "./printable.ts";
import { stampOf } from "./stamp.ts";
import { productVersion } from "./version.ts";

export const usage = `backup [FILE or FOLDER]         board and files in one file (backups/), while Sandpiper runs or not`;

/** Charts and archives do not get smaller, and text gets small enough: more effort costs time and gains nothing. */
const GZIP_LEVEL = 1;
const CHUNK = 256 * 1024;

export async function backup(args: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  if (positionals.length > 1) throw new AppError("bad_request", `One file or folder is enough.\n\n  ${usage}`);
  const config = loadConfig(readEnvironment());
  const board = join(config.dataDir, "jobs.db");
  if (!existsSync(board)) throw new AppError("not_found", `There is nothing to back up yet: no ${board}.`);
  const startedAt = performance.now();
  const target = targetOf(config, positionals[0], new Date());
  await makeFolder(dirname(target));
  const manifest = await write(config, board, target, stopSignal());
  const { jobs, conversations, files } = manifest.counts;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${printableLine(target)}
${mebibytes(statSync(target).size)} in ${seconds} s: ${jobs} jobs, ${conversations} conversations, ${files} files.`);
  for (const { path, why } of manifest.missing.slice(0, 20))
    console.log(`! not in it (${why}): ${printableLine(path)}`);
  if (manifest.missing.length > 20)
    console.log(`! … and ${manifest.missing.length - 20} more; manifest.json has them all.`);
  console.log(`It holds what was said and every file, so keep it as safe as the folder itself. Not in it: keys and settings
(.env, data/models.json), this machine's token, logs, storage/temp. To put it back: bun run restore ${printableLine(positionals.length === 0 ? basename(target) : target)}`);
  return 0;
}

function targetOf(config: Config, wanted: string | undefined, now: Date): string {
  const name = `sandpiper-backup-${stampOf(now)}.tar.gz`;
  const path = wanted === undefined ? join(config.home, "backups") : resolve(config.callerDir, wanted);
  const isFolder = wanted === undefined || /[/\\]$/.test(wanted) || (existsSync(path) && statSync(path).isDirectory());
  const target = isFolder ? join(path, name) : path;
  if (existsSync(target)) throw new AppError("conflict", `${target} is there already. Choose another name.`);
  for (const folder of [config.dataDir, config.storageDir]) {
    if (!relative(folder, target).startsWith(`..${sep}`))
      throw new AppError("bad_request", `A backup inside ${folder} would go away with it. Choose another folder.`);
  }
  return target;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw toSentence(error);
  }
}

/** All of it or nothing: under another name until it is whole and on the disk. */
async function write(config: Config, boardFile: string, target: string, signal: AbortSignal): Promise<Manifest> {
  const part = `${target}.part`;
  const copy = join(dirname(target), `.${basename(target)}.db.part`);
  const facts: Facts = { files: [], missing: [] };
  try {
    copyBoard(boardFile, copy);
    const content = { config, copy, version: await productVersion(config.root), facts };
    let manifest: Manifest | null = null;
    const entries = entriesOf(content, (made) => void (manifest = made));
    const file = createWriteStream(part, { flags: "wx", mode: 0o600, flush: true });
    await pipeline(writeArchive(entries), createGzip({ level: GZIP_LEVEL }), file, { signal });
    await rename(part, target);
    syncFolder(dirname(target));
    if (manifest === null) throw new Error("The archive ended without its manifest.");
    return manifest;
  } catch (error) {
    await rm(part, { force: true });
    throw signal.aborted ? new AppError("cancelled", "Stopped. Nothing was kept.") : toSentence(error);
  } finally {
    for (const ending of ["", "-wal", "-shm"]) await rm(copy + ending, { force: true });
  }
}

/** Throws AppError `conflict` for a board that a restore would refuse: better now than then. */
function copyBoard(file: string, copy: string): void {
  const board = openBoard(file);
  try {
    const fault = schemaFault(board);
    if (fault !== null)
      throw new AppError(
        "conflict",
        `data/jobs.db has ${fault}. A restore would refuse that, so no backup was made. Undo what another program did to the board.`,
      );
    board.copyTo(copy);
  } finally {
    board.close();
  }
}

type Facts = { readonly files: FileFacts[]; readonly missing: Manifest["missing"] };
type Content = { readonly config: Config; readonly copy: string; readonly version: string; readonly facts: Facts };

/** The board first: what its rows name was written before them and is never changed, at most deleted meanwhile. */
async function* entriesOf(content: Content, onManifest: (manifest: Manifest) => void): AsyncGenerator<Entry> {
  const { config, copy, facts } = content;
  yield await entryOf(BOARD, await open(copy, "r"), facts);
  const board = openBoard(copy);
  try {
    for (const path of pathsOf(board)) {
      const source = await openFile(config.storageDir, path.name);
      if (typeof source !== "string") yield await entryOf(path.name, source, facts);
      else if (path.isOwed) facts.missing.push({ path: path.name, why: source });
    }
    const manifest = manifestOf(content, board);
    const bytes = Buffer.from(JSON.stringify(manifest));
    yield { name: MANIFEST, bytes: bytes.byteLength, chunks: once(bytes) };
    onManifest(manifest);
  } finally {
    board.close();
  }
}

/** Each path once. What a stranger's job names may never have been there. */
function* pathsOf(board: Board): Generator<{ name: string; isOwed: boolean }> {
  const told = new Set<string>();
  const fresh = (names: readonly string[], isOwed: boolean) =>
    names.filter((name) => !told.has(name) && told.add(name)).map((name) => ({ name, isOwed }));
  for (const names of namedFiles(board)) yield* fresh(names, true);
  for (const names of inputNames(board))
    yield* fresh(
      names.map((name) => `storage/uploads/${name}`),
      false,
    );
  for (const paths of resultFiles(board)) yield* fresh(paths, false);
}

function manifestOf({ version, facts }: Content, board: Board): Manifest {
  const { jobs = 0, conversations = 0 } = board.read(rowCounts);
  const [, ...files] = facts.files;
  const counts = {
    jobs,
    conversations,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  };
  return {
    product: "sandpiper",
    format: FORMAT,
    version,
    // What is opened is brought to it.
    schemaVersion: SCHEMA_VERSION,
    createdAt: new Date().toISOString(),
    counts,
    ...facts,
  };
}

/** A regular file that lies where it should, opened; or why there is none. */
async function openFile(storageDir: string, path: string): Promise<FileHandle | "gone" | "not-a-file" | "unreadable"> {
  const [place = "", ...names] = insideStorage(path)?.split("/") ?? [];
  if (names.length === 0) return "not-a-file";
  try {
    const real = await resolveInside([join(storageDir, place)], names.join("/"));
    return await open(real, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof AppError) return error.code === "not_found" ? "gone" : "not-a-file";
    if (systemCode(error) === "") throw error;
    return systemCode(error) === "ENOENT" ? "gone" : "unreadable";
  }
}

async function entryOf(name: string, file: FileHandle, facts: Facts): Promise<Entry> {
  const { size } = await file.stat();
  return { name, bytes: size, chunks: contentOf(name, file, size, facts) };
}

/** As many bytes as were announced: what a broken disk does not give is zeros, and the file counts as missing. */
async function* contentOf(name: string, file: FileHandle, bytes: number, facts: Facts): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let left = bytes;
  try {
    while (left > 0) {
      const chunk = await readSome(file, Math.min(left, CHUNK));
      if (chunk.byteLength === 0) break;
      hash.update(chunk);
      left -= chunk.byteLength;
      yield chunk;
    }
  } finally {
    await file.close();
  }
  if (left === 0) facts.files.push({ path: name, bytes, sha256: hash.digest("hex") });
  else if (name === BOARD) throw new AppError("unavailable", "The copy of the board could not be read back.");
  else facts.missing.push({ path: name, why: "unreadable" });
  for (; left > 0; left -= Math.min(left, CHUNK)) yield new Uint8Array(Math.min(left, CHUNK));
}

/** Nothing at the end of the file and where the disk fails. */
async function readSome(file: FileHandle, bytes: number): Promise<Uint8Array> {
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(bytes), 0, bytes);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (systemCode(error) === "") throw error;
    return new Uint8Array();
  }
}

async function* once(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}

function toSentence(error: unknown): unknown {
  if (["ENOSPC", "EDQUOT", "SQLITE_FULL"].includes(systemCode(error)))
    return new AppError("unavailable", "There is not enough room on that disk. Nothing was kept.", { cause: error });
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(systemCode(error)))
    return new AppError("config", "The board is damaged, so no backup was made. What is wrong: bun run doctor", {
      cause: error,
    });
  if (["EACCES", "EROFS", "EPERM", "EEXIST", "ENOTDIR"].includes(systemCode(error)))
    return new AppError("config", "That folder cannot be written. Choose another.", { cause: error });
  return error;
}
