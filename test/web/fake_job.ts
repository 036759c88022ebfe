// How a job of the fake core looks to people, and what can be asked of it.
import type { JobEvent, JobOutput, JobView } from "../../src/shared/types.ts";

export const EXAMPLES = [
  {
    file: "seattle-weather.csv",
    title: "Rainfall in Seattle",
    prompt: "Plot the monthly rainfall as a line chart",
    source: "NOAA, 2012–2015",
  },
  {
    file: "penguins.csv",
    title: "Penguins by species",
    prompt: "Compare body mass by species with a box plot",
    source: "Palmer Station LTER",
  },
  {
    file: "co2.csv",
    title: "Carbon dioxide since 1958",
    prompt: "Show the trend of CO₂ and its yearly swing",
    source: "Mauna Loa Observatory",
  },
] as const;

export function blankView(id: string, conversationId: string, prompt: string, createdAt: number): JobView {
  return {
    id,
    conversationId,
    prompt,
    createdAt,
    type: "code_exec",
    status: "pending",
    input: { prompt },
    output: null,
    updatedAt: null,
    understood: null,
    code: null,
    artifacts: [],
    steps: [],
    costUsd: 0,
    savedUsd: 0,
    durationMs: null,
    state: "ready",
    attempt: 0,
    runAt: null,
    progress: null,
    approvals: [],
    hosts: [],
  };
}

export function viewAfter(view: JobView, event: JobEvent): JobView {
  switch (event.kind) {
    case "job-started":
      return { ...view, status: "running", state: "running", attempt: event.attempt };
    case "job-retrying":
      return { ...view, status: "pending", state: "retrying", runAt: event.retryAt };
    case "job-requeued":
      return { ...view, status: "pending", state: "ready", runAt: null };
    case "progress-changed":
      return { ...view, progress: event.fraction };
    case "step-started":
      return { ...view, steps: [...view.steps, { step: event.step, title: event.title, durationMs: null }] };
    case "step-finished": {
      const { step, title, durationMs } = event;
      const others = view.steps.filter((known) => known.step !== step || known.durationMs !== null);
      return { ...view, steps: [...others, { step, title, durationMs }] };
    }
    case "code-written":
      return { ...view, understood: event.understood, code: event.code };
    case "artifact-available":
      return { ...view, artifacts: [...view.artifacts, event.artifact] };
    case "job-completed":
      return {
        ...view,
        status: "completed",
        state: "done",
        output: event.output,
        costUsd: event.costUsd,
        durationMs: 1_400,
      };
    case "job-failed":
      return {
        ...view,
        status: "failed",
        state: "failed",
        output: event.output,
        costUsd: event.costUsd,
        durationMs: 1_400,
      };
    case "approval-requested":
      return { ...view, approvals: [...view.approvals, { ...event.approval, decision: null }] };
    case "hosts-contacted":
      return { ...view, hosts: event.hosts };
    case "approval-decided":
    case "budget-warned":
    case "model-chosen":
    case "job-created":
    case "job-deleted":
    case "output-delta":
    case "text-delta":
      break;
  }
  return view;
}

export function outputOf(part: Partial<JobOutput> = {}): JobOutput {
  return { stdout: "", text: "", artifacts: [], ...part };
}
