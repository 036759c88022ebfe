// Conversations and their messages, and the unit of work that lets a message in.
import { z } from "zod";
import { insertAnswered } from "./answered.ts";
import type { Board, Tx } from "./db.ts";
import { insertJob, PERSON_PRIORITY, type NewJob } from "./jobs.ts";
import { integer, optionalText, text } from "./rows.ts";
import type { Conversation, InboundMessage, Message, UploadedFile } from "./types.ts";
import { insertUpload, readUpload, uploadsOfMessage } from "./uploads.ts";

const ConversationRow = z.object({ id: text, title: text, created_at: integer, updated_at: integer });
const MessageRow = z.object({
  id: text,
  conversation_id: text,
  role: z.enum(["user", "assistant"]),
  channel: text,
  text,
  job_id: optionalText,
  created_at: integer,
});

export type Admitted = { readonly messageId: string; readonly jobId: string; readonly conversationId: string };

/** What a message becomes. */
export type Task = Pick<NewJob, "type" | "input" | "words" | "runAt" | "deadlineAt"> & {
  /** It is answered already. */
  readonly answer?: string;
  /** Not in the conversation in which it was written, but in a new one. */
  readonly isElsewhere?: boolean;
};

/**
 * One durable transaction: uploads, conversation, message, job, event. A message that is there already (same channel and
 * id) changes nothing and answers with what it made the first time. Null: the named conversation does not exist. `taskOf`
 * and `also` are statements of the same transaction.
 */
export function admitMessage(
  board: Board,
  message: InboundMessage,
  ids: Admitted,
  taskOf: (tx: Tx) => Task,
  now: number,
  also: (tx: Tx, admitted: Admitted) => void = () => undefined,
): Promise<Admitted | null> {
  return board.write((tx) => {
    const known = findMessage(tx, message.channel, message.channelMessageId);
    if (known !== null) {
      also(tx, known);
      return known;
    }
    if (message.conversationId !== null && readConversation(tx, message.conversationId) === null) return null;
    const { answer, isElsewhere = false, ...task } = taskOf(tx);
    const there = isElsewhere ? null : message.conversationId;
    const conversationId = there ?? ids.conversationId;
    const title = answer === undefined ? titleOf(message) : UNTITLED;
    if (there === null) insertConversation(tx, conversationId, title, now);
    else touchConversation(tx, there, title, now);
    const { messageId, jobId } = ids;
    insertMessage(tx, { ...message, id: messageId, conversationId, role: "user", jobId }, now);
    const job = { ...task, id: jobId, conversationId, files: message.files, priority: PERSON_PRIORITY };
    if (answer === undefined) insertJob(tx, job, now);
    else insertAnswered(tx, job, answer, now);
    also(tx, { ...ids, conversationId });
    return { ...ids, conversationId };
  });
}

export function listConversations(tx: Tx, limit: number): Conversation[] {
  return tx.all("SELECT * FROM conversations ORDER BY updated_at DESC, id DESC LIMIT ?", limit).map(toConversation);
}

export function readConversation(tx: Tx, id: string): Conversation | null {
  const row = tx.get("SELECT * FROM conversations WHERE id = ?", id);
  return row === null ? null : toConversation(row);
}

export function messagesOf(tx: Tx, conversationId: string): Message[] {
  const rows = tx.all("SELECT * FROM messages WHERE conversation_id = ? ORDER BY rowid", conversationId);
  return rows.map((row) => {
    const { id, conversation_id, role, channel, text, job_id, created_at } = MessageRow.parse(row);
    return {
      id,
      conversationId: conversation_id,
      role,
      channel,
      text,
      files: uploadsOfMessage(tx, id),
      jobId: job_id,
      createdAt: created_at,
    };
  });
}

/** The files of the latest message of this conversation that had any: what "now by month" is about. */
export function latestFiles(tx: Tx, conversationId: string): UploadedFile[] {
  const row = tx.get(
    `SELECT messages.id FROM messages JOIN message_uploads ON message_id = messages.id
     WHERE conversation_id = ? ORDER BY messages.rowid DESC LIMIT 1`,
    conversationId,
  );
  return row === null ? [] : uploadsOfMessage(tx, text.parse(row["id"]));
}

