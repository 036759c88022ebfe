// What many tests do with jobs: take one, end it, lose its worker, and read what was told.
import { claimJobs, type Claim } from "../../src/shared/claims.ts";
import type { Board } from "../../src/shared/db.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { readJob, readRun, type Run } from "../../src/shared/jobs.ts";
import type { Settlement } from "../../src/shared/moves.ts";
import { reclaimJobs } from "../../src/shared/recovery.ts";
import type { Job } from "../../src/shared/types.ts";

type Place = { readonly board: Board };

export const DONE: Settlement = {
  output: { stdout: "out", text: "t", artifacts: [] },
  error: null,
  costMicroUsd: 7,
};

export async function claimOne(place: Place, worker = "1-a", now = 2_000): Promise<Claim> {
  const [claim] = await claimJobs(place.board, worker, 1, now);
  if (claim === undefined) throw new Error("Nothing was claimed.");
  return claim;
}

/** Every worker is gone. */
export const loseWorkers = (place: Place, now = 3_000): Promise<string[]> => reclaimJobs(place.board, () => true, now);

export const jobOf = (place: Place, id: string): Job | null => place.board.read((tx) => readJob(tx, id));

export function runOf(place: Place, id: string): Run {
  const run = place.board.read((tx) => readRun(tx, id));
  if (run === null) throw new Error(`There is no job ${id}.`);
  return run;
}

export const kindsOf = (place: Place, id: string): string[] =>
  place.board.read((tx) => eventsAfter(tx, 0, 1_000, id)).map((event) => event.kind);
