// What the planner's part of a job is made of: the facts of the files, a plan made into code and run, an answer from what it printed.
import { answer } from "../planner/answer.ts";
import type { Plan } from "../planner/plan.ts";
import { parseCapabilities, parseProfiles, profileCode, type FileProfile } from "../planner/profile.ts";
import { render } from "../planner/render.ts";
import { AppError } from "../shared/errors.ts";
import type { JobError } from "../shared/types.ts";
import type { RunError } from "./e2b_client.ts";
import type { JobContext, JobEnd } from "./handlers/handler.ts";
import type { InputFile } from "./inputs.ts";
import type { Workbench } from "./workbench.ts";

export type Profiled = {
  readonly files: readonly FileProfile[];
  readonly capabilities: ReturnType<typeof parseCapabilities>;
};

/** A step of the job. Throws AppError `sandbox`. */
export async function profileFiles(
  { report }: JobContext,
  bench: Workbench,
  files: readonly InputFile[],
): Promise<Profiled> {
  const profiled = await report.step("profile", titleOfProfile(files), async () => {
    const code = profileCode(files.map((file) => ({ path: file.target, name: file.name })));
    const { outcome, stdout } = await bench.look(code);
    if (outcome.error !== null)
      throw new AppError("sandbox", "The file could not be looked at.", { detail: outcome.error.traceback });
    return { files: parseProfiles(stdout), capabilities: parseCapabilities(stdout) };
  });
  bench.meter("profile");
  return profiled;
}

/** Renders and runs it; the answer is made of what it printed. */
export async function runPlan(
  { report }: JobContext,
  bench: Workbench,
  chosen: Plan,
  understood: string,
): Promise<JobEnd> {
  const code = render(chosen);
  report.emit({ kind: "code-written", understood, code });
  const ran = await bench.run({ kind: "python", code, title: "Running the code" });
  if (ran.outcome.error !== null) return { text: "", error: toJobError(ran.outcome.error, "The code") };
  return { text: withNotes(answer(chosen, { stdout: ran.stdout }), ran.notes) };
}

export function toJobError(error: RunError, subject: string): JobError {
  const value = error.value.length > 500 ? `${error.value.slice(0, 500)}…` : error.value;
  return { code: "code", message: `${subject} stopped with ${error.name}: ${value}`, detail: error.traceback };
}

const titleOfProfile = (files: readonly InputFile[]): string =>
  files.length === 1 ? `Reading ${files[0]?.name ?? "the file"}` : `Reading ${files.length} files`;

export function withNotes(text: string, notes: readonly string[]): string {
  return [text, ...notes].join("\n\n");
}
