// What is to be said in chats: every answer has its row from the transaction on that ended its job.
import { z } from "zod";
import type { Board, Tx } from "./db.ts";
import { integer, optionalText, parseJson, text } from "./rows.ts";

export type Delivery = {
  readonly id: string;
  readonly chatId: string;
  readonly jobId: string | null;
  /** Parsed JSON, not yet validated. */
  readonly operation: unknown;
  /** `sending`: an attempt was begun, and nobody knows its end. */
  readonly state: "ready" | "sending" | "held";
  readonly attempts: number;
  readonly notBefore: number;
  readonly placed: string | null;
  readonly createdAt: number;
  readonly turn: number;
};

export type Reply = {
  readonly jobId: string;
  readonly chatId: string;
  readonly askedBy: string | null;
  readonly placed: string | null;
};

const DeliveryRow = z.object({
  id: text,
  chat_id: text,
  job_id: optionalText,
  operation: z.unknown(),
  state: z.enum(["ready", "sending", "held"]),
  attempts: integer,
  not_before: integer,
  placed: optionalText,
  created_at: integer,
  turn: integer,
});
const ReplyRow = z.object({ job_id: text, chat_id: text, asked_by: optionalText, placed: optionalText });

/** Attempts that may each have had their effect; then a message is given up. */
export const MOST_ATTEMPTS = 16;

const OPEN = "(state = 'ready' OR state = 'sending' OR state = 'held')";

/** Statement. Where the answer to this job goes; `askedBy` is the platform's id of the message. */
export function addReply(tx: Tx, jobId: string, chatId: string, askedBy: string | null): void {
  tx.run(
    "INSERT INTO replies (job_id, chat_id, asked_by) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    jobId,
    chatId,
    askedBy,
  );
}

export function readReply(tx: Tx, jobId: string): Reply | null {
  const row = tx.get("SELECT * FROM replies WHERE job_id = ?", jobId);
  return row === null ? null : toReply(row);
}

/** Those whose job has not ended: their chats wait. */
export function openReplies(tx: Tx): Reply[] {
  return tx
    .all(
      `SELECT replies.* FROM job_run INDEXED BY job_open CROSS JOIN replies ON replies.job_id = job_run.job_id
       WHERE conversation_id IS NOT NULL AND finished_at IS NULL`,
    )
    .map(toReply);
}

/** The platform's id of the message that shows the job's progress; null: there is none any more. */
export function setPlaced(board: Board, jobId: string, placed: string | null): Promise<void> {
  return board.write((tx) => void tx.run("UPDATE replies SET placed = ? WHERE job_id = ?", placed, jobId));
}

/** Statement. Whoever does it again makes no second one. */
export function queueDelivery(
  tx: Tx,
  delivery: { readonly id: string; readonly chatId: string; readonly operation: object },
  now: number,
): void {
  tx.run(
    `INSERT INTO deliveries (turn, id, chat_id, operation, created_at)
     VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM deliveries), ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    delivery.id,
    delivery.chatId,
    JSON.stringify(delivery.operation),
    now,
  );
}

/** The chats in which something is still to be said. */
export function chatsOpen(tx: Tx): string[] {
  return tx.all(`SELECT DISTINCT chat_id FROM deliveries WHERE ${OPEN}`).map((row) => text.parse(row["chat_id"]));
}

/** The chats in which something was queued after a seq, and the newest seq. */
export function chatsAfter(tx: Tx, seq: number): { readonly chatIds: readonly string[]; readonly seq: number } {
  const rows = tx.all(`SELECT chat_id FROM deliveries NOT INDEXED WHERE seq > ? AND ${OPEN}`, seq);
  const newest = tx.get("SELECT coalesce(max(seq), 0) AS newest FROM deliveries")?.["newest"];
  return { chatIds: [...new Set(rows.map((row) => text.parse(row["chat_id"])))], seq: integer.parse(newest) };
}

/** What comes next in a chat. */
export function nextDelivery(tx: Tx, chatId: string): Delivery | null {
  const row = tx.get(`SELECT * FROM deliveries WHERE chat_id = ? AND ${OPEN} ORDER BY turn, part LIMIT 1`, chatId);
  if (row === null) return null;
  const one = DeliveryRow.parse(row);
  return {
    id: one.id,
    chatId: one.chat_id,
    jobId: one.job_id,
    operation: parseJson(one.operation),
    state: one.state,
    attempts: one.attempts,
    notBefore: one.not_before,
    placed: one.placed,
    createdAt: one.created_at,
    turn: one.turn,
  };
}

/** A result becomes what it is rendered to, in its place. The first of them may fill the message that showed progress. */
export function expandDelivery(
  board: Board,
  delivery: Delivery,
  operations: readonly object[],
  placed: string | null,
  now: number,
): Promise<void> {
  return board.write((tx) => {
    if (tx.run(`DELETE FROM deliveries WHERE id = ? AND ${OPEN}`, delivery.id) === 0) return;
    operations.forEach((operation, part) =>
      tx.run(
        `INSERT INTO deliveries (turn, part, id, chat_id, job_id, operation, placed, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        delivery.turn,
        part,
        `${delivery.id}.${part}`,
        delivery.chatId,
        delivery.jobId,
        JSON.stringify(operation),
        part === 0 ? placed : null,
        now,
      ),
    );
  });
}

/** Durable before anything is asked of the platform. False: it is not to be sent any more. */
export function beginDelivery(board: Board, id: string): Promise<boolean> {
  return board.write(
    (tx) =>
      tx.run(`UPDATE deliveries SET state = 'sending', attempts = attempts + 1 WHERE id = ? AND ${OPEN}`, id) === 1,
  );
}

