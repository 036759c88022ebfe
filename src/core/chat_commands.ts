// Commands in a chat of another platform: done at once, answered there.
import { arrivalsOf, closeArrival } from "../shared/arrivals.ts";
import { setConversation, type Chat } from "../shared/chats.ts";
import { findContact } from "../shared/contacts.ts";
import type { Board, Tx } from "../shared/db.ts";
import { addReply } from "../shared/deliveries.ts";
import { insertJob, PERSON_PRIORITY } from "../shared/jobs.ts";
import type { Log } from "../shared/log.ts";
import type { Channel } from "./channels/channel.ts";
import { obey } from "./commands.ts";
import type { Command, Intent } from "./intent.ts";
import { say } from "./outbox.ts";

export type CommandDesk = {
  readonly board: Board;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly now: () => number;
  readonly log: Log;
  /** What is set here, in words. */
  readonly settings: () => string;
  /** Where a conversation is on the dashboard. */
  readonly linkTo: (conversationId: string | null) => string;
  /** Words of ours wait to be said, or a job to be done. */
  readonly onSaid: () => void;
};

/** Does it and answers, in one transaction: after a kill it is done again, or it has been done. */
export async function runCommand(desk: CommandDesk, chat: Chat, seq: number, command: Command): Promise<void> {
  await desk.board.write((tx) => {
    if (!closeArrival(tx, seq)) return;
    const { conversationId } = chat;
    const who = () => whoIs(tx, chat);
    const outcome = obey(command, { tx, now: desk.now(), conversationId, who, settings: desk.settings });
    if (outcome.kind === "again") {
      repeat(tx, chat.id, outcome.intent, conversationId, desk.now());
      return;
    }
    if (outcome.kind === "anew") beginAnew(tx, chat);
    say(desk, tx, chat.id, `arrival:${seq}`, outcome.words, []);
  });
  desk.onSaid();
}

/** Files that wait for words belong to what was before. */
function beginAnew(tx: Tx, chat: Chat): void {
  setConversation(tx, chat.id, null);
  for (const { seq } of arrivalsOf(tx, chat.id, "asked")) closeArrival(tx, seq);
}

/** Statement. The same once more, as a new job whose answer goes to this chat. */
export function repeat(tx: Tx, chatId: string, intent: Intent, conversationId: string | null, now: number): void {
  const id = Bun.randomUUIDv7();
  // Before it, so that whoever hears of the job knows where its answer goes.
  addReply(tx, id, chatId, null);
  insertJob(tx, { ...intent, id, conversationId, files: [], priority: PERSON_PRIORITY }, now);
}

const STANDINGS = {
  owner: "the owner",
  allowed: "let in by the owner",
  asking: "not let in yet",
  refused: "not let in",
} as const;

function whoIs(tx: Tx, chat: Chat): string {
  const contact = findContact(tx, chat, [chat.person]);
  const standing = STANDINGS[contact?.standing ?? "asking"];
  return `You write on ${chat.channel}. I know you by the id \`${contact?.person ?? chat.person}\`: ${standing}.`;
}
