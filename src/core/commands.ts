// What people ask of the assistant itself, and what becomes of it: the same on every channel and on this machine.
import { artifactsOfJob } from "../shared/artifacts.ts";
import { stopJob } from "../shared/control.ts";
import type { Tx } from "../shared/db.ts";
import { jobsOfConversation, readRun } from "../shared/jobs.ts";
import { savedSince, spentSince, startOf } from "../shared/spend.ts";
import { JOB_TYPES, type Job } from "../shared/types.ts";
import { commandIn, type Command, type Intent } from "./intent.ts";
import { literal } from "./markdown.ts";

/** Who asks, where, and when. */
export type Asking = {
  readonly tx: Tx;
  readonly now: number;
  /** Null: there is none yet. */
  readonly conversationId: string | null;
  /** What we know of who asks, and what is set here: in words. */
  readonly who: () => string;
  readonly settings: () => string;
};

/** `anew`: these words, and what follows belongs to a new conversation. `again`: a job, whose result is the answer. */
export type Outcome =
  { readonly kind: "words" | "anew"; readonly words: string } | { readonly kind: "again"; readonly intent: Intent };

/** Statement. Does it; the caller says what comes of it, in the same transaction. */
export function obey(command: Command, asking: Asking): Outcome {
  return OUTCOMES[command](asking);
}

const said = (words: string): Outcome => ({ kind: "words", words });

const OUTCOMES: { readonly [command in Command]: (asking: Asking) => Outcome } = {
  start: () => said(HELP),
  help: () => said(HELP),
  stop: (asking) => {
    for (const job of openJobs(asking)) stopJob(asking.tx, job.id, asking.now);
    return said("Stopped. Nothing further will be charged.");
  },
  new: () => ({
    kind: "anew",
    words: "A new conversation begins here. The files of the old one are in the dashboard.",
  }),
  status: (asking) => said(statusOf(openJobs(asking))),
  cost: ({ tx, now }) => said(costOf(tx, now)),
  files: (asking) => said(filesIn(asking)),
  again: (asking) => {
    const last = jobsIn(asking).findLast((job) => !isCommand(job));
    const intent = last === undefined ? null : intentOf(last);
    return intent === null ? said("There is nothing to do again.") : { kind: "again", intent };
  },
  settings: ({ settings }) => said(settings()),
  whoami: ({ who }) => said(who()),
};

const HELP = `Send a file and say what you want, or ask first and send the file then:
- “Graph this CSV file”
- “Average price by region as a bar chart”
- “Summarise this” · “Convert this to Excel”

/stop ends what is running · /new begins a new conversation · /status · /files · /again · /cost · /settings · /whoami`;

/** The same once more; null for what is none of ours. */
export function intentOf(job: Job): Intent | null {
  const type = JOB_TYPES.find((one) => one === job.type);
  return type === undefined ? null : { type, input: job.input };
}

/** Commands that were given on this machine are jobs, too. */
const isCommand = ({ type, input }: Job): boolean =>
  type === "chat" && commandIn({ text: input.prompt ?? "", files: input.files ?? [] }) !== null;

const jobsIn = ({ tx, conversationId }: Asking): Job[] =>
  conversationId === null ? [] : jobsOfConversation(tx, conversationId);

const openJobs = (asking: Asking): Job[] =>
  jobsIn(asking).filter((job) => readRun(asking.tx, job.id)?.finishedAt === null);

function statusOf(jobs: readonly Job[]): string {
  if (jobs.length === 0) return "Nothing is running.";
  const running = jobs.filter((job) => job.status === "running").length;
  const words = jobs.map(
    (job) => `- ${job.status === "running" ? "running" : "waiting"}: ${oneLine(job.input.prompt ?? job.type)}`,
  );
  return `${running} running, ${jobs.length - running} waiting.\n${words.join("\n")}`;
}

const MOST_WORDS = 200;

/** In the words in which it was asked. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return literal(line.length > MOST_WORDS ? `${line.slice(0, MOST_WORDS)}…` : line);
}

const usd = (microUsd: number): string => `$${(microUsd / 1e6).toFixed(4)}`;

function costOf(tx: Tx, now: number): string {
  const [day, month] = [startOf("day", now), startOf("month", now)];
  return `Models and sandboxes today: ${usd(spentSince(tx, day))}. This month: ${usd(spentSince(tx, month))}. Saved this month by running on this machine: ${usd(savedSince(tx, month))}.`;
}

const MOST_FILES = 20;

function filesIn(asking: Asking): string {
  const names = jobsIn(asking).flatMap((job) => artifactsOfJob(asking.tx, job.id).map((artifact) => artifact.name));
  if (names.length === 0) return "There are no files in this conversation yet.";
  const more = names.length > MOST_FILES ? `\n… and ${names.length - MOST_FILES} more in the dashboard` : "";
  return `${names
    .slice(-MOST_FILES)
    .map((name) => `- ${literal(name)}`)
    .join("\n")}${more}`;
}
