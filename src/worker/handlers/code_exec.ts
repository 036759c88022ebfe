// Files and words, or a person's own code → Python in a sandbox → an answer and its artifacts.
import { answer } from "../../planner/answer.ts";
import type { Plan } from "../../planner/plan.ts";
import { plan } from "../../planner/planner.ts";
import { parseCapabilities, parseProfiles, profileCode, type FileProfile } from "../../planner/profile.ts";
import { render } from "../../planner/render.ts";
import { AppError } from "../../shared/errors.ts";
import { attemptFolder } from "../../shared/files.ts";
import { storageRoom } from "../../shared/storage.ts";
import type { JobError, StepName } from "../../shared/types.ts";
import { collect, snapshot, type Outputs } from "../artifacts.ts";
import { createConsole } from "../console.ts";
import type { JobSandbox, RunError, RunOutcome } from "../e2b_client.ts";
import { findInputs, type InputFile } from "../inputs.ts";
import type { Report } from "../report.ts";
import type { ClaimedJob, JobContext, JobEnd, JobHandler } from "./handler.ts";

/** The profile is one line of at most 16 KiB a file; the rest of its output is of no interest. */
const MAX_PROFILE_BYTES = 2 ** 20;

/** How long the steps take, in hundredths of the whole: a chart from a small file, measured on this machine's own sandbox. */
const WEIGHTS = { sandbox: 3, upload: 2, profile: 12, run: 80, collect: 3 } as const satisfies {
  readonly [step in StepName]?: number;
};
type Step = keyof typeof WEIGHTS;

/** `share` of this step is done. */
type Meter = (step: Step, share?: number) => void;

/** What every part of the work needs. */
type Work = {
  readonly job: ClaimedJob;
  readonly context: JobContext;
  readonly sandbox: JobSandbox;
  readonly meter: Meter;
};

export const codeExec: JobHandler = async (job, context) => {
  const { prompt, code, files: names = [] } = job.input;
  if (code === undefined && names.length === 0) return { text: needsFile(prompt) };
  const files = await findInputs(names, context.config, context.board);
  const { report } = context;
  const meter = createMeter(report, { hasFiles: files.length > 0, isPlanned: code === undefined });
  await using sandbox = await report.step("sandbox", "Preparing a sealed sandbox", context.openSandbox);
  meter("sandbox");
  const work: Work = { job, context, sandbox, meter };
  if (files.length > 0) await report.step("upload", titleOfUpload(files), () => upload(work, files));
  if (code !== undefined) return await runOwnCode(work, code);
  return await runPlanned(work, files, prompt ?? "");
};

/** Told is only what has been done: within a step that says nothing of itself nothing moves. */
function createMeter(report: Report, job: { readonly hasFiles: boolean; readonly isPlanned: boolean }): Meter {
  const { upload, profile } = WEIGHTS;
  const total = 100 - (job.hasFiles ? 0 : upload) - (job.isPlanned ? 0 : profile);
  const done = new Map<Step, number>();
  return (step, share = 1) => {
    done.set(step, share * WEIGHTS[step]);
    report.progress(done.values().reduce((sum, one) => sum + one, 0) / total);
  };
}

