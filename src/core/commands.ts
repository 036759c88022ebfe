// What people ask of the assistant itself: the same words on every channel.
import { arrivalsOf, closeArrival } from "../shared/arrivals.ts";
import { setConversation, type Chat } from "../shared/chats.ts";
import { cancelJob } from "../shared/control.ts";
import type { Board, Tx } from "../shared/db.ts";
import { addReply } from "../shared/deliveries.ts";
import { insertJob, jobsOfConversation, PERSON_PRIORITY, readRun } from "../shared/jobs.ts";
import type { Log } from "../shared/log.ts";
import { artifactsOfJob } from "../shared/artifacts.ts";
import { spentSince } from "../shared/sandboxes.ts";
import { JOB_TYPES, type Job } from "../shared/types.ts";
import type { Channel } from "./channels/channel.ts";
import type { Kept } from "./door.ts";
import { say } from "./outbox.ts";

export type CommandDesk = {
  readonly board: Board;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly now: () => number;
  readonly log: Log;
  /** Words of ours wait to be said, or a job to be done. */
  readonly onSaid: () => void;
};

const COMMANDS = ["start", "help", "stop", "new", "status", "cost", "files", "again"] as const;
export type Command = (typeof COMMANDS)[number];

/** Null for what is a message. Forwarded words command nothing. An unknown command asks for help. */
export function commandIn(message: Extract<Kept, { kind: "message" }>): Command | null {
  if (message.isForwarded || message.files.length > 0) return null;
  const word = /^\/([a-z]+)(?:@\w+)?(?:\s|$)/i.exec(message.text.trim())?.[1]?.toLowerCase();
  if (word === undefined) return null;
  return COMMANDS.find((command) => command === word) ?? "help";
}

/** Does it and answers; done again after a kill it does no harm. */
export async function runCommand(desk: CommandDesk, chat: Chat, seq: number, command: Command): Promise<void> {
  if (command === "stop") await stopAll(desk, chat);
  await desk.board.write((tx) => {
    if (!closeArrival(tx, seq)) return;
    const words = ANSWERS[command](desk, tx, chat);
    if (words !== "") say(desk, tx, chat.id, `arrival:${seq}`, words, []);
  });
  desk.onSaid();
}

async function stopAll({ board, now }: CommandDesk, chat: Chat): Promise<void> {
  for (const job of board.read((tx) => openJobs(tx, chat))) await cancelJob(board, job.id, now());
}

function openJobs(tx: Tx, { conversationId }: Chat): Job[] {
  if (conversationId === null) return [];
  return jobsOfConversation(tx, conversationId).filter((job) => readRun(tx, job.id)?.finishedAt === null);
}

type Answer = (desk: CommandDesk, tx: Tx, chat: Chat) => string;

const ANSWERS: { readonly [command in Command]: Answer } = {
  start: () => HELP,
  help: () => HELP,
  stop: () => "Stopped. Nothing further will be charged.",
  new: (_desk, tx, chat) => {
    setConversation(tx, chat.id, null);
    for (const { seq } of arrivalsOf(tx, chat.id, "asked")) closeArrival(tx, seq);
    return "A new conversation begins with your next message. The files of the old one are in the dashboard.";
  },
  status: (_desk, tx, chat) => statusOf(tx, chat),
  cost: (desk, tx) => costOf(tx, desk.now()),
  files: (_desk, tx, chat) => filesIn(tx, chat),
  again: (desk, tx, chat) => again(tx, chat, desk.now()),
};

const HELP = `Send a file and say what you want, or ask first and send the file then:
- “Graph this CSV file”
- “Average price by region as a bar chart”
- “Summarise this” · “Convert this to Excel”

/stop ends what is running · /new begins a new conversation · /status · /files · /again · /cost`;

function statusOf(tx: Tx, chat: Chat): string {
  const jobs = openJobs(tx, chat);
  if (jobs.length === 0) return "Nothing is running.";
  const running = jobs.filter((job) => job.status === "running").length;
  const words = jobs.map(
    (job) => `- ${job.status === "running" ? "running" : "waiting"}: ${job.input.prompt ?? job.type}`,
  );
  return `${running} running, ${jobs.length - running} waiting.\n${words.join("\n")}`;
}

const DAY_MS = 86_400_000;

function costOf(tx: Tx, now: number): string {
  const usd = (since: number) => `$${(spentSince(tx, since) / 1e6).toFixed(4)}`;
  const today = now - (now % DAY_MS);
  return `Sandboxes today: ${usd(today)}. In the last 30 days: ${usd(now - 30 * DAY_MS)}. On this machine they cost nothing.`;
}

const MOST_FILES = 20;

function filesIn(tx: Tx, { conversationId }: Chat): string {
  const jobs = conversationId === null ? [] : jobsOfConversation(tx, conversationId);
  const names = jobs.flatMap((job) => artifactsOfJob(tx, job.id).map((artifact) => artifact.name));
  if (names.length === 0) return "There are no files in this conversation yet.";
  const more = names.length > MOST_FILES ? `\n… and ${names.length - MOST_FILES} more in the dashboard` : "";
  return `${names
    .slice(-MOST_FILES)
    .map((name) => `- ${name}`)
    .join("\n")}${more}`;
}

function again(tx: Tx, chat: Chat, now: number): string {
  const last = chat.conversationId === null ? undefined : jobsOfConversation(tx, chat.conversationId).at(-1);
  return last === undefined || !repeat(tx, chat, last, now) ? "There is nothing to do again." : "";
}

/** Statement. The same once more, as a new job. False for what is none of ours. */
export function repeat(tx: Tx, chat: Chat, job: Job, now: number): boolean {
  const type = JOB_TYPES.find((one) => one === job.type);
  if (type === undefined) return false;
  const id = Bun.randomUUIDv7();
  const { input, conversationId } = job;
  // Before it, so that whoever hears of the job knows where its answer goes.
  addReply(tx, id, chat.id, null);
  insertJob(tx, { id, type, input, conversationId, files: [], priority: PERSON_PRIORITY }, now);
  return true;
}
