// One job as the commands see it: its row, its run, and the beginning of its id that is enough to name it.
import type { Board, Tx } from "../../shared/db.ts";
import { AppError } from "../../shared/errors.ts";
import { eventsAfter } from "../../shared/events.ts";
import { readJob, readRun, type Run } from "../../shared/jobs.ts";
import { jobsNamed, shortId } from "../../shared/prefixes.ts";
import type { Job } from "../../shared/types.ts";
import { printableLine } from "../printable.ts";

export type Entry = {
  readonly job: Job;
  readonly run: Run;
  readonly shortId: string;
  /** By its first event: what strangers write into `created_at` may be seconds, or nothing. */
  readonly createdAt: number | null;
};

export function toEntry(tx: Tx, job: Job): Entry {
  const run = readRun(tx, job.id);
  if (run === null) throw new AppError("internal", `The job ${printableLine(job.id)} has no run. Try: bun run doctor`);
  return { job, run, shortId: shortId(tx, job.id), createdAt: eventsAfter(tx, 0, 1, job.id)[0]?.at ?? null };
}

export function readEntry(tx: Tx, id: string): Entry {
  const job = readJob(tx, id);
  if (job === null) throw unknown(id);
  return toEntry(tx, job);
}

/** The one job whose id is this or begins with it. Throws AppError `not_found`, or `bad_request` when there are several. */
export function findId(board: Board, prefix: string): string {
  const found = prefix === "" ? [] : board.read((tx) => jobsNamed(tx, prefix, 2));
  const [id] = found;
  if (id === undefined) throw unknown(prefix);
  if (found.length === 1) return id;
  throw new AppError(
    "bad_request",
    `Several jobs begin with “${printableLine(prefix)}”. Give more of the id: bun run jobs -- list`,
  );
}

const unknown = (id: string) =>
  new AppError("not_found", `There is no job “${printableLine(id)}”. See: bun run jobs -- list`);
