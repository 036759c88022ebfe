// Files and words, or a person's own code → Python in a sandbox → an answer and its artifacts.
import { plan } from "../../planner/planner.ts";
import { AppError } from "../../shared/errors.ts";
import { runAgent } from "../agent/agent.ts";
import { ModelError, type Model } from "../agent/model.ts";
import { findInputs } from "../inputs.ts";
import { profileFiles, runPlan, toJobError, withNotes } from "../planned.ts";
import { openWorkbench, type Workbench } from "../workbench.ts";
import { BUILT_IN, type ClaimedJob, type JobContext, type JobEnd, type JobHandler } from "./handler.ts";

export const codeExec: JobHandler = async (job, context) => {
  const { prompt, code, files: names = [] } = job.input;
  if (code !== undefined) return await runOwnCode(job, context, code);
  const models = context.models();
  if (models.length > 0) return await runAgentOr(job, context, models, () => runPlanned(job, context));
  if (names.length === 0) return { text: needsFile(prompt) };
  return await runPlanned(job, context);
};

/** A model that cannot be asked is no reason to do nothing: what the planner can do, it does, and says why. */
export async function runAgentOr(
  job: ClaimedJob,
  context: JobContext,
  models: readonly Model[],
  otherwise: () => Promise<JobEnd>,
): Promise<JobEnd> {
  try {
    return await runAgent(job, context, models);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    context.report.emit({ kind: "model-chosen", model: BUILT_IN, reason: error.message });
    const end = await otherwise();
    return { ...end, text: withNotes(end.text, [`*${error.message} So the built-in planner answered.*`]) };
  }
}

async function runOwnCode(job: ClaimedJob, context: JobContext, code: string): Promise<JobEnd> {
  const files = await findInputs(job.input.files ?? [], context.config, context.board);
  await using bench = openWorkbench(job, context, { files, isPlanned: false });
  await bench.sandbox();
  context.report.emit({ kind: "code-written", understood: "I ran your code as it is.", code });
  const ran = await bench.run({ kind: "python", code, title: "Running your code" });
  if (ran.outcome.error !== null) return { text: "", error: toJobError(ran.outcome.error, "Your code") };
  const value = ran.outcome.results.findLast((result) => result.isMain)?.text ?? null;
  const text =
    value === null ? "Your code ran to its end." : `Your code ran to its end. Its last value:\n\n${fenced(value)}`;
  return { text: withNotes(text, ran.notes) };
}

async function runPlanned(job: ClaimedJob, context: JobContext): Promise<JobEnd> {
  const { prompt = "", files: names = [] } = job.input;
  if (names.length === 0) return { text: needsFile(prompt), model: BUILT_IN };
  const files = await findInputs(names, context.config, context.board);
  await using bench = openWorkbench(job, context, { files, isPlanned: true });
  await bench.sandbox();
  const profiled = await profileFiles(context, bench, files);
  const planned = plan({ prompt, ...profiled });
  if (planned.kind === "refuse") throw new AppError("bad_request", planned.message);
  if (planned.kind === "ask") return { text: question(planned), model: BUILT_IN };
  const first = await runPlan(context, bench, planned.plan, planned.understood);
  if (first.error === undefined || planned.plan.kind === "overview") return { ...first, model: BUILT_IN };
  return (await overviewInstead(context, bench, profiled, first.error.message)) ?? first;
}

async function overviewInstead(
  context: JobContext,
  bench: Workbench,
  profiled: Awaited<ReturnType<typeof profileFiles>>,
  why: string,
): Promise<JobEnd | null> {
  const overview = plan({ prompt: "", ...profiled });
  if (overview.kind !== "plan") return null;
  const second = await runPlan(context, bench, overview.plan, overview.understood);
  if (second.error !== undefined) return null;
  const text = `What you asked for did not work out (${why}) Here is an overview instead.\n\n${second.text}`;
  return { text, model: BUILT_IN };
}

function needsFile(prompt: string | undefined): string {
  const asked = prompt === undefined ? "There is nothing to do yet" : "I need a file for that";
  return `${asked}. Send a CSV, TSV, JSON, Excel or Parquet file along, or Python code to run.`;
}

function question(planned: { readonly question: string; readonly suggestions: readonly string[] }): string {
  return [planned.question, ...planned.suggestions.map((one) => `- ${one}`)].join("\n");
}

/** A code fence that is longer than any run of backticks inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.slice(0, 20_000)}\n${fence}`;
}
