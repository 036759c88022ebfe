// Chats on other platforms, and the conversation that each is in.
import { z } from "zod";
import type { Account, Contact } from "./contacts.ts";
import type { Tx } from "./db.ts";
import { optionalText, text } from "./rows.ts";

export type Chat = Account & {
  readonly id: string;
  /** The platform's id of it: where messages go. Empty: somebody else is there now, and it is not known where they are. */
  readonly chat: string;
  readonly person: string;
  /** Null: its next message begins a new one. */
  readonly conversationId: string | null;
};

const ChatRow = z.object({
  id: text,
  channel: text,
  account: text,
  chat: text,
  person: text,
  conversation_id: optionalText,
});

/** Of a chat that is to be opened. It is no address: that changes with a person's number. */
export const newChatId = ({ channel, account }: Account): string => `${channel}:${account}:${Bun.randomUUIDv7()}`;

/** Where we speak with somebody: every person has one chat with an account of ours. */
export function chatOf(tx: Tx, { channel, account, person }: Contact): Chat | null {
  const row = tx.get(
    "SELECT * FROM chats WHERE channel = ? AND account = ? AND person = ? ORDER BY created_at DESC LIMIT 1",
    channel,
    account,
    person,
  );
  return row === null ? null : toChat(row);
}

/** Statement. The chat with this id is at that address; it is opened if it is not there. */
export function openChat(tx: Tx, id: string, { channel, account, person }: Contact, chat: string, now: number): void {
  tx.run(
    `INSERT INTO chats (id, channel, account, chat, person, created_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET chat = excluded.chat`,
    id,
    channel,
    account,
    chat,
    person,
    now,
  );
}

/** Statement. Somebody wrote from there: of the others nobody is there any more. */
export function clearAddress(tx: Tx, { channel, account }: Account, chat: string, except: string): void {
  tx.run(
    "UPDATE chats SET chat = '' WHERE channel = ? AND account = ? AND chat = ? AND id <> ?",
    channel,
    account,
    chat,
    except,
  );
}

export function readChat(tx: Tx, id: string): Chat | null {
  const row = tx.get("SELECT * FROM chats WHERE id = ?", id);
  return row === null ? null : toChat(row);
}

/** The chats of the owners, wherever they are. */
export function chatsOfOwners(tx: Tx): Chat[] {
  return tx
    .all(
      `SELECT chats.* FROM chats JOIN contacts ON contacts.channel = chats.channel AND contacts.account = chats.account
       AND contacts.person = chats.person WHERE standing = 'owner' ORDER BY chats.created_at`,
    )
    .map(toChat);
}

/** Statement. Null: the next message begins a new conversation. */
export function setConversation(tx: Tx, id: string, conversationId: string | null): void {
  tx.run("UPDATE chats SET conversation_id = ? WHERE id = ?", conversationId, id);
}

function toChat(row: Record<string, unknown>): Chat {
  const { conversation_id: conversationId, ...chat } = ChatRow.parse(row);
  return { ...chat, conversationId };
}
