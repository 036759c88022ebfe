// Deliveries: what a platform tells of a message, in whatever order it tells it.
import { describe, expect, test } from "bun:test";
import {
  beginDelivery,
  endAttempt,
  MOST_ATTEMPTS,
  queueDelivery,
  recallSent,
  recordReceipt,
} from "../../src/shared/deliveries.ts";
import { temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const SENT = { outcome: "sent", platformId: "p1" } as const;
const RECEIPT = { delivery: "d1", platformId: "p1" } as const;

async function begun(place: TemporaryBoard): Promise<void> {
  await place.board.write((tx) => queueDelivery(tx, { id: "d1", chatId: "c", operation: {} }, 1));
  await beginDelivery(place.board, "d1");
}

const recall = (place: TemporaryBoard, outcome: "held" | "later" | "failed") =>
  place.board.write((tx) => recallSent(tx, RECEIPT, { outcome, error: "It was not delivered.", notBefore: 0 }, 9));

const deliveries = (place: TemporaryBoard) => place.rows("SELECT state, receipt, ended_at FROM deliveries");

describe("that a message was not delivered", () => {
  test("counts though the answer to the sending comes afterwards", async () => {
    using place = temporaryBoard();
    await begun(place);
    await recall(place, "held");
    await endAttempt(place.board, "d1", SENT, 2);
    expect(deliveries(place)).toEqual([{ state: "held", receipt: null, ended_at: null }]);
  });

  test("counts after it was on its way, and not after it arrived", async () => {
    using place = temporaryBoard();
    await begun(place);
    await endAttempt(place.board, "d1", SENT, 2);
    await place.board.write((tx) => recordReceipt(tx, { ...RECEIPT, status: "sent" }, 3));
    await recall(place, "later");
    expect(deliveries(place)).toEqual([{ state: "ready", receipt: null, ended_at: null }]);
    await beginDelivery(place.board, "d1");
    await endAttempt(place.board, "d1", SENT, 4);
    await place.board.write((tx) => recordReceipt(tx, { ...RECEIPT, status: "delivered" }, 5));
    await recall(place, "later");
    expect(deliveries(place)).toEqual([{ state: "sent", receipt: "delivered", ended_at: 4 }]);
  });

  test("is told no more often than a message is tried", async () => {
    using place = temporaryBoard();
    await begun(place);
    for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt += 1) {
      await endAttempt(place.board, "d1", SENT, 2);
      await recall(place, "later");
      await beginDelivery(place.board, "d1");
    }
    await endAttempt(place.board, "d1", SENT, 2);
    await recall(place, "later");
    expect(deliveries(place)).toEqual([{ state: "failed", receipt: null, ended_at: 9 }]);
  });
});
