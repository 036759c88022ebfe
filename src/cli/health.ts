// What doctor and report both look at without running anything: the board and its storage. For programs of their own.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../shared/config.ts";
import { checkDatabase, openBoard, type Board } from "../shared/db.ts";
import { boardStatistics, mirrorMismatches, type Statistics } from "../shared/statistics.ts";
import { missingFiles, storageUsage, type StorageUsage } from "../shared/storage.ts";
import { orphansOf } from "../shared/sweep.ts";

export type Health = {
  readonly statistics: Statistics;
  /** Jobs whose public row and whose run say different things. */
  readonly mismatches: number;
  /** The write-ahead log beside the board. */
  readonly logBytes: number;
  readonly usage: StorageUsage;
  /** Files that no row names. */
  readonly orphans: number;
  readonly orphanBytes: number;
  /** Uploads and artifacts without their bytes. */
  readonly missing: number;
};

/** What SQLite finds wrong with the board, one sentence each; null when there is no board yet. */
export function findProblems(config: Config): string[] | null {
  const file = boardFile(config);
  return existsSync(file) ? checkDatabase(file) : null;
}

/** Throws AppError for a board that cannot be opened; makes one where there is none. */
export async function examine(config: Config, now: number): Promise<Health> {
  const file = boardFile(config);
  const board = openBoard(file);
  try {
    const rows = board.read((tx) => ({
      statistics: boardStatistics(tx),
      mismatches: mirrorMismatches(tx),
      usage: storageUsage(tx),
    }));
    const logBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    const missing = (await missingFiles(board, config.storageDir)).length;
    return { ...rows, logBytes, ...(await countOrphans(board, config.storageDir, now)), missing };
  } finally {
    board.close();
  }
}

const boardFile = (config: Config): string => join(config.dataDir, "jobs.db");

async function countOrphans(board: Board, storageDir: string, now: number) {
  let [orphans, orphanBytes] = [0, 0];
  for await (const { bytes } of orphansOf(board, storageDir, now)) {
    orphans += 1;
    orphanBytes += bytes;
  }
  return { orphans, orphanBytes };
}
