// One question and its answer ("turn"), and how events change it. Pure: the same events give the same turn on every tab.
import type { Run } from "../shared/jobs.ts";
import type {
  Artifact,
  JobApproval,
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

/** The attempt that failed, and when the next one comes (ms since the epoch). */
export type Retry = { readonly attempt: number; readonly at: number; readonly error: JobError };

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
  /** Code that a model is writing right now. */
  readonly draft: string;
  /** Who speaks; null until somebody does. */
  readonly model: string | null;
  readonly approvals: readonly JobApproval[];
  /** What people should know besides: limits that are nearly reached, hosts that were contacted. */
  readonly notes: readonly string[];
  readonly artifacts: readonly Artifact[];
  readonly error: JobError | null;
  readonly costUsd: number;
  readonly startedAt: number | null;
  readonly durationMs: number | null;
  /** The event that put it into the line: whoever has a lower one comes first. */
  readonly queuedSeq: number;
  /** Not before (ms since the epoch); null when it may begin at any time. */
  readonly startsAt: number | null;
  readonly retry: Retry | null;
  /** Null until core has said so. */
  readonly maxAttempts: number | null;
  /** 0 to 1; null when nobody said. */
  readonly progress: number | null;
};

const BLANK: Omit<Turn, "prompt" | "files" | "createdAt" | "status"> = {
  jobId: null,
  steps: [],
  understood: null,
  code: null,
  output: emptyOutput,
  text: "",
  draft: "",
  model: null,
  approvals: [],
  notes: [],
  artifacts: [],
  error: null,
  costUsd: 0,
  startedAt: null,
  durationMs: null,
  queuedSeq: 0,
  startsAt: null,
  retry: null,
  maxAttempts: null,
  progress: null,
};

export function isActive(turn: Turn): boolean {
  return turn.status === "sending" || turn.status === "pending" || turn.status === "running";
}

/** Whether another turn of the conversation comes first: one job of it is done at a time. */
export function isBehind(turn: Turn, others: readonly Turn[]): boolean {
  if (!isInLine(turn)) return false;
  return others.some((other) => {
    if (other.jobId === turn.jobId) return false;
    return other.status === "running" || other.retry !== null || (isInLine(other) && other.queuedSeq < turn.queuedSeq);
  });
}

const isInLine = (turn: Turn): boolean =>
  turn.status === "pending" && turn.startsAt === null && turn.retry === null && turn.jobId !== null;

/** The turn that Stop means: the one at work, else the next. */
export function turnAtWork<T extends { readonly turn: Turn }>(all: readonly T[]): T | null {
  const active = all.filter(({ turn }) => isActive(turn) && turn.startsAt === null);
  const next = (): T | undefined => active.toSorted((a, b) => a.turn.queuedSeq - b.turn.queuedSeq)[0];
  return (
    active.find(({ turn }) => turn.status === "running") ??
    active.find(({ turn }) => turn.retry !== null) ??
    next() ??
    null
  );
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
    ...BLANK,
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
    model: view.output?.model ?? null,
    approvals: view.approvals,
    notes: view.hosts.length === 0 ? [] : [contactedText(view.hosts)],
    artifacts: view.artifacts,
    error: view.output?.error ?? null,
    costUsd: view.costUsd,
    durationMs: view.durationMs,
  };
}

export function turnFromCreated(event: JobEvent & { readonly kind: "job-created" }): Turn {
  const { prompt, files, at: createdAt, jobId, seq: queuedSeq } = event;
  return { ...BLANK, jobId, prompt, files, createdAt, queuedSeq, status: "pending" };
}

/** A running job, rebuilt from its view (question and files) and all of its events so far. */
export function turnFromEvents(view: JobView, message: Message | undefined, events: readonly JobEvent[]): Turn {
  const { jobId, prompt, files, createdAt, costUsd } = turnFromView(view, message);
  const blank: Turn = { ...BLANK, jobId, prompt, files, createdAt, costUsd, status: "pending" };
  const startsAt = view.state === "scheduled" ? view.runAt : null;
  return { ...events.reduce(applyEvent, blank), startsAt };
}

