// What no row names any more: found, and deleted.
import type { Stats } from "node:fs";
import { lstat, readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Board, Tx } from "./db.ts";
import { isAttemptFolder, resolveInside } from "./files.ts";
import { hasRow, inputNames, insideStorage, missingFiles, resultFiles, resultFilesOf } from "./storage.ts";

/** What no row names is left alone this long: of a message on its way the bytes are stored and the row is not yet. */
export const YOUNG_MS = 3_600_000;
/** So many names are looked at between two turns of the event loop. */
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
  const claims = createClaims(board);
  for (const names of batches(uploads)) {
    const unnamed = board.read((tx) => names.filter((name) => !hasRow(tx, `storage/uploads/${name}`)));
    const found = await lookAt(
      storageDir,
      unnamed.map((name) => `uploads/${name}`),
    );
    for (const orphan of oldFiles(found, now)) if (!(await claims()).has(`storage/${orphan.path}`)) yield orphan;
  }
  for (const folder of await entriesOf(storageDir, "outputs")) {
    const nobodys = (old: readonly Orphan[]) => unclaimed(board, folder, old, claims);
    yield* orphansBelow(board, storageDir, `outputs/${folder}`, now, nobodys);
  }
}

async function* orphansBelow(
  board: Board,
  storageDir: string,
  folder: string,
  now: number,
  nobodys: (old: readonly Orphan[]) => Promise<readonly Orphan[]>,
): AsyncGenerator<Orphan> {
  if (insideStorage(`storage/${folder}/name`) === null) return;
  for (const names of batches(await entriesOf(storageDir, folder))) {
    const paths = names.map((name) => `${folder}/${name}`);
    const unnamed = board.read((tx) => paths.filter((path) => !hasRow(tx, `storage/${path}`)));
    const found = await lookAt(storageDir, unnamed);
    yield* await nobodys(oldFiles(found, now));
    for (const { path, facts } of found)
      if (facts.isDirectory()) yield* orphansBelow(board, storageDir, path, now, nobodys);
  }
}

/** Those that no job names. The job whose folder it is is asked last: it may have ended since all were asked. */
async function unclaimed(
  board: Board,
  jobId: string,
  old: readonly Orphan[],
  claims: Claims,
): Promise<readonly Orphan[]> {
  if (old.length === 0) return old;
  const claimed = await claims();
  const own = board.read((tx) => resultFilesOf(tx, jobId));
  if (own === null) return [];
  const named = new Set(own);
  return old.filter(({ path }) => !claimed.has(`storage/${path}`) && !named.has(`storage/${path}`));
}

/**
 * Deletes the files of rows that are gone, by the paths that these had, unless something names them all the same. Uploads
 * that other programs put there under names of their own are theirs. What cannot be deleted now is left to the sweep.
 */
export async function removeUnnamed(board: Board, storageDir: string, paths: readonly string[]): Promise<void> {
  const claims = createClaims(board);
  for (const path of paths) {
    const [place = "", ...names] = insideStorage(path)?.split("/") ?? [];
    // Of an attempt's own folder nobody else knows.
    if (place === "uploads" && (!isOurs(names.join("/")) || (await claims()).has(path))) continue;
    const file = await resolveInside([join(storageDir, place)], names.join("/")).catch(() => null);
    if (file !== null && !board.read((tx) => hasRow(tx, path))) await succeeds(unlink(file));
  }
}

function* batches(names: readonly string[]): Generator<string[]> {
  for (let from = 0; from < names.length; from += BATCH) yield names.slice(from, from + BATCH);
}

const hasJob = (tx: Tx, id: string): boolean => tx.get("SELECT 1 FROM jobs WHERE id = ?", id) !== null;

/** Ids that we give to uploads, and parts of them that a crash left behind. */
const isOurs = (name: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.[^/]*)?$/.test(name) ||
  /^\..*\.part$/s.test(name);

/** Files that jobs name and no other row does, by the paths that a row would have. */
type Claims = () => Promise<ReadonlySet<string>>;

/** All jobs are asked, once, and only when something is in question. */
function createClaims(board: Board): Claims {
  let claims: Promise<ReadonlySet<string>> | null = null;
  return () => (claims ??= findClaims(board));
}

async function findClaims(board: Board): Promise<ReadonlySet<string>> {
  const claimed = new Set<string>();
  for (const names of inputNames(board)) {
    for (const name of names.filter(isOurs)) claimed.add(`storage/uploads/${name}`);
    await Bun.sleep(0);
  }
  for (const paths of resultFiles(board)) {
    for (const path of paths) claimed.add(path);
    await Bun.sleep(0);
  }
  return claimed;
}

type Found = { readonly path: string; readonly facts: Stats };

/** Files come and go while we look: what is not there any more is simply not in the answer. */
async function lookAt(storageDir: string, paths: readonly string[]): Promise<Found[]> {
  const found = paths.map(async (path): Promise<Found[]> => {
    const facts = await lstat(join(storageDir, path)).catch(() => null);
    return facts === null ? [] : [{ path, facts }];
  });
  return (await Promise.all(found)).flat();
}

const oldFiles = (found: readonly Found[], now: number): Orphan[] =>
  found
    .filter(({ facts }) => facts.isFile() && isOld(facts, now))
    .map(({ path, facts }) => ({ path, bytes: facts.size }));

/** By the later of both times: a copy may bring its source's mtime along. */
const isOld = (facts: { readonly mtimeMs: number; readonly ctimeMs: number }, now: number): boolean =>
  now - Math.max(facts.mtimeMs, facts.ctimeMs) >= YOUNG_MS;

/** Nothing for what is not a folder; a link to one is none. */
async function entriesOf(storageDir: string, folder: string): Promise<string[]> {
  const path = join(storageDir, folder);
  if ((await lstat(path).catch(() => null))?.isDirectory() !== true) return [];
  return readdir(path).catch(() => []);
}

/** Folders of attempts, and of jobs that are gone. rmdir refuses one that has something in it. */
async function removeEmptyFolders(board: Board, storageDir: string, now: number): Promise<void> {
  for (const names of batches(await entriesOf(storageDir, "outputs"))) {
    const gone = new Set(board.read((tx) => names.filter((name) => !hasJob(tx, name))));
    for (const name of names) {
      const attempts = (await entriesOf(storageDir, `outputs/${name}`)).filter(isAttemptFolder);
      const empty = [
        ...attempts.map((attempt) => `outputs/${name}/${attempt}`),
        ...(gone.has(name) ? [`outputs/${name}`] : []),
      ];
      for (const { path, facts } of await lookAt(storageDir, empty))
        if (facts.isDirectory() && isOld(facts, now)) await succeeds(rmdir(join(storageDir, path)));
    }
  }
}

async function succeeds(deletion: Promise<void>): Promise<boolean> {
  return deletion.then(
    () => true,
    () => false,
  );
}
