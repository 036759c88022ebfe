// What people ask for in a chat becomes a job, and where its answer goes is known from the same transaction on.
import { z } from "zod";
import { arrivalsOf, closeArrival, type KeptArrival } from "../shared/arrivals.ts";
import { setConversation, type Chat } from "../shared/chats.ts";
import { CHOICES } from "../shared/choices.ts";
import { readConversation } from "../shared/conversations.ts";
import type { Tx } from "../shared/db.ts";
import { addReply } from "../shared/deliveries.ts";
import type { UploadedFile } from "../shared/types.ts";
import { readUpload } from "../shared/uploads.ts";
import type { CommandDesk } from "./chat_commands.ts";
import type { Inbox } from "./inbox.ts";
import { say } from "./outbox.ts";

export type RequestDesk = CommandDesk & { readonly inbox: Inbox };

const Asked = z.object({ files: z.array(z.string()) });

export type Wanted = {
  readonly text: string;
  readonly files: readonly UploadedFile[];
  /** Files without words that are meant, too: nobody has to say any more what is to be done with them. */
  readonly asked: readonly KeptArrival[];
  /** The platform's id of the message that asks. */
  readonly askedBy: string;
  readonly key: string;
};

/** "Chart them": words alone are about all files that were sent without. */
export const askedIn = (desk: RequestDesk, chat: Chat): KeptArrival[] =>
  desk.board.read((tx) => arrivalsOf(tx, chat.id, "asked"));

/** Job, message, where the answer goes, and that it has been dealt with: one transaction. */
export async function makeJob(desk: RequestDesk, chat: Chat, seqs: readonly number[], wanted: Wanted): Promise<void> {
  const files = [...wanted.files, ...desk.board.read((tx) => filesOf(tx, wanted.asked))];
  const conversationId = desk.board.read((tx) =>
    chat.conversationId === null ? null : (readConversation(tx, chat.conversationId)?.id ?? null),
  );
  const message = {
    channel: chat.channel,
    channelMessageId: `${chat.id}:${wanted.key}`,
    conversationId,
    text: wanted.text,
    files,
  };
  await desk.inbox.receive(message, {}, (tx, admitted) => {
    setConversation(tx, chat.id, admitted.conversationId);
    addReply(tx, admitted.jobId, chat.id, wanted.askedBy);
    for (const seq of [...seqs, ...wanted.asked.map((one) => one.seq)]) closeArrival(tx, seq);
  });
}

function filesOf(tx: Tx, asked: readonly KeptArrival[]): UploadedFile[] {
  return asked.flatMap(({ body }) => {
    const kept = Asked.safeParse(body);
    return kept.success ? kept.data.files.flatMap((id) => readUpload(tx, id) ?? []) : [];
  });
}

export type Choice = {
  readonly choice: string;
  /** The arrival that the files came with. */
  readonly about: number;
  readonly askedBy: string;
};

/** The person has chosen; `seq` is the arrival that says so. False: the files are not waiting any more. */
export async function choose(desk: RequestDesk, chat: Chat, seq: number, made: Choice): Promise<boolean> {
  const asked = askedIn(desk, chat).filter((one) => one.seq === made.about);
  const text = CHOICES.find(({ action }) => action === made.choice)?.words;
  if (asked.length === 0 || text === undefined) return false;
  if (text === null) {
    await desk.board.write((tx) => {
      if (closeArrival(tx, seq)) say(desk, tx, chat.id, `arrival:${seq}`, "Then tell me in your own words.", []);
    });
    desk.onSaid();
    return true;
  }
  await makeJob(desk, chat, [seq], { text, files: [], asked, askedBy: made.askedBy, key: `arrival:${made.about}` });
  return true;
}
