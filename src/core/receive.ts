// What a person sent, as a form with files or as JSON → a draft; POST /api/messages makes an InboundMessage of it.
import { z } from "zod";
import type { Config } from "../shared/config.ts";
import type { Admitted, Task } from "../shared/conversations.ts";
import type { Tx } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import type { InboundMessage, UploadedFile } from "../shared/types.ts";
import { obey } from "./commands.ts";
import { MAX_FILES } from "./form.ts";
import type { Inbox, Received } from "./inbox.ts";
import { commandIn, type Command } from "./intent.ts";
import type { Messenger } from "./messenger.ts";
import { overviewOf } from "./overview.ts";
import { TIMING, whenOf, type When } from "./timing.ts";

/** What is asked, now or later. In JSON `files` are ids of files that are there; a form brings the files themselves. */
export const ASKED = {
  text: z.string().max(100_000, "longer than 100,000 characters; send it as a file").default(""),
  files: z.array(z.string().max(200)).max(MAX_FILES).optional(),
  code: z.string().max(1_000_000).optional(),
  example: z.string().max(100).optional(),
};
const Asked = z.object(ASKED);
type Asked = z.infer<typeof Asked>;

export const Message = z.strictObject({ ...ASKED, conversation_id: z.string().max(100).optional(), ...TIMING });
type Message = z.infer<typeof Message>;

export const Receipt = z.object({ job_id: z.string(), message_id: z.string(), conversation_id: z.string() });
type Receipt = z.infer<typeof Receipt>;

export type Draft = {
  readonly text: string;
  readonly files: readonly UploadedFile[];
  /** Those of them that came with this very message. */
  readonly fresh: readonly UploadedFile[];
  readonly code?: string;
};

const MAX_KEY_CHARS = 200;

export type ReceivingDesk = {
  readonly config: Config;
  readonly inbox: Inbox;
  readonly channels: Pick<Messenger, "states">;
  readonly port: () => number;
  readonly now: () => number;
};

/** What is wrong with the key or with the times is known before a file is kept. */
export async function readMessage(
  desk: ReceivingDesk,
  request: Request,
  body: Message,
  files: readonly File[],
): Promise<Receipt> {
  const { inbox } = desk;
  const key = keyOf(request);
  // Its deadline may be over only because it is sent again; the first time it was in time.
  const when = whenOf(body, key === null ? desk.now() : 0);
  const { fresh, ...draft } = await readDraft(inbox, body, files);
  try {
    const conversationId = body.conversation_id ?? null;
    const message = { channel: "web", channelMessageId: key ?? Bun.randomUUIDv7(), conversationId, ...draft };
    const command = commandIn(message);
    const received = command === null ? await inbox.receive(message, when) : await heed(desk, message, command, when);
    // Sent a second time: its files are there already.
    if (!received.isNew) await inbox.drop(fresh);
    return receiptOf(received);
  } catch (error) {
    await inbox.drop(fresh);
    throw error;
  }
}

/** A command of this machine, which is its owner's: it is done at once, and its answer is one like any other. */
function heed(desk: ReceivingDesk, message: InboundMessage, command: Command, when: When): Promise<Received> {
  if (Object.keys(when).length > 0)
    throw new AppError("bad_request", "A command is done at once: it takes neither a time nor a deadline.");
  const { conversationId, text } = message;
  const settings = () => overviewOf(desk.config, desk.channels.states(), `http://localhost:${desk.port()}/`);
  const taskOf = (tx: Tx): Task => {
    const outcome = obey(command, { tx, now: desk.now(), conversationId, who: ownerHere, settings });
    if (outcome.kind === "again") return { ...outcome.intent, words: text };
    return { type: "chat", input: { prompt: text }, answer: outcome.words, isElsewhere: outcome.kind === "anew" };
  };
  return desk.inbox.obey(message, taskOf);
}

const ownerHere = (): string =>
  "You write on the machine that I live on, in its dashboard, its terminal or over its API: here you are the owner.";

/** Who sends a message again under its key gets the first receipt, and no second job. Null without one. */
function keyOf(request: Request): string | null {
  const key = request.headers.get("idempotency-key")?.trim();
  if (key === undefined) return null;
  if (key !== "" && key.length <= MAX_KEY_CHARS) return key;
  throw new AppError("bad_request", `The Idempotency-Key must have 1 to ${MAX_KEY_CHARS} characters.`);
}

/** Throws AppError, and keeps nothing, when there is nothing in it, or too much. */
export async function readDraft(inbox: Inbox, asked: Asked, parts: readonly File[]): Promise<Draft> {
  const { text, files: ids = [], code, example } = asked;
  if (text.trim() === "" && ids.length + parts.length === 0 && example === undefined && code === undefined)
    throw new AppError("bad_request", "The message is empty. Write something, or send a file.");
  const known = await Promise.all(ids.map((id) => inbox.find(id)));
  const fresh: UploadedFile[] = [];
  try {
    for (const part of parts) fresh.push(await inbox.store(part.name, part.stream()));
    if (example !== undefined) fresh.push(await inbox.storeExample(example));
  } catch (error) {
    await inbox.drop(fresh);
    throw error;
  }
  return { text, files: [...known, ...fresh], fresh, ...(code === undefined ? {} : { code }) };
}

const receiptOf = (admitted: Admitted): Receipt => ({
  job_id: admitted.jobId,
  message_id: admitted.messageId,
  conversation_id: admitted.conversationId,
});
