// Chats on other platforms, and the conversation that each is in.
import { z } from "zod";
import type { Account } from "./contacts.ts";
import type { Tx } from "./db.ts";
import { optionalText, text } from "./rows.ts";

export type Chat = Account & {
  readonly id: string;
  /** The platform's id of it. */
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

export const chatId = ({ channel, account }: Account, chat: string): string => `${channel}:${account}:${chat}`;

/** Statement. */
export function openChat(tx: Tx, { channel, account }: Account, chat: string, person: string, now: number): Chat {
  const id = chatId({ channel, account }, chat);
  tx.run(
    `INSERT INTO chats (id, channel, account, chat, person, created_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET person = excluded.person`,
    id,
    channel,
    account,
    chat,
    person,
    now,
  );
  return readChat(tx, id) ?? { id, channel, account, chat, person, conversationId: null };
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
