// Room on the disk: how much is free, the floor below which nothing is begun, and a reserve for when it is full.
import { randomFillSync } from "node:crypto";
import { existsSync, rmSync, statfsSync, statSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config } from "./config.ts";
import { AppError, systemCode } from "./errors.ts";
import { mebibytes } from "./sizes.ts";

/** Enough to settle the jobs that run and to delete what is old. */
export const RESERVE_BYTES = 8 * 2 ** 20;

type Places = Pick<Config, "dataDir" | "storageDir" | "minFreeBytes">;

/** What may still be written where this folder lies, or will lie. */
export function freeBytes(folder: string): number {
  if (!existsSync(folder) && dirname(folder) !== folder) return freeBytes(dirname(folder));
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Below the floor: no job is begun and nothing new is accepted. data/ and storage/ may lie on different disks. */
export function isDiskLow(config: Places): boolean {
  return Math.min(freeBytes(config.dataDir), freeBytes(config.storageDir)) < config.minFreeBytes;
}

/** Throws AppError `unavailable` below the floor. */
export function assertDiskRoom(config: Places): void {
  if (isDiskLow(config)) throw new AppError("unavailable", diskLowSentence(config));
}

export function diskLowSentence(config: Places): string {
  const free = Math.min(freeBytes(config.dataDir), freeBytes(config.storageDir));
  return (
    `Only ${mebibytes(free)} are free on the disk and ${mebibytes(config.minFreeBytes)} must stay free, so nothing new ` +
    `is begun. Free some space, or lower SANDPIPER_MIN_FREE_MB.`
  );
}

export type Reserve = {
  /** Makes the reserve if there is none and room for it. True if it is there now. */
  readonly keep: () => Promise<boolean>;
  /**
   * The disk is full: gives the reserve up. True if it is there, or was when last seen (another process may have been the one
   * to delete it), so that what failed is worth one more try.
   */
  readonly release: () => boolean;
};

/** `data/reserve`: even a DELETE needs room in SQLite, so a full disk would keep us from making any. */
export function openReserve(config: Places): Reserve {
  const file = join(config.dataDir, "reserve");
  let wasThere = isWhole(file);

  const keep = async (): Promise<boolean> => {
    wasThere = isWhole(file) || (hasRoom(config) && (await make(file)));
    return wasThere;
  };

  const release = (): boolean => {
    const isWorthIt = wasThere || isWhole(file);
    rmSync(file, { force: true });
    wasThere = false;
    return isWorthIt;
  };

  return { keep, release };
}

/** Not at the edge of the floor: what the reserve takes must not be what stops the work. */
const hasRoom = (config: Places): boolean => freeBytes(config.dataDir) >= config.minFreeBytes + 2 * RESERVE_BYTES;

const isWhole = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.size === RESERVE_BYTES;

/** False if the disk became full meanwhile. */
async function make(file: string): Promise<boolean> {
  const part = `${file}.part`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await fill(part);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    // ENOENT: another process has renamed the part that both were writing.
    if (!["ENOSPC", "EDQUOT", "ENOENT"].includes(systemCode(error))) throw error;
  }
  return isWhole(file);
}

/** Noise: zeros would take no room where the file system compresses. */
async function fill(part: string): Promise<void> {
  const noise = randomFillSync(new Uint8Array(2 ** 20));
  await using file = await open(part, "w", 0o600);
  for (let written = 0; written < RESERVE_BYTES; written += noise.byteLength) await file.writeFile(noise);
  await file.sync();
}