async function upload({ sandbox, meter }: Work, files: readonly InputFile[]): Promise<void> {
  const sizes = files.map((file) => Bun.file(file.source).size);
  const total = Math.max(
    1,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  let copied = 0;
  for (const [index, file] of files.entries()) {
    await sandbox.upload(file.target, file.source);
    copied += sizes[index] ?? 0;
    meter("upload", copied / total);
  }
}

async function runOwnCode(work: Work, code: string): Promise<JobEnd> {
  work.context.report.emit({ kind: "code-written", understood: "I ran your code as it is.", code });
  const ran = await run(work, code, "Running your code");
  if (ran.outcome.error !== null) return { text: "", error: toJobError(ran.outcome.error, "Your code") };
  const value = ran.outcome.results.findLast((result) => result.isMain)?.text ?? null;
  const text =
    value === null ? "Your code ran to its end." : `Your code ran to its end. Its last value:\n\n${fenced(value)}`;
  return { text: withNotes(text, ran.notes) };
}

async function runPlanned(work: Work, files: readonly InputFile[], prompt: string): Promise<JobEnd> {
  const { report } = work.context;
  const profiled = await report.step("profile", titleOfProfile(files), () => profile(work, files));
  work.meter("profile");
  const planned = plan({ prompt, ...profiled });
  if (planned.kind === "refuse") throw new AppError("bad_request", planned.message);
  if (planned.kind === "ask") return { text: question(planned) };
  const first = await runPlan(work, planned.plan, planned.understood);
  if (first.error === undefined || planned.plan.kind === "overview") return first;
  const overview = plan({ prompt: "", ...profiled });
  if (overview.kind !== "plan") return first;
  const second = await runPlan(work, overview.plan, overview.understood);
  if (second.error !== undefined) return first;
  return {
    text: `What you asked for did not work out (${first.error.message}) Here is an overview instead.\n\n${second.text}`,
  };
}

type Profiled = { readonly files: readonly FileProfile[]; readonly capabilities: ReturnType<typeof parseCapabilities> };

async function profile({ context, sandbox }: Work, files: readonly InputFile[]): Promise<Profiled> {
  const output = createConsole(null, MAX_PROFILE_BYTES);
  const code = profileCode(files.map((file) => ({ path: file.target, name: file.name })));
  const outcome = await sandbox.run(code, { timeoutMs: context.remainingMs(), onOutput: output.write });
  if (outcome.error !== null)
    throw new AppError("sandbox", "The file could not be looked at.", { detail: outcome.error.traceback });
  const stdout = output.stdout();
  return { files: parseProfiles(stdout), capabilities: parseCapabilities(stdout) };
}

async function runPlan(work: Work, chosen: Plan, understood: string): Promise<JobEnd> {
  const code = render(chosen);
  work.context.report.emit({ kind: "code-written", understood, code });
  const ran = await run(work, code, "Running the code");
  if (ran.outcome.error !== null) return { text: "", error: toJobError(ran.outcome.error, "The code") };
  return { text: withNotes(answer(chosen, { stdout: ran.stdout }), ran.notes) };
}

type Ran = { readonly outcome: RunOutcome; readonly stdout: string; readonly notes: readonly string[] };

async function run(work: Work, code: string, title: string): Promise<Ran> {
  const { context, sandbox, meter } = work;
  const { report } = context;
  const own = createConsole(null, context.config.maxOutputBytes);
  const { before, outcome } = await report.step("run", title, async () => {
    const before = await snapshot(sandbox);
    const onOutput = (stream: "stdout" | "stderr", text: string) => {
      context.console.write(stream, text);
      if (stream === "stdout") own.write(stream, text);
    };
    return { before, outcome: await sandbox.run(code, { timeoutMs: context.remainingMs(), onOutput }) };
  });
  meter("run");
  const notes = await report.step("collect", "Collecting what came out", async () => {
    const collected = await collect(sandbox, before, outcome.results, outputsOf(work));
    await context.addArtifacts(collected);
    return collected.notes;
  });
  meter("collect");
  return { outcome, stdout: own.stdout(), notes };
}

function outputsOf({ job, context }: Work): Outputs {
  const shownAs = `storage/outputs/${attemptFolder(job)}`;
  return {
    jobId: job.jobId,
    folder: `${context.config.home}/${shownAs}`,
    shownAs,
    maxBytes: context.config.maxArtifactBytes,
    roomBytes: context.board.read((tx) => storageRoom(tx, context.config)),
  };
}

function toJobError(error: RunError, subject: string): JobError {
  const value = error.value.length > 500 ? `${error.value.slice(0, 500)}…` : error.value;
  return { code: "code", message: `${subject} stopped with ${error.name}: ${value}`, detail: error.traceback };
}

const titleOfUpload = (files: readonly InputFile[]): string =>
  files.length === 1 ? `Copying ${files[0]?.name ?? "the file"} into it` : `Copying ${files.length} files into it`;

const titleOfProfile = (files: readonly InputFile[]): string =>
  files.length === 1 ? `Reading ${files[0]?.name ?? "the file"}` : `Reading ${files.length} files`;

function needsFile(prompt: string | undefined): string {
  const asked = prompt === undefined ? "There is nothing to do yet" : "I need a file for that";
  return `${asked}. Send a CSV, TSV, JSON, Excel or Parquet file along, or Python code to run.`;
}

function question(planned: { readonly question: string; readonly suggestions: readonly string[] }): string {
  return [planned.question, ...planned.suggestions.map((one) => `- ${one}`)].join("\n");
}

function withNotes(text: string, notes: readonly string[]): string {
  return [text, ...notes].join("\n\n");
}

/** A code fence that is longer than any run of backticks inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.slice(0, 20_000)}\n${fence}`;
}
