// The few shapes that everything is made of. Types and schemas only: no behaviour, no I/O.
import { z } from "zod";

export const JOB_TYPES = ["code_exec", "browser", "chat"] as const;
export type JobType = (typeof JOB_TYPES)[number];

/** The four states of the public contract (`jobs.status`). A cancelled job is `failed` with error code `cancelled`. */
export type JobStatus = "pending" | "running" | "completed" | "failed";

/** `jobs.input_context`, as any program may write it. Names in `files` live in storage/uploads or storage/temp. */
export const JobInput = z.looseObject({
  prompt: z.string().max(100_000).optional(),
  code: z.string().max(1_000_000).optional(),
  files: z.array(z.string().min(1).max(1_000)).max(50).optional(),
  /** The approval with which this job goes on where another one had to ask. */
  approval: z.string().max(100).optional(),
});
export type JobInput = z.infer<typeof JobInput>;

/** Where a job stands; `jobs.status` shows the first four as pending, the last three as failed. */
export const JOB_STATES = [
  "scheduled",
  "waiting",
  "ready",
  "retrying",
  "running",
  "done",
  "failed",
  "dead",
  "cancelled",
] as const;
export type JobState = (typeof JOB_STATES)[number];

const FailedAttempt = z.object({ attempt: z.number(), code: z.string(), message: z.string() });
export const JobError = z.object({
  code: z.string(),
  message: z.string(),
  detail: z.string().exactOptional(),
  attempts: z.array(FailedAttempt).exactOptional(),
});
/** `message` is for people; `detail` is a traceback or the like; `attempts` are the earlier ones that failed. */
export type JobError = z.infer<typeof JobError>;

export const JobOutput = z.object({
  stdout: z.string().default(""),
  text: z.string().default(""),
  artifacts: z.array(z.string()).default([]),
  error: JobError.exactOptional(),
  /** Who spoke: "openai:gpt-5.2", or "built-in planner". */
  model: z.string().exactOptional(),
});
/** `jobs.output_result`; other workers may leave out what they do not have. Paths are relative to the project folder and exist when the job has ended. */
export type JobOutput = z.infer<typeof JobOutput>;

export type Job = {
  readonly id: string;
  /** One of JOB_TYPES, unless a stranger wrote the row. */
  readonly type: string;
  readonly status: JobStatus;
  readonly input: JobInput;
  readonly output: JobOutput | null;
  readonly conversationId: string | null;
  readonly createdAt: number;
  readonly updatedAt: number | null;
};

/** A chart's data as E2B's code interpreter reports it (type, title, elements, axis labels …). */
export type ChartData = { readonly type: string; readonly title?: string | null; readonly [key: string]: unknown };

/** Something that came out of a sandbox. The bytes stay at `path`; only this row travels. */
export type Artifact = {
  readonly id: string;
  readonly jobId: string;
  /** Safe form of the name that the sandbox gave it; shown to people. */
  readonly name: string;
  /** Relative to the project folder, e.g. `storage/outputs/<job>/<attempt>/graph.png`. */
  readonly path: string;
  /** Found by content, never by name. */
  readonly mediaType: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly data?: ChartData;
};

/** A file that a person sent. `id` is also its name inside storage/uploads. */
export type UploadedFile = {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly sha256: string;
};

/** Steps of a job, in the order in which a person sees them. `think`: a model is asked; `replay`: earlier code runs again. */
export type StepName = "sandbox" | "upload" | "profile" | "replay" | "plan" | "think" | "run" | "collect";

/** What a job has had to do with; labels only grow. */
export const LABELS = ["private", "untrusted", "network"] as const;
export type Label = (typeof LABELS)[number];

/** What only a person may allow. `subject` is all that is decided about; `sha256` is that of its canonical JSON. */
export type Approval = {
  readonly id: string;
  readonly jobId: string;
  readonly kind: string;
  /** For people, in plain words: "Connect to example.com". */
  readonly title: string;
  readonly subject: { readonly [name: string]: unknown };
  readonly sha256: string;
  readonly expiresAt: number;
};

/** As people see it. */
export type JobApproval = Approval & { readonly decision: "approved" | "refused" | "expired" | null };

/** A model that can be asked. `key` is null for servers of this machine. */
export type ModelRef = {
  readonly provider: string;
  readonly model: string;
  readonly key: string | null;
  readonly url: string | null;
};