export function rememberPlaced(board: Board, id: string, placed: string): Promise<void> {
  return board.write((tx) => void tx.run("UPDATE deliveries SET placed = ? WHERE id = ?", placed, id));
}

/** How an attempt ended. `later`: it had no effect; `unknown`: it may have had; `held`: until the person writes. */
export type DeliveryEnd =
  | { readonly outcome: "sent"; readonly platformId: string }
  | { readonly outcome: "later" | "unknown" | "held" | "failed"; readonly error: string; readonly notBefore: number };

const STATES = { later: "ready", unknown: "sending", held: "held", failed: "failed" } as const;

/** `also` is statements of the same transaction. */
export function endAttempt(
  board: Board,
  id: string,
  end: DeliveryEnd,
  now: number,
  also: (tx: Tx) => void = () => undefined,
): Promise<void> {
  return board.write((tx) => {
    if (end.outcome === "sent") {
      // Not any more where the platform has already told that it could not deliver.
      markSent(tx, id, end.platformId, now, "state = 'sending'");
      return;
    }
    // What had no effect was no attempt.
    tx.run(
      `UPDATE deliveries SET state = ?, error = ?, not_before = ?, ended_at = ?, attempts = attempts - ?
       WHERE id = ? AND ${OPEN}`,
      STATES[end.outcome],
      end.error,
      Math.ceil(end.notBefore),
      end.outcome === "failed" ? now : null,
      end.outcome === "later" ? 1 : 0,
      id,
    );
    also(tx);
  });
}

/** Statement. */
function markSent(tx: Tx, id: string, platformId: string, now: number, where = OPEN): void {
  tx.run(
    `UPDATE deliveries SET state = 'sent', platform_id = ?, ended_at = ?, error = NULL WHERE id = ? AND ${where}`,
    platformId,
    now,
    id,
  );
}

/** How far a message got; it only ever rises, whatever order the platform tells it in. */
const RECEIPTS = ["sent", "delivered", "read"] as const;
export type ReceiptStatus = (typeof RECEIPTS)[number];

/** Statement. What a platform tells of a message: of ours by our id, else by its own. It resolves what nobody knew. */
export function recordReceipt(
  tx: Tx,
  receipt: { readonly delivery: string | null; readonly platformId: string; readonly status: ReceiptStatus },
  now: number,
): string | null {
  const known = deliveryOf(tx, receipt);
  if (known === null) return null;
  markSent(tx, known.id, receipt.platformId, now);
  const lower = RECEIPTS.slice(0, RECEIPTS.indexOf(receipt.status));
  tx.run(
    `UPDATE deliveries SET receipt = ?1 WHERE id = ?2 AND (receipt IS NULL OR receipt = ?3 OR receipt = ?4)`,
    receipt.status,
    known.id,
    lower[0] ?? "",
    lower[1] ?? "",
  );
  return known.chatId;
}

/** Statement. The platform tells that it could not deliver after all: maybe before it has answered the sending. */
export function recallSent(
  tx: Tx,
  receipt: { readonly delivery: string | null; readonly platformId: string },
  end: DeliveryEnd & { readonly error: string; readonly outcome: "held" | "failed" | "later" },
  now: number,
): string | null {
  const known = deliveryOf(tx, receipt);
  if (known === null) return null;
  const outcome = end.outcome === "later" && known.attempts >= MOST_ATTEMPTS ? "failed" : end.outcome;
  tx.run(
    `UPDATE deliveries SET state = ?, error = ?, not_before = ?, ended_at = ?, receipt = NULL
     WHERE id = ? AND state <> 'failed' AND (receipt IS NULL OR receipt = 'sent')`,
    STATES[outcome],
    end.error,
    Math.ceil(end.notBefore),
    outcome === "failed" ? now : null,
    known.id,
  );
  return known.chatId;
}

/** Statement. The person has written: what was held may go. */
export function releaseHeld(tx: Tx, chatId: string): void {
  tx.run("UPDATE deliveries SET state = 'ready', not_before = 0 WHERE chat_id = ? AND state = 'held'", chatId);
}

/** Statement. After a start: what was being sent when we died waits for what the platform may still tell of it. */
export function suspectSending(tx: Tx, account: string, notBefore: number): void {
  for (const chatId of chatsOpen(tx))
    if (chatId.startsWith(account))
      tx.run(
        "UPDATE deliveries SET not_before = ? WHERE chat_id = ? AND state = 'sending' AND not_before < ?",
        notBefore,
        chatId,
        notBefore,
      );
}

function deliveryOf(
  tx: Tx,
  { delivery, platformId }: { readonly delivery: string | null; readonly platformId: string },
): { readonly id: string; readonly chatId: string; readonly attempts: number } | null {
  const row =
    delivery === null
      ? tx.get("SELECT * FROM deliveries WHERE platform_id = ?", platformId)
      : tx.get("SELECT * FROM deliveries WHERE id = ?", delivery);
  if (row === null) return null;
  const { id, chat_id: chatId, attempts } = DeliveryRow.pick({ id: true, chat_id: true, attempts: true }).parse(row);
  return { id, chatId, attempts };
}

function toReply(row: Record<string, unknown>): Reply {
  const { job_id, chat_id, asked_by, placed } = ReplyRow.parse(row);
  return { jobId: job_id, chatId: chat_id, askedBy: asked_by, placed };
}
