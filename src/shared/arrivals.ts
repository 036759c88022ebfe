// What platforms sent: kept before they are told that we have it, and remembered so that nothing is taken twice.
import { z } from "zod";
import type { Account } from "./contacts.ts";
import type { Tx } from "./db.ts";
import { integer, parseJson, text } from "./rows.ts";

export type NewArrival = Account & {
  readonly eventId: string;
  /** Of a new message; null for all else. */
  readonly messageKey: string | null;
  /** Null: it is kept as a mark only. */
  readonly chatId: string | null;
  readonly body: object | null;
};

export type KeptArrival = {
  readonly seq: number;
  readonly chatId: string;
  readonly at: number;
  readonly body: unknown;
};

const ArrivalRow = z.object({ seq: integer, chat_id: text, arrived_at: integer, body: z.unknown() });

/** Statement. Its seq; null for one that is known. */
export function keepArrival(tx: Tx, arrival: NewArrival, now: number): number | null {
  const isThere = tx.run(
    `INSERT INTO arrivals (channel, account, event_id, message_key, chat_id, arrived_at, state, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    arrival.channel,
    arrival.account,
    arrival.eventId,
    arrival.messageKey,
    arrival.chatId,
    now,
    arrival.body === null ? "done" : "waiting",
    arrival.body === null ? null : JSON.stringify(arrival.body),
  );
  if (isThere === 0) return null;
  return integer.parse(tx.get("SELECT last_insert_rowid() AS seq")?.["seq"]);
}

/** Whether it is known. */
export function isKept(tx: Tx, { channel, account, eventId }: Account & { readonly eventId: string }): boolean {
  const sql = "SELECT 1 FROM arrivals WHERE channel = ? AND account = ? AND event_id = ?";
  return tx.get(sql, channel, account, eventId) !== null;
}

/** The chats in which something waits. */
export function chatsWaiting(tx: Tx): string[] {
  return tx
    .all("SELECT DISTINCT chat_id FROM arrivals WHERE state = 'waiting' AND state <> 'done'")
    .map((row) => text.parse(row["chat_id"]));
}

/** The chats in which something that came after a seq waits, and the newest seq. */
export function waitingAfter(tx: Tx, after: number): { readonly chatIds: ReadonlySet<string>; readonly seq: number } {
  const rows = tx.all("SELECT chat_id FROM arrivals WHERE seq > ? AND state = 'waiting'", after);
  const newest = tx.get("SELECT coalesce(max(seq), 0) AS newest FROM arrivals")?.["newest"];
  return { chatIds: new Set(rows.map((row) => text.parse(row["chat_id"]))), seq: integer.parse(newest) };
}

/** In the order of their coming: the first of them, or the first after a seq. A chat may have thousands. */
export function arrivalsOf(
  tx: Tx,
  chatId: string,
  state: "waiting" | "asked",
  { after = 0, limit = 1_000 }: { readonly after?: number; readonly limit?: number } = {},
): KeptArrival[] {
  return tx
    .all(
      `SELECT seq, chat_id, arrived_at, body FROM arrivals
       WHERE chat_id = ? AND state = ? AND state <> 'done' AND seq > ? ORDER BY seq LIMIT ?`,
      chatId,
      state,
      after,
      limit,
    )
    .map((row) => {
      const { seq, chat_id, arrived_at, body } = ArrivalRow.parse(row);
      return { seq, chatId: chat_id, at: arrived_at, body: parseJson(body) };
    });
}

/** Statement. False if somebody else was quicker. */
export function closeArrival(tx: Tx, seq: number): boolean {
  return tx.run("UPDATE arrivals SET state = 'done', body = NULL WHERE seq = ? AND state <> 'done'", seq) === 1;
}

/** Statement. Its sender was asked what to do with it; `body` is what is kept until then. */
export function markAsked(tx: Tx, seq: number, body: object): void {
  tx.run(
    "UPDATE arrivals SET state = 'asked', body = ? WHERE seq = ? AND state = 'waiting'",
    JSON.stringify(body),
    seq,
  );
}
