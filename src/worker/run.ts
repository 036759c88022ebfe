// One claimed job, from its row to its settlement. Whatever happens inside, the job ends and its sandbox is dead.
import { artifactsOfJob } from "../shared/artifacts.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { AppError, toAppError } from "../shared/errors.ts";
import { forgetEarlier, handBackJob, recordArtifacts, retryJob, settleJob, type Claim } from "../shared/claims.ts";
import { attemptsOf } from "../shared/jobs.ts";
import type { Log } from "../shared/log.ts";
import { removeUnnamed } from "../shared/sweep.ts";
import { JOB_TYPES, JobInput, type Artifact, type JobError, type JobOutput } from "../shared/types.ts";
import { createConsole } from "./console.ts";
import type { Model } from "./agent/model.ts";
import { createBudget } from "./budget.ts";
import type { Handlers } from "./handlers/index.ts";
import type { ClaimedJob, JobContext, JobEnd } from "./handlers/handler.ts";
import { createReport } from "./report.ts";
import { nextTry } from "./retry.ts";
import type { OpenedSandbox, Sandboxes } from "./sandboxes.ts";

export type Workplace = {
  readonly config: Config;
  readonly board: Board;
  readonly sandboxes: Sandboxes;
  readonly handlers: Handlers;
  /** Asked anew for each job: keys may come and go. */
  readonly models: () => readonly Model[];
  readonly clock: Clock;
  readonly log: Log;
  /** Tells core that there is something new in the table. */
  readonly nudge: () => void;
  /** Aborts when this process is to end. */
  readonly stop: AbortSignal;
};

/** How it looks when the sandbox, not the code in it, came to an end. */
const GONE = new Set(["sandbox", "unavailable"]);

/**
 * `controller` is the job's own: its owner aborts it with an AppError as the reason. `onEnding` is called when everything
 * is done but the writing of its end.
 */
export async function runJob(
  place: Workplace,
  claim: Claim,
  controller: AbortController,
  onEnding: () => void,
): Promise<void> {
  const { board, clock, config } = place;
  const startedAt = clock.monotonic();
  const limitMs = timeLimit(place, claim);
  const report = createReport(
    board,
    claim,
    clock,
    place.nudge,
    () => controller.abort(leaseLost()),
    (error) => place.log.error("events-lost", { job: claim.jobId, error }),
  );
  const outOfTime = setTimeout(() => controller.abort(tooLong(config, limitMs)), limitMs);
  const artifacts: Artifact[] = [];
  const opened: OpenedSandbox[] = [];
  const console = createConsole(report, config.maxOutputBytes);
  const context: JobContext = {
    config,
    models: place.models,
    budget: createBudget(board, config, claim, clock, report),
    board,
    clock,
    report,
    console,
    signal: controller.signal,
    remainingMs: () => Math.max(1, limitMs - (clock.monotonic() - startedAt)),
    openSandbox: async () => {
      const sandbox = await place.sandboxes.open(claim, context.remainingMs(), controller.signal, context.budget);
      opened.push(sandbox);
      return sandbox;
    },
    addArtifacts: async (collected) => {
      // What was told before comes before.
      await report.flush();
      if (!(await recordArtifacts(board, claim, collected.artifacts, clock.now()))) throw leaseLost();
      artifacts.push(...collected.artifacts);
      place.nudge();
    },
  };
  const end = await attempt(place, claim, context);
  clearTimeout(outOfTime);
  await Promise.all(opened.map((sandbox) => sandbox.close()));
  await report.flush();
  const output = outputOf(end, console.stdout(), artifacts);
  onEnding();
  const outcome = await conclude(place, claim, end, output);
  place.nudge();
  place.log.info(outcome, {
    job: claim.jobId,
    attempt: claim.attempt,
    error: end.error?.code,
    ms: Math.round(clock.monotonic() - startedAt),
  });
}

function outputOf({ text, model }: JobEnd, stdout: string, artifacts: readonly Artifact[]): JobOutput {
  const paths = artifacts.map((artifact) => artifact.path);
  return { stdout, text, artifacts: paths, ...(model === undefined ? {} : { model }) };
}

