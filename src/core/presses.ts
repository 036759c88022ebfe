// Buttons that people press: each does one thing, once, and only for whom it was meant.
import { decideApproval, readApproval } from "../shared/approvals.ts";
import { artifactsOfJob } from "../shared/artifacts.ts";
import { closeArrival, keepArrival } from "../shared/arrivals.ts";
import type { Chat } from "../shared/chats.ts";
import { expireAsking, findContact, listContacts, setStanding, type Contact } from "../shared/contacts.ts";
import { cancelJob } from "../shared/control.ts";
import type { Tx } from "../shared/db.ts";
import { queueDelivery, readReply } from "../shared/deliveries.ts";
import { readJob } from "../shared/jobs.ts";
import { viewJob } from "../shared/views.ts";
import type { Channel } from "./channels/channel.ts";
import { repeat } from "./chat_commands.ts";
import { intentOf } from "./commands.ts";
import { markOf, type Kept } from "./door.ts";
import { say } from "./outbox.ts";
import { photosOf, render } from "./render.ts";
import { fenced, filesOf } from "./reply.ts";
import { choose, type RequestDesk } from "./requests.ts";

type Press = Extract<Kept, { kind: "press" }>;

/** Does what the button says and tells the platform that the press was seen. */
export async function press(
  desk: RequestDesk,
  channel: Channel,
  chat: Chat,
  seq: number,
  pressed: Press,
  signal: AbortSignal,
): Promise<void> {
  const [verb = "", ...rest] = pressed.action.split(":");
  const words = await act(desk, channel, chat, seq, pressed, verb, rest);
  await desk.board.write((tx) => void closeArrival(tx, seq));
  desk.onSaid();
  // Best effort, and nobody waits for it: the press has had its effect.
  channel.acknowledge(pressed.pressId, words, signal).catch(() => undefined);
}

/** Returns a few words for the one who pressed. */
async function act(
  desk: RequestDesk,
  channel: Channel,
  chat: Chat,
  seq: number,
  pressed: Press,
  verb: string,
  rest: readonly string[],
): Promise<string> {
  const [subject = "", more = ""] = rest;
  switch (verb) {
    case "stop":
      return (await isOurs(desk, chat, subject)) ? STOPPING[await cancelJob(desk.board, subject, desk.now())] : GONE;
    case "again":
      return desk.board.write((tx) => repeatOnce(tx, desk, chat, seq, subject));
    case "code":
      return desk.board.write((tx) => showCode(tx, desk, chat, seq, subject));
    case "original":
      return desk.board.write((tx) => sendOriginals(tx, desk, channel, chat, seq, subject));
    case "do":
      return (await choose(desk, chat, seq, { choice: subject, about: Number(more), askedBy: pressed.messageId }))
        ? ""
        : GONE;
    case "yes":
    case "no":
      return permit(desk, chat, verb, subject, more);
    case "allow":
    case "refuse":
      return desk.board.write((tx) => decide(tx, desk, chat, seq, verb, subject));
    default:
      return GONE;
  }
}

const GONE = "This button does nothing any more.";
const STOPPING = { asked: "Stopping …", cancelled: "Stopped.", ended: "It has ended already.", unknown: GONE } as const;

async function isOurs(desk: RequestDesk, chat: Chat, jobId: string): Promise<boolean> {
  return desk.board.read((tx) => readReply(tx, jobId)?.chatId === chat.id);
}

function repeatOnce(tx: Tx, desk: RequestDesk, chat: Chat, seq: number, jobId: string): string {
  const job = readReply(tx, jobId)?.chatId === chat.id ? readJob(tx, jobId) : null;
  const intent = job === null ? null : intentOf(job);
  if (job === null || intent === null || !closeArrival(tx, seq)) return GONE;
  // Every tap is a press of its own; what comes of the first has a button of its own.
  const mark = {
    channel: chat.channel,
    account: chat.account,
    eventId: `again:${jobId}`,
    messageKey: null,
    chatId: null,
    body: null,
  };
  if (keepArrival(tx, mark, desk.now()) === null) return "It is done again already.";
  repeat(tx, chat.id, intent, job.conversationId, desk.now());
  return "Once more …";
}

function showCode(tx: Tx, desk: RequestDesk, chat: Chat, seq: number, jobId: string): string {
  const job = readReply(tx, jobId)?.chatId === chat.id ? readJob(tx, jobId) : null;
  const code = job === null ? null : viewJob(tx, job).code;
  if (code === null) return GONE;
  say(desk, tx, chat.id, `arrival:${seq}`, fenced(code, "python"), []);
  return "";
}

/** What went out as photos goes out once more as it is, for a press of its own: outside of what the job may say. */
function sendOriginals(tx: Tx, desk: RequestDesk, channel: Channel, chat: Chat, seq: number, jobId: string): string {
  const job = readReply(tx, jobId)?.chatId === chat.id ? readJob(tx, jobId) : null;
  const files = job === null ? [] : photosOf(filesOf(artifactsOfJob(tx, job.id)), channel.can);
  if (files.length === 0 || !closeArrival(tx, seq)) return GONE;
  const reply = { markdown: "", files, actions: [], dashboard: desk.linkTo(job?.conversationId ?? null) };
  const can = { ...channel.can, photoTypes: [], messagesPerJob: files.length };
  render(reply, can).forEach((operation, index) =>
    queueDelivery(tx, { id: `arrival:${seq}.${index}`, chatId: chat.id, operation }, desk.now()),
  );
  return "";
}

/** What a job asked for, in the chat where it asked. */
async function permit(desk: RequestDesk, chat: Chat, verb: "yes" | "no", id: string, mark: string): Promise<string> {
  const approval = desk.board.read((tx) => readApproval(tx, id, desk.now()));
  const isOurs = approval !== null && desk.board.read((tx) => readReply(tx, approval.jobId)?.chatId === chat.id);
  if (approval === null || !isOurs || mark === "" || !approval.sha256.startsWith(mark)) return GONE;
  const decision = verb === "yes" ? "approved" : "refused";
  const { outcome } = await decideApproval(desk.board, id, approval.sha256, decision, desk.now());
  if (outcome === "decided") return verb === "yes" ? "Allowed, once." : "Not allowed.";
  return outcome === "expired" ? "That was too long ago. Ask again." : "This has been decided already.";
}

/** Only an owner lets people in. */
function decide(tx: Tx, desk: RequestDesk, chat: Chat, seq: number, verb: "allow" | "refuse", mark: string): string {
  const presser = findContact(tx, chat, [chat.person]);
  if (presser?.standing !== "owner") return GONE;
  expireAsking(tx, desk.now());
  const asking = listContacts(tx).find((one) => one.standing === "asking" && markOf(one) === mark);
  if (asking === undefined) return GONE;
  const decided: Contact = { ...asking, standing: verb === "allow" ? "allowed" : "refused" };
  setStanding(tx, decided, desk.now());
  const words = verb === "allow" ? "may write from now on" : "will not be heard";
  say(desk, tx, chat.id, `arrival:${seq}`, `${decided.person} on ${decided.channel} ${words}.`, []);
  return "";
}
