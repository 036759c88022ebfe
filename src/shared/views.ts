// A job as people see it: the row, its artifacts, and what its events say in the end.
import { approvalsOfJob } from "./approvals.ts";
import { artifactsOfJob } from "./artifacts.ts";
import type { Tx } from "./db.ts";
import { outlineOf } from "./events.ts";
import { hostsOfJob } from "./hosts.ts";
import { readRun, type Run } from "./jobs.ts";
import { savedByJob } from "./spend.ts";
import type { Job, JobEvent, JobView, StepName } from "./types.ts";

type Step = { readonly step: StepName; readonly title: string; readonly durationMs: number | null };

export function viewJob(tx: Tx, job: Job): JobView {
  const events = outlineOf(tx, job.id);
  const run = readRun(tx, job.id);
  const written = events.findLast((event) => event.kind === "code-written");
  return {
    ...job,
    prompt: job.input.prompt ?? "",
    understood: written?.understood ?? null,
    code: written?.code ?? job.input.code ?? null,
    artifacts: artifactsOfJob(tx, job.id),
    steps: stepsOf(events),
    costUsd: (run?.costMicroUsd ?? 0) / 1e6,
    savedUsd: savedByJob(tx, job.id) / 1e6,
    durationMs: durationOf(run),
    state: run?.state ?? "ready",
    attempt: run?.attempt ?? 0,
    runAt: run?.runAt ?? null,
    progress: run?.progress ?? null,
    approvals: approvalsOfJob(tx, job.id),
    hosts: hostsOfJob(tx, job.id).map(({ host, verdict }) => (verdict === "allowed" ? host : `${host} (refused)`)),
  };
}

function durationOf(run: Run | null): number | null {
  return run?.startedAt != null && run.finishedAt !== null ? run.finishedAt - run.startedAt : null;
}

/** The steps of the last attempt, in order; a step that has not finished has no duration. */
function stepsOf(events: readonly JobEvent[]): Step[] {
  const start = events.findLastIndex((event) => event.kind === "job-started");
  const steps: Step[] = [];
  for (const event of events.slice(start + 1)) {
    if (event.kind === "step-started") steps.push({ step: event.step, title: event.title, durationMs: null });
    if (event.kind !== "step-finished") continue;
    const index = steps.findLastIndex((one) => one.step === event.step);
    if (index >= 0) steps[index] = { step: event.step, title: event.title, durationMs: event.durationMs };
  }
  return steps;
}
