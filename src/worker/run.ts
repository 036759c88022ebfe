// One claimed job, from its row to its settlement. Whatever happens inside, the job ends and its sandbox is dead.
import { rm } from "node:fs/promises";
import { artifactsOfJob, forgetArtifacts } from "../shared/artifacts.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { AppError, toAppError } from "../shared/errors.ts";
import { handBackJob, recordArtifacts, settleJob, type Claim } from "../shared/jobs.ts";
import type { Log } from "../shared/log.ts";
import { JOB_TYPES, JobInput, type Artifact, type JobError, type JobOutput } from "../shared/types.ts";
import { createConsole } from "./console.ts";
import { handlers } from "./handlers/index.ts";
import type { ClaimedJob, JobContext, JobEnd } from "./handlers/handler.ts";
import { createReport } from "./report.ts";
import type { OpenedSandbox, Sandboxes } from "./sandboxes.ts";

export type Workplace = {
  readonly config: Config;
  readonly board: Board;
  readonly sandboxes: Sandboxes;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells core that there is something new in the table. */
  readonly nudge: () => void;
  /** Aborts when this process is to end. */
  readonly stop: AbortSignal;
};

/** How it looks when the sandbox, not the code in it, came to an end. */
const GONE = new Set(["sandbox", "unavailable"]);

/** `controller` is the job's own: its owner aborts it with an AppError as the reason. */
export async function runJob(place: Workplace, claim: Claim, controller: AbortController): Promise<void> {
  const { board, clock, config } = place;
  const startedAt = clock.monotonic();
  const report = createReport(board, claim, clock, place.nudge, () => controller.abort(leaseLost()));
  const outOfTime = setTimeout(() => controller.abort(tooLong(config)), config.jobTimeoutMs);
  const artifacts: Artifact[] = [];
  const opened: OpenedSandbox[] = [];
  const console = createConsole(report, config.maxOutputBytes);
  const context: JobContext = {
    config,
    board,
    report,
    console,
    signal: controller.signal,
    remainingMs: () => Math.max(1, config.jobTimeoutMs - (clock.monotonic() - startedAt)),
    openSandbox: async () => {
      const timeoutMs = context.remainingMs();
      const sandbox = await place.sandboxes.open({ jobId: claim.jobId, timeoutMs, signal: controller.signal });
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
  const costs = await Promise.all(opened.map((sandbox) => sandbox.close()));
  await report.flush();
  const error = end.error ?? null;
  // When everything is being stopped, the sandbox server may be gone first: the job is not to blame.
  if (place.stop.aborted && error !== null && GONE.has(error.code)) {
    await handBackJob(board, claim);
    place.nudge();
    place.log.info("job-handed-back", { job: claim.jobId });
    return;
  }
  const output: JobOutput = {
    stdout: console.stdout(),
    text: end.text,
    artifacts: artifacts.map((artifact) => artifact.path),
    ...(error === null ? {} : { error }),
  };
  const costMicroUsd = costs.reduce((sum, cost) => sum + cost, 0);
  const isOurs = await settleJob(board, claim, { output, error, costMicroUsd }, clock.now());
  place.nudge();
  place.log.info(isOurs ? "job-settled" : "job-lost", {
    job: claim.jobId,
    error: error?.code,
    ms: Math.round(clock.monotonic() - startedAt),
  });
}

/** Never throws: a failure is the job's end. */
async function attempt(place: Workplace, claim: Claim, context: JobContext): Promise<JobEnd> {
  try {
    const job = validate(claim);
    await clearEarlierAttempt(place, claim);
    return await handlers[job.type](job, context);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === "internal") place.log.error("job-broke", { job: claim.jobId, error: thrown });
    return { text: "", error: toJobError(error) };
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
  const paths = await place.board.write((tx) => forgetArtifacts(tx, claim.jobId));
  for (const path of paths) await rm(`${place.config.home}/${path}`, { force: true });
}

function toJobError(error: AppError): JobError {
  return { code: error.code, message: error.message, ...(error.detail === undefined ? {} : { detail: error.detail }) };
}

const tooLong = (config: Config) =>
  new AppError(
    "timeout",
    `This took longer than ${config.jobTimeoutMs / 1_000} s, so it was stopped. Ask for less, or raise SANDPIPER_JOB_SECONDS.`,
  );

const leaseLost = () => new AppError("conflict", "Another worker has taken this job over.");
