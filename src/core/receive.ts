// POST /api/messages: a form with files, or JSON → an InboundMessage → the inbox.
import { z } from "zod";
import type { Admitted } from "../shared/conversations.ts";
import { AppError } from "../shared/errors.ts";
import type { UploadedFile } from "../shared/types.ts";
import { isMultipart } from "./http.ts";
import type { Inbox } from "./inbox.ts";

export const Receipt = z.object({ job_id: z.string(), message_id: z.string(), conversation_id: z.string() });
type Receipt = z.infer<typeof Receipt>;

type JsonMessage = {
  readonly text: string;
  readonly conversation_id?: string | undefined;
  readonly files?: readonly string[] | undefined;
  readonly code?: string | undefined;
  readonly example?: string | undefined;
};

type Draft = {
  readonly text: string;
  readonly conversationId: string | null;
  readonly files: readonly UploadedFile[];
  /** Those of them that came with this very message. */
  readonly fresh: readonly UploadedFile[];
  readonly code?: string;
};

const MAX_FILES = 50;

export async function readMessage(
  desk: { readonly inbox: Inbox; readonly config: { readonly maxUploadBytes: number } },
  request: Request,
  body: JsonMessage | undefined,
): Promise<Receipt> {
  const { inbox } = desk;
  const { fresh, ...draft } =
    isMultipart(request) || body === undefined ? await fromForm(inbox, request) : await fromJson(inbox, body);
  if (draft.text.trim() === "" && draft.files.length === 0 && draft.code === undefined)
    throw new AppError("bad_request", "The message is empty. Write something, or send a file.");
  try {
    return receiptOf(await inbox.receive({ channel: "web", channelMessageId: Bun.randomUUIDv7(), ...draft }));
  } catch (error) {
    await inbox.drop(fresh);
    throw error;
  }
}

async function fromJson(inbox: Inbox, body: JsonMessage): Promise<Draft> {
  const known = await Promise.all((body.files ?? []).map((id) => inbox.find(id)));
  const example = body.example === undefined ? [] : [await inbox.storeExample(body.example)];
  return {
    text: body.text,
    conversationId: body.conversation_id ?? null,
    files: [...known, ...example],
    fresh: example,
    ...(body.code === undefined ? {} : { code: body.code }),
  };
}

async function fromForm(inbox: Inbox, request: Request): Promise<Draft> {
  const form = await readForm(request);
  const text = textOf(form.get("text"));
  if (text.length > 100_000)
    throw new AppError("too_large", "The text is longer than 100,000 characters. Send it as a file.");
  const parts = [...form.getAll("files"), ...form.getAll("file")].filter((part) => part instanceof File);
  if (parts.length > MAX_FILES) throw new AppError("too_large", `That is more than ${MAX_FILES} files in one message.`);
  const files: UploadedFile[] = [];
  try {
    for (const part of parts) files.push(await inbox.store(part.name, part.stream()));
  } catch (error) {
    await inbox.drop(files);
    throw error;
  }
  const code = textOf(form.get("code"));
  return {
    text,
    conversationId: textOf(form.get("conversation_id")) || null,
    files,
    fresh: files,
    ...(code === "" ? {} : { code }),
  };
}

async function readForm(request: Request) {
  try {
    return await request.formData();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("bad_request", "The form could not be read.", { cause: error });
  }
}

/** Forms carry line ends as CRLF (HTML, multipart/form-data); people wrote LF. */
const textOf = (part: unknown): string => (typeof part === "string" ? part.replaceAll("\r\n", "\n") : "");

const receiptOf = (admitted: Admitted): Receipt => ({
  job_id: admitted.jobId,
  message_id: admitted.messageId,
  conversation_id: admitted.conversationId,
});
