// What a person sent: a form with files, or JSON → a draft; POST /api/messages makes an InboundMessage of it.
import { z } from "zod";
import type { Admitted } from "../shared/conversations.ts";
import { AppError } from "../shared/errors.ts";
import type { UploadedFile } from "../shared/types.ts";
import type { Inbox } from "./inbox.ts";
import { whenOf, type Timing } from "./timing.ts";

export const Receipt = z.object({ job_id: z.string(), message_id: z.string(), conversation_id: z.string() });
type Receipt = z.infer<typeof Receipt>;

export type JsonDraft = {
  readonly text: string;
  readonly conversation_id?: string | undefined;
  readonly files?: readonly string[] | undefined;
  readonly code?: string | undefined;
  readonly example?: string | undefined;
};

export type Draft = {
  readonly text: string;
  readonly conversationId: string | null;
  readonly files: readonly UploadedFile[];
  /** Those of them that came with this very message. */
  readonly fresh: readonly UploadedFile[];
  readonly code?: string;
};

const MAX_FILES = 50;
const MAX_KEY_CHARS = 200;

/** What is wrong with the key or with the times is known before a file is kept. */
export async function readMessage(
  desk: { readonly inbox: Inbox; readonly now: () => number },
  request: Request,
  body: (JsonDraft & Timing) | undefined,
): Promise<Receipt> {
  const { inbox } = desk;
  const key = keyOf(request);
  const { timing, read } = await openDraft(inbox, request, body);
  // Its deadline may be over only because it is sent again; the first time it was in time.
  const when = whenOf(timing, key === null ? desk.now() : 0);
  const { fresh, ...draft } = await read();
  try {
    const message = { channel: "web", channelMessageId: key ?? Bun.randomUUIDv7(), ...draft };
    const received = await inbox.receive(message, when);
    // Sent a second time: its files are there already.
    if (!received.isNew) await inbox.drop(fresh);
    return receiptOf(received);
  } catch (error) {
    await inbox.drop(fresh);
    throw error;
  }
}

async function openDraft(
  inbox: Inbox,
  request: Request,
  body: (JsonDraft & Timing) | undefined,
): Promise<{ readonly timing: Timing; readonly read: () => Promise<Draft> }> {
  if (body !== undefined) return { timing: body, read: () => draftFromJson(inbox, body) };
  const form = await readForm(request);
  const field = (name: string) => textOf(form.get(name)) || undefined;
  const timing = { not_before: field("not_before"), deadline: field("deadline") };
  return { timing, read: () => draftFromForm(inbox, form) };
}

/** Who sends a message again under its key gets the first receipt, and no second job. Null without one. */
function keyOf(request: Request): string | null {
  const key = request.headers.get("idempotency-key")?.trim();
  if (key === undefined) return null;
  if (key !== "" && key.length <= MAX_KEY_CHARS) return key;
  throw new AppError("bad_request", `The Idempotency-Key must have 1 to ${MAX_KEY_CHARS} characters.`);
}

/** Throws AppError `bad_request` when there is nothing in it. */
export async function draftFromJson(inbox: Inbox, body: JsonDraft): Promise<Draft> {
  const { text, code, files = [], example: wanted } = body;
  assertNotEmpty(text, files.length + (wanted === undefined ? 0 : 1), code);
  const known = await Promise.all(files.map((id) => inbox.find(id)));
  const example = wanted === undefined ? [] : [await inbox.storeExample(wanted)];
  return {
    text,
    conversationId: body.conversation_id ?? null,
    files: [...known, ...example],
    fresh: example,
    ...(code === undefined ? {} : { code }),
  };
}

/** Throws AppError, and keeps nothing, when there is nothing in it, or too much. */
export async function draftFromForm(inbox: Inbox, form: FormData): Promise<Draft> {
  const text = textOf(form.get("text"));
  const code = textOf(form.get("code"));
  if (text.length > 100_000)
    throw new AppError("too_large", "The text is longer than 100,000 characters. Send it as a file.");
  const parts = [...form.getAll("files"), ...form.getAll("file")].filter((part) => part instanceof File);
  if (parts.length > MAX_FILES) throw new AppError("too_large", `That is more than ${MAX_FILES} files in one message.`);
  assertNotEmpty(text, parts.length, code === "" ? undefined : code);
  const files: UploadedFile[] = [];
  try {
    for (const part of parts) files.push(await inbox.store(part.name, part.stream()));
  } catch (error) {
    await inbox.drop(files);
    throw error;
  }
  return {
    text,
    conversationId: textOf(form.get("conversation_id")) || null,
    files,
    fresh: files,
    ...(code === "" ? {} : { code }),
  };
}

export async function readForm(request: Request): Promise<FormData> {
  try {
    return await request.formData();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("bad_request", "The form could not be read.", { cause: error });
  }
}

function assertNotEmpty(text: string, fileCount: number, code: string | undefined): void {
  if (text.trim() === "" && fileCount === 0 && code === undefined)
    throw new AppError("bad_request", "The message is empty. Write something, or send a file.");
}

/** Forms carry line ends as CRLF (HTML, multipart/form-data); people wrote LF. */
export const textOf = (part: unknown): string => (typeof part === "string" ? part.replaceAll("\r\n", "\n") : "");

const receiptOf = (admitted: Admitted): Receipt => ({
  job_id: admitted.jobId,
  message_id: admitted.messageId,
  conversation_id: admitted.conversationId,
});
