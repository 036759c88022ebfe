// `sandpiper restore FILE`: everything is checked beside what is there, then both change places; the old is kept.
import { existsSync, realpathSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findRunning } from "../main.ts";
import { loadConfig, readEnvironment, type Config } from "../shared/config.ts";
import { coreLock, holdLock } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import { stopSignal } from "../shared/stop.ts";
import { carryOut, decideSwaps, freeName, lockSwaps, type Journal, type Swap } from "../shared/swap.ts";
import type { Manifest } from "./manifest.ts";
import { printableLine } from "./printable.ts";
import { stampOf } from "./stamp.ts";
import { unpack } from "./unpack.ts";

export const usage = `restore FILE                   put a backup in the place of what is there, which is kept beside it`;

export async function restore(args: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1)
    throw new AppError("bad_request", `Which backup is to be put back?\n\n  ${usage}`);
  const config = loadConfig(readEnvironment());
  const file = fileOf(config, name);
  const release = await holdEverything(config);
  try {
    const earlier = carryOut(config.home);
    if (earlier !== null) console.log(`The restore that was interrupted has been finished.\n${toldOf(earlier)}`);
    if (earlier?.source !== file) await putBack(config, file, stopSignal());
  } finally {
    release();
  }
  return 0;
}

/** As it was given, or one of those in backups/. */
function fileOf(config: Config, name: string): string {
  const places = [resolve(config.callerDir, name), join(config.home, "backups", name)];
  const file = places.find((place) => statSync(place, { throwIfNoEntry: false })?.isFile() === true);
  if (file === undefined) throw new AppError("not_found", `There is no file ${places[0] ?? name}.`);
  return file;
}

/** Nobody works in this folder, and nobody begins to. */
async function holdEverything(config: Config): Promise<() => void> {
  const isRunning = new AppError("conflict", "Sandpiper is running in this folder. Stop it (Ctrl+C), then restore.");
  if ((await findRunning(config)) !== null) throw isRunning;
  const swaps = lockSwaps(config.home);
  try {
    const core = existsSync(config.dataDir) ? holdLock(coreLock(config)) : NOTHING;
    if (core === null) throw isRunning;
    return () => {
      core.release();
      swaps.release();
    };
  } catch (error) {
    swaps.release();
    throw error;
  }
}

/** There is no core without a folder for its lock. */
const NOTHING = { release: (): void => undefined };

async function putBack(config: Config, file: string, signal: AbortSignal): Promise<void> {
  const { data, storage } = foldersOf(config, stampOf(new Date()));
  const clear = async () => {
    for (const { staged } of [data, storage]) await rm(staged, { recursive: true, force: true });
  };
  await clear();
  let manifest: Manifest;
  try {
    manifest = await unpack(file, { data: data.staged, storage: storage.staged }, signal);
    decideSwaps(config.home, { source: file, swaps: [data, storage] });
  } catch (error) {
    await clear();
    throw error;
  }
  const journal = carryOut(config.home);
  const { jobs, conversations, files } = manifest.counts;
  console.log(
    `Restored the state of ${manifest.createdAt}: ${jobs} jobs, ${conversations} conversations, ${files} files.`,
  );
  if (journal !== null) console.log(toldOf(journal));
}

/** This machine's token and its keys of models stay its own, and what lies in storage/temp is not ours. */
function foldersOf(config: Config, stamp: string): { readonly data: Swap; readonly storage: Swap } {
  const swapOf = (folder: string, keep: string[]): Swap => {
    // A link stays, and what it leads to is changed.
    const target = existsSync(folder) ? realpathSync(folder) : folder;
    if (existsSync(folder) && statSync(target).dev !== statSync(dirname(target)).dev)
      throw new AppError(
        "unsupported",
        `${folder} is a disk of its own and cannot change places. Restore into another SANDPIPER_HOME and move the files.`,
      );
    return { target, staged: `${target}.restore`, before: freeName(`${target}.before-restore-${stamp}`), keep };
  };
  return { data: swapOf(config.dataDir, ["token", "models.json"]), storage: swapOf(config.storageDir, ["temp"]) };
}

function toldOf(journal: Journal): string {
  const kept = journal.swaps.map(({ before }) => before).filter((before) => existsSync(before));
  const old = kept.map((before) => printableLine(basename(before))).join(" and ");
  return (
    (kept.length === 0 ? "" : `What was there before is in ${old}; delete it when you do not need it any more.\n`) +
    "Jobs that were not finished when the backup was made run again at the next start."
  );
}