type Outcome = "job-settled" | "job-retrying" | "job-handed-back" | "job-lost";

/** Back to the board if the job is not to blame, else its end. */
async function conclude(place: Workplace, claim: Claim, end: Attempted, output: JobOutput): Promise<Outcome> {
  const { board } = place;
  const now = place.clock.now();
  const error = end.error ?? null;
  // When everything is being stopped, the sandbox server may be gone first.
  if (place.stop.aborted && error !== null && GONE.has(error.code))
    return (await handBackJob(board, claim, now)) ? "job-handed-back" : "job-lost";
  const again = end.thrown === null ? null : nextTry(claim, end.thrown, retriesInARow(place, claim), Math.random());
  if (error !== null && again !== null) {
    const retry = { error, runAt: now + again.delayMs, isCounted: again.isCounted };
    return (await retryJob(board, claim, retry, now)) ? "job-retrying" : "job-lost";
  }
  const settlement = { output: error === null ? output : { ...output, error }, error };
  return (await settleJob(board, claim, settlement, now)) ? "job-settled" : "job-lost";
}

/** A job that is run again by hand begins anew with short waits. */
function retriesInARow({ board }: Workplace, claim: Claim): number {
  const attempts = board.read((tx) => attemptsOf(tx, claim.jobId));
  return attempts.length - 1 - attempts.findLastIndex(({ outcome }) => outcome !== "retrying");
}

function timeLimit({ config, clock }: Workplace, claim: Claim): number {
  return claim.deadlineAt === null
    ? config.jobTimeoutMs
    : Math.min(config.jobTimeoutMs, Math.max(0, claim.deadlineAt - clock.now()));
}

/** `thrown` is what ended it early, if something did. */
type Attempted = JobEnd & { readonly thrown: AppError | null };

/** Never throws: a failure is the job's end. */
async function attempt(place: Workplace, claim: Claim, context: JobContext): Promise<Attempted> {
  try {
    const job = validate(claim);
    await clearEarlierAttempt(place, claim);
    return { ...(await place.handlers[job.type](job, context)), thrown: null };
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === "internal") place.log.error("job-broke", { job: claim.jobId, error: thrown });
    return { text: "", error: toJobError(error), thrown: error };
  }
}

/** Any program may have written the row. */
function validate(claim: Claim): ClaimedJob {
  const type = JOB_TYPES.find((one) => one === claim.type);
  if (type === undefined)
    throw new AppError(
      "bad_request",
      `There is no job type “${claim.type.slice(0, 100)}”. Use one of: ${JOB_TYPES.join(", ")}.`,
    );
  if (claim.input === undefined || typeof claim.input !== "object" || claim.input === null)
    throw new AppError(
      "bad_request",
      'input_context is not a JSON object. It must be like {"code": "print(1)"} or {"files": ["data.csv"]}.',
    );
  const parsed = JobInput.safeParse(claim.input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AppError(
      "bad_request",
      `input_context is wrong at “${issue?.path.join(".") ?? ""}”: ${issue?.message ?? "not as agreed"}.`,
    );
  }
  return { ...claim, type, input: parsed.data };
}

async function clearEarlierAttempt(place: Workplace, claim: Claim): Promise<void> {
  if (place.board.read((tx) => artifactsOfJob(tx, claim.jobId)).length === 0) return;
  const paths = await forgetEarlier(place.board, claim);
  if (paths === null) throw leaseLost();
  await removeUnnamed(place.board, place.config.storageDir, paths);
}

function toJobError(error: AppError): JobError {
  return { code: error.code, message: error.message, ...(error.detail === undefined ? {} : { detail: error.detail }) };
}

const tooLong = (config: Config, limitMs: number) =>
  new AppError(
    "timeout",
    limitMs < config.jobTimeoutMs
      ? "Its deadline came before it was done, so it was stopped."
      : `This took longer than ${limitMs / 1_000} s, so it was stopped. Ask for less, or raise SANDPIPER_JOB_SECONDS.`,
  );

const leaseLost = () => new AppError("conflict", "This job is not this worker's any more.");
