// Putting whole folders in the place of others so that a kill at any moment leaves the old or the new. What has been decided
// is in a journal; whoever comes next (the next start, the next restore) finishes it.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { holdLock, type Lock } from "./db.ts";
import { AppError } from "./errors.ts";
import { syncFolder } from "./files.ts";
import { parseJson } from "./rows.ts";

const Swap = z.object({
  /** Where the folder is to be; there may be one now. */
  target: z.string(),
  /** The new one, complete, on the same disk. */
  staged: z.string(),
  /** Where the old one goes. */
  before: z.string(),
  /** What of the old one goes into the new one, if it has none of that name. */
  keep: z.array(z.string()),
});
const Journal = z.object({ source: z.string(), swaps: z.array(Swap) });
export type Swap = Readonly<z.infer<typeof Swap>>;
/** `source` is what the new folders were made from. */
export type Journal = { readonly source: string; readonly swaps: readonly Swap[] };

const journalFile = (home: string): string => join(home, "restore.json");
const lockFile = (home: string): string => join(home, "restore.lock");

/** Finishes what was decided before a crash, and says what it was; null if there was nothing. Before anything is opened. */
export function finishSwaps(home: string): Journal | null {
  if (!existsSync(journalFile(home))) return null;
  const lock = lockSwaps(home);
  try {
    return carryOut(home);
  } finally {
    lock.release();
  }
}

/** Throws AppError `conflict` if somebody else is at it. */
export function lockSwaps(home: string): Lock {
  const lock = holdLock(lockFile(home));
  if (lock === null)
    throw new AppError("conflict", "A backup is being put back in this folder. Wait until that is done.");
  return {
    release: () => {
      rmSync(lockFile(home), { force: true });
      lock.release();
    },
  };
}

/** From here on there is no way back. The caller has the lock, and the staged folders are on the disk. */
export function decideSwaps(home: string, journal: Journal): void {
  const part = `${journalFile(home)}.part`;
  writeFileSync(part, JSON.stringify(journal), { mode: 0o600, flush: true });
  for (const { staged } of journal.swaps) syncFolder(dirname(staged));
  renameSync(part, journalFile(home));
  syncFolder(home);
}

/** Every step looks at what is there, so it may be begun again anywhere. The caller has the lock. */
export function carryOut(home: string): Journal | null {
  const journal = readJournal(home);
  for (const swap of journal?.swaps ?? []) {
    if (existsSync(swap.staged)) {
      if (existsSync(swap.target)) renameSync(swap.target, freeName(swap.before));
      renameSync(swap.staged, swap.target);
    }
    for (const name of swap.keep) {
      const [from, to] = [join(swap.before, name), join(swap.target, name)];
      if (existsSync(from) && !existsSync(to)) renameSync(from, to);
    }
    for (const folder of [swap.target, dirname(swap.target)]) syncFolder(folder);
  }
  rmSync(journalFile(home), { force: true });
  return journal;
}

function readJournal(home: string): Journal | null {
  const file = journalFile(home);
  if (!existsSync(file)) return null;
  const journal = Journal.safeParse(parseJson(readFileSync(file, "utf8")));
  if (journal.success) return journal.data;
  throw new AppError("config", `${file} is not ours. Move it away, then start again.`);
}

/** Nobody has this name: a program that was started between two steps may have made a folder anew. */
export function freeName(path: string): string {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? path : `${path}-${count}`;
    if (!existsSync(candidate)) return candidate;
  }
}