/** Whose bytes are now nobody's. */
export type Leftovers = { readonly jobIds: readonly string[]; readonly uploadIds: readonly string[] };

/** Removes the conversation with its jobs, events and rows; not while one of its jobs runs. */
export function deleteConversation(board: Board, id: string): Promise<Leftovers | "unknown" | "running"> {
  return board.write((tx) => {
    if (readConversation(tx, id) === null) return "unknown";
    if (tx.get("SELECT 1 FROM job_run WHERE conversation_id = ? AND state = 'running'", id) !== null) return "running";
    const jobIds = tx
      .all("SELECT job_id FROM job_run WHERE conversation_id = ?", id)
      .map((row) => text.parse(row["job_id"]));
    const uploads = tx.all(
      `SELECT DISTINCT upload_id FROM message_uploads JOIN messages ON messages.id = message_id WHERE conversation_id = ?`,
      id,
    );
    tx.run("DELETE FROM conversations WHERE id = ?", id);
    for (const jobId of jobIds) tx.run("DELETE FROM jobs WHERE id = ?", jobId);
    const uploadIds = uploads
      .map((row) => text.parse(row["upload_id"]))
      .filter((upload) => tx.get("SELECT 1 FROM message_uploads WHERE upload_id = ?", upload) === null);
    for (const upload of uploadIds) tx.run("DELETE FROM uploads WHERE id = ?", upload);
    return { jobIds, uploadIds };
  });
}

function findMessage(tx: Tx, channel: string, channelMessageId: string): Admitted | null {
  const row = tx.get(
    "SELECT id, job_id, conversation_id FROM messages WHERE channel = ? AND channel_message_id = ?",
    channel,
    channelMessageId,
  );
  if (row === null) return null;
  return {
    messageId: text.parse(row["id"]),
    jobId: text.parse(row["job_id"]),
    conversationId: text.parse(row["conversation_id"]),
  };
}

/** Of a conversation in which nothing was asked yet. */
const UNTITLED = "New conversation";

function insertConversation(tx: Tx, id: string, title: string, now: number): void {
  tx.run("INSERT INTO conversations (id, title, created_at, updated_at) VALUES (?, ?, ?, ?)", id, title, now, now);
}

/** The first real message gives it its title. */
function touchConversation(tx: Tx, id: string, title: string, now: number): void {
  tx.run(
    "UPDATE conversations SET updated_at = ?, title = CASE title WHEN ? THEN ? ELSE title END WHERE id = ?",
    now,
    UNTITLED,
    title,
    id,
  );
}

type NewMessage = Omit<Message, "createdAt"> & {
  /** Unique within its channel. */
  readonly channelMessageId: string;
};

/** Statement: the message, and its files where they are not known yet. */
export function insertMessage(tx: Tx, message: NewMessage, now: number): void {
  tx.run(
    `INSERT INTO messages (id, conversation_id, role, channel, channel_message_id, text, job_id, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    message.id,
    message.conversationId,
    message.role,
    message.channel,
    message.channelMessageId,
    message.text,
    message.jobId,
    now,
  );
  message.files.forEach((file, position) => {
    if (readUpload(tx, file.id) === null) insertUpload(tx, file, now);
    tx.run(
      "INSERT INTO message_uploads (message_id, position, upload_id) VALUES (?, ?, ?)",
      message.id,
      position,
      file.id,
    );
  });
}

function titleOf(message: InboundMessage): string {
  const words = message.text.trim() || message.files.map((file) => file.name).join(", ") || UNTITLED;
  const line = words.replace(/\s+/g, " ");
  return line.length <= 80 ? line : `${line.slice(0, 79).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function toConversation(row: Record<string, unknown>): Conversation {
  const { id, title, created_at, updated_at } = ConversationRow.parse(row);
  return { id, title, createdAt: created_at, updatedAt: updated_at };
}