/** What happens to a job, append-only. `output-delta` and `text-delta` carry pieces; all others are whole. */
export type JobEventBody =
  | {
      readonly kind: "job-created";
      readonly type: string;
      readonly prompt: string;
      readonly files: readonly UploadedFile[];
    }
  | { readonly kind: "job-started"; readonly attempt: number }
  /** The attempt failed in a way that may pass; the next one comes at `retryAt`. */
  | { readonly kind: "job-retrying"; readonly attempt: number; readonly error: JobError; readonly retryAt: number }
  /** Back in the line: handed back, its worker died, or someone wants it run again. */
  | { readonly kind: "job-requeued" }
  | { readonly kind: "job-deleted" }
  /** 0 to 1. */
  | { readonly kind: "progress-changed"; readonly fraction: number }
  | { readonly kind: "step-started"; readonly step: StepName; readonly title: string }
  | { readonly kind: "step-finished"; readonly step: StepName; readonly title: string; readonly durationMs: number }
  | { readonly kind: "code-written"; readonly understood: string; readonly code: string }
  | { readonly kind: "output-delta"; readonly stream: "stdout" | "stderr"; readonly text: string }
  /** Of the answer, or of code that a model is writing. */
  | { readonly kind: "text-delta"; readonly text: string; readonly part?: "code" }
  /** Who speaks from here on. */
  | { readonly kind: "model-chosen"; readonly model: string; readonly reason?: string }
  | { readonly kind: "approval-requested"; readonly approval: Approval }
  | { readonly kind: "approval-decided"; readonly approvalId: string; readonly decision: "approved" | "refused" }
  | {
      readonly kind: "budget-warned";
      readonly scope: "job" | "day" | "month";
      readonly spentUsd: number;
      readonly limitUsd: number;
    }
  | { readonly kind: "hosts-contacted"; readonly hosts: readonly string[] }
  | { readonly kind: "artifact-available"; readonly artifact: Artifact }
  | { readonly kind: "job-completed"; readonly output: JobOutput; readonly costUsd: number }
  | { readonly kind: "job-failed"; readonly error: JobError; readonly output: JobOutput; readonly costUsd: number };

/** `seq` is global and rising: the cursor of every follower (WebSocket, CLI, tests). `at` is ms since the epoch. */
export type JobEvent = JobEventBody & {
  readonly seq: number;
  readonly jobId: string;
  readonly conversationId: string | null;
  readonly at: number;
};

export type Conversation = {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
};

export type Message = {
  readonly id: string;
  readonly conversationId: string;
  readonly role: "user" | "assistant";
  readonly channel: string;
  readonly text: string;
  readonly files: readonly UploadedFile[];
  readonly jobId: string | null;
  readonly createdAt: number;
};

/** The same for every channel: what a person sent. Bytes are already in storage/uploads. */
export type InboundMessage = {
  readonly channel: string;
  /** Unique within the channel; a redelivery carries the same. */
  readonly channelMessageId: string;
  readonly conversationId: string | null;
  readonly text: string;
  readonly files: readonly UploadedFile[];
  readonly code?: string;
};

/** Everything the page needs to draw a conversation: finished jobs as a snapshot, never as replayed deltas. */
export type JobView = Job & {
  readonly prompt: string;
  readonly understood: string | null;
  readonly code: string | null;
  readonly artifacts: readonly Artifact[];
  readonly steps: readonly { readonly step: StepName; readonly title: string; readonly durationMs: number | null }[];
  readonly costUsd: number;
  /** What its sandboxes would have cost at E2B; they ran on this machine. */
  readonly savedUsd: number;
  readonly durationMs: number | null;
  readonly state: JobState;
  readonly attempt: number;
  /** When a scheduled or retrying job goes on (ms since the epoch). */
  readonly runAt: number | null;
  /** 0 to 1; null when nobody said. */
  readonly progress: number | null;
  readonly approvals: readonly JobApproval[];
  /** Whom its sandbox contacted, or tried to. */
  readonly hosts: readonly string[];
};

/** Frames that core sends over the WebSocket. */
export type LiveFrame =
  | { readonly type: "hello"; readonly seq: number; readonly version: string }
  | { readonly type: "event"; readonly event: JobEvent }
  | { readonly type: "error"; readonly message: string };
