// What every job type's handler gets and gives.
import type { z } from "zod";
import type { Clock } from "../../shared/clock.ts";
import type { Board } from "../../shared/db.ts";
import type { Config } from "../../shared/config.ts";
import type { JobError, JobInput, JobType } from "../../shared/types.ts";
import type { Claim } from "../../shared/claims.ts";
import type { Model } from "../agent/model.ts";
import type { Budget } from "../budget.ts";
import type { Collected } from "../artifacts.ts";
import type { Console } from "../console.ts";
import type { Report } from "../report.ts";
import type { OpenedSandbox } from "../sandboxes.ts";

export type ClaimedJob = Claim & { readonly type: JobType; readonly input: z.infer<typeof JobInput> };

export type JobContext = {
  readonly config: Config;
  readonly board: Board;
  readonly clock: Clock;
  readonly report: Report;
  /** What the job's own code prints; kept for the result even when the job fails. */
  readonly console: Console;
  /** Aborted with an AppError as its reason: cancelled, out of time, or stopping. */
  readonly signal: AbortSignal;
  readonly remainingMs: () => number;
  /** In the order in which they are asked; none: the built-in planner does what it can. Throws AppError `config`. */
  readonly models: () => readonly Model[];
  /** Throws AppError `budget` before anything is spent that may not be. */
  readonly budget: Budget;
  readonly openSandbox: () => Promise<OpenedSandbox>;
  /** Writes the rows and tells people; kept for the result even when the job fails later. */
  readonly addArtifacts: (collected: Collected) => Promise<void>;
};

/** Who speaks where no model does. */
export const BUILT_IN = "built-in planner";

/** `text` is the answer in Markdown, `model` who gave it. An `error` fails the job but keeps everything else. */
export type JobEnd = { readonly text: string; readonly error?: JobError; readonly model?: string };

/** May also throw an AppError. */
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<JobEnd>;