/** What no event tells: when a scheduled job begins, and how often it is tried. */
export function withRun(turn: Turn, run: Pick<Run, "state" | "runAt" | "maxAttempts">): Turn {
  const isScheduled = run.state === "scheduled" && turn.status === "pending";
  return { ...turn, startsAt: isScheduled ? run.runAt : turn.startsAt, maxAttempts: run.maxAttempts };
}

export function applyEvent(turn: Turn, event: JobEvent): Turn {
  switch (event.kind) {
    case "job-created":
      return {
        ...turn,
        jobId: event.jobId,
        files: event.files,
        queuedSeq: event.seq,
        ...(turn.status === "sending" || turn.status === "unsent" ? { status: "pending", error: null } : {}),
      };
    case "job-started":
      return { ...anew(turn), status: "running", startedAt: event.at };
    case "job-retrying": {
      const { attempt, error, retryAt: at } = event;
      return { ...anew(turn), retry: { attempt, at, error } };
    }
    case "job-requeued":
      return requeued(turn, event.seq);
    case "progress-changed":
      return { ...turn, progress: event.fraction };
    case "step-started":
      return {
        ...turn,
        steps: [...turn.steps, { step: event.step, title: event.title, startedAt: event.at, durationMs: null }],
      };
    case "step-finished":
      return { ...turn, steps: finishStep(turn.steps, event) };
    case "code-written":
      return { ...turn, understood: event.understood, code: event.code, draft: "" };
    case "model-chosen":
      return { ...turn, model: event.model };
    case "approval-requested":
      return { ...turn, approvals: [...turn.approvals, { ...event.approval, decision: null }] };
    case "approval-decided":
      return { ...turn, approvals: turn.approvals.map((one) => decidedBy(one, event)) };
    case "budget-warned":
      return { ...turn, notes: [...turn.notes, warningText(event)] };
    case "hosts-contacted":
      return { ...turn, notes: [...turn.notes, contactedText(event.hosts)] };
    case "output-delta":
      return { ...turn, output: appendOutput(turn.output, event.stream, event.text) };
    case "text-delta":
      return event.part === "code"
        ? { ...turn, draft: turn.draft + event.text }
        : { ...turn, text: turn.text + event.text };
    case "artifact-available":
      return turn.artifacts.some((artifact) => artifact.id === event.artifact.id)
        ? turn
        : { ...turn, artifacts: [...turn.artifacts, event.artifact] };
    case "job-completed":
      return ended(turn, event, "completed", null);
    case "job-failed":
      return ended(turn, event, "failed", event.error);
    case "job-deleted":
    default:
      // A newer core may tell of things that this page does not know.
      return turn;
  }
}

const decidedBy = (one: JobApproval, event: JobEvent & { readonly kind: "approval-decided" }): JobApproval =>
  one.id === event.approvalId ? { ...one, decision: event.decision } : one;

const contactedText = (hosts: readonly string[]): string => `This job contacted: ${hosts.join(", ")}`;

const OF_SCOPE = { job: "this request", day: "today", month: "this month" } as const;

function warningText({ scope, spentUsd, limitUsd }: JobEvent & { readonly kind: "budget-warned" }): string {
  return `$${spentUsd.toFixed(2)} of the $${limitUsd.toFixed(2)} for ${OF_SCOPE[scope]} are spent or set aside.`;
}

/** Another attempt starts from nothing: what the one before had shown is not part of the answer. */
function anew(turn: Turn): Turn {
  const { jobId, prompt, files, createdAt, queuedSeq, maxAttempts } = turn;
  return { ...BLANK, jobId, prompt, files, createdAt, queuedSeq, maxAttempts, status: "pending" };
}

/** One that was at work or about to keeps its place; any other goes to the end of the line. */
function requeued(turn: Turn, seq: number): Turn {
  const keepsPlace = turn.status === "running" || turn.retry !== null;
  return { ...anew(turn), queuedSeq: keepsPlace ? turn.queuedSeq : seq };
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
    draft: "",
    model: event.output.model ?? turn.model,
    output: turn.output.pieces.length === 0 ? outputOf(event.output.stdout) : turn.output,
    costUsd: event.costUsd,
    startsAt: null,
    retry: null,
    progress: null,
    durationMs: turn.startedAt === null ? null : Math.max(0, event.at - turn.startedAt),
  };
}
