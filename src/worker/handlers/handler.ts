// What every job type's handler gets and gives.
import type { z } from "zod";
import type { Board } from "../../shared/db.ts";
import type { Config } from "../../shared/config.ts";
import type { JobError, JobInput, JobType } from "../../shared/types.ts";
import type { Claim } from "../../shared/claims.ts";
import type { Collected } from "../artifacts.ts";
import type { Console } from "../console.ts";
import type { Report } from "../report.ts";
import type { OpenedSandbox } from "../sandboxes.ts";

export type ClaimedJob = Claim & { readonly type: JobType; readonly input: z.infer<typeof JobInput> };

export type JobContext = {
  readonly config: Config;
  readonly board: Board;
  readonly report: Report;
  /** What the job's own code prints; kept for the result even when the job fails. */
  readonly console: Console;
  /** Aborted with an AppError as its reason: cancelled, out of time, or stopping. */
  readonly signal: AbortSignal;
  readonly remainingMs: () => number;
  readonly openSandbox: () => Promise<OpenedSandbox>;
  /** Writes the rows and tells people; kept for the result even when the job fails later. */
  readonly addArtifacts: (collected: Collected) => Promise<void>;
};

/** `text` is the answer in Markdown. An `error` fails the job but keeps everything else. */
export type JobEnd = { readonly text: string; readonly error?: JobError };

/** May also throw an AppError. */
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<JobEnd>;
