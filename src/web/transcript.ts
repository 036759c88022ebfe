// One question and its answer ("turn"), and how events change it. Pure: the same events give the same turn on every tab.
import type {
  Artifact,
  JobError,
  JobEvent,
  JobStatus,
  JobView,
  Message,
  StepName,
  UploadedFile,
} from "../shared/types.ts";
import { appendOutput, emptyOutput, outputOf, type Output } from "./output.ts";

export type Step = {
  readonly step: StepName;
  readonly title: string;
  readonly startedAt: number | null;
  readonly durationMs: number | null;
};

/** `sending` and `unsent` exist on this page alone: core does not know of the message yet. */
export type TurnStatus = "sending" | "unsent" | JobStatus;

export type Turn = {
  readonly jobId: string | null;
  readonly prompt: string;
  readonly files: readonly Pick<UploadedFile, "id" | "name" | "bytes">[];
  readonly createdAt: number;
  readonly status: TurnStatus;
  readonly steps: readonly Step[];
  readonly understood: string | null;
  readonly code: string | null;
  readonly output: Output;
  readonly text: string;
  readonly artifacts: readonly Artifact[];
  readonly error: JobError | null;
  readonly costUsd: number;
  readonly startedAt: number | null;
  readonly durationMs: number | null;
};

const BLANK: Omit<Turn, "prompt" | "files" | "createdAt" | "status"> = {
  jobId: null,
  steps: [],
  understood: null,
  code: null,
  output: emptyOutput,
  text: "",
  artifacts: [],
  error: null,
  costUsd: 0,
  startedAt: null,
  durationMs: null,
};

export function isActive(turn: Turn): boolean {
  return turn.status === "sending" || turn.status === "pending" || turn.status === "running";
}

export function turnBeingSent(prompt: string, files: Turn["files"], createdAt: number): Turn {
  return { ...BLANK, prompt, files, createdAt, status: "sending" };
}

/** A message whose answer is not a job, e.g. one that another program wrote. */
export function turnFromMessage(message: Message): Turn {
  const { text, files, createdAt, jobId } = message;
  return message.role === "user"
    ? { ...BLANK, jobId, prompt: text, files, createdAt, status: "completed" }
    : { ...BLANK, jobId, prompt: "", files: [], text, createdAt, status: "completed" };
}

export function turnFromView(view: JobView, message: Message | undefined): Turn {
  const ended = view.status === "completed" || view.status === "failed";
  return {
    jobId: view.id,
    prompt: message?.text ?? view.prompt,
    files: message?.files ?? [],
    createdAt: message?.createdAt ?? view.createdAt,
    status: view.status,
    steps: view.steps.map((step) => ({ ...step, startedAt: null })),
    understood: view.understood,
    code: view.code,
    // A running job's output comes from its events; what the row holds would be shown twice.
    output: ended ? outputOf(view.output?.stdout ?? "") : emptyOutput,
    text: ended ? (view.output?.text ?? "") : "",
    artifacts: view.artifacts,
    error: view.output?.error ?? null,
    costUsd: view.costUsd,
    startedAt: null,
    durationMs: view.durationMs,
  };
}

export function turnFromCreated(event: JobEvent & { readonly kind: "job-created" }): Turn {
  const { prompt, files, at: createdAt, jobId } = event;
  return { ...BLANK, jobId, prompt, files, createdAt, status: "pending" };
}

/** A running job, rebuilt from its view (question and files) and all of its events so far. */
export function turnFromEvents(view: JobView, message: Message | undefined, events: readonly JobEvent[]): Turn {
  const { jobId, prompt, files, createdAt, costUsd } = turnFromView(view, message);
  const blank: Turn = { ...BLANK, jobId, prompt, files, createdAt, costUsd, status: "pending" };
  return events.reduce(applyEvent, blank);
}

export function applyEvent(turn: Turn, event: JobEvent): Turn {
  switch (event.kind) {
    case "job-created":
      return {
        ...turn,
        jobId: event.jobId,
        files: event.files,
        status: turn.status === "sending" ? "pending" : turn.status,
      };
    case "job-started":
      return started(turn, event.at);
    case "step-started":
      return {
        ...turn,
        steps: [...turn.steps, { step: event.step, title: event.title, startedAt: event.at, durationMs: null }],
      };
    case "step-finished":
      return { ...turn, steps: finishStep(turn.steps, event) };
    case "code-written":
      return { ...turn, understood: event.understood, code: event.code };
    case "output-delta":
      return { ...turn, output: appendOutput(turn.output, event.stream, event.text) };
    case "text-delta":
      return { ...turn, text: turn.text + event.text };
    case "artifact-available":
      return turn.artifacts.some((artifact) => artifact.id === event.artifact.id)
        ? turn
        : { ...turn, artifacts: [...turn.artifacts, event.artifact] };
    case "job-completed":
      return ended(turn, event, "completed", null);
    case "job-failed":
      return ended(turn, event, "failed", event.error);
    default:
      // A newer core may tell of things that this page does not know.
      return turn;
  }
}

/** A second attempt starts from nothing: what the dead worker had shown is not part of the answer. */
function started(turn: Turn, at: number): Turn {
  const { jobId, prompt, files, createdAt } = turn;
  return { ...BLANK, jobId, prompt, files, createdAt, status: "running", startedAt: at };
}

function finishStep(steps: readonly Step[], event: JobEvent & { readonly kind: "step-finished" }): readonly Step[] {
  const index = steps.findLastIndex((step) => step.step === event.step && step.durationMs === null);
  const { step, title, durationMs } = event;
  if (index === -1) return [...steps, { step, title, startedAt: null, durationMs }];
  return steps.map((known, at) => (at === index ? { ...known, title, durationMs } : known));
}

function ended(
  turn: Turn,
  event: JobEvent & { readonly kind: "job-completed" | "job-failed" },
  status: "completed" | "failed",
  error: JobError | null,
): Turn {
  return {
    ...turn,
    status,
    error,
    text: event.output.text === "" ? turn.text : event.output.text,
    output: turn.output.pieces.length === 0 ? outputOf(event.output.stdout) : turn.output,
    costUsd: event.costUsd,
    durationMs: turn.startedAt === null ? null : Math.max(0, event.at - turn.startedAt),
  };
}
