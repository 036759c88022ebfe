// Where platforms hand in what happened on them: who may write, what is kept, and that nothing is taken twice.
import { z } from "zod";
import { closeArrival, keepArrival } from "../shared/arrivals.ts";
import { chatId, chatsOfOwners, openChat } from "../shared/chats.ts";
import {
  addAliases,
  addAsking,
  findContact,
  setStanding,
  takeInvitation,
  type Account,
  type Contact,
} from "../shared/contacts.ts";
import type { Board, Tx } from "../shared/db.ts";
import { recallSent, recordReceipt, releaseHeld } from "../shared/deliveries.ts";
import type { Arrival, Channel, Door, Health, Receipt } from "./channels/channel.ts";
import { say } from "./outbox.ts";

export type DoorDesk = {
  readonly board: Board;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly now: () => number;
  /** Something was let in, or is to be said. */
  readonly onAdmitted: () => void;
  readonly onHealth: (health: Health) => void;
};

const File = z.object({ ref: z.string(), name: z.string(), bytes: z.number().nullable() });
/** What is kept of an arrival until it has been dealt with. */
export const Kept = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("message"),
    messageId: z.string(),
    text: z.string(),
    files: z.array(File),
    groupId: z.string().nullable(),
    isForwarded: z.boolean(),
  }),
  z.object({ kind: z.literal("press"), messageId: z.string(), pressId: z.string(), action: z.string() }),
]);
export type Kept = z.infer<typeof Kept>;

export function createDoor(desk: DoorDesk, channel: Channel): Door {
  const account = { channel: channel.name, account: channel.account };
  return {
    admit: async (arrivals, receipts = []) => {
      await desk.board.write((tx) => {
        for (const arrival of arrivals) letIn(desk, tx, account, arrival);
        for (const receipt of receipts) takeReceipt(tx, receipt, desk.now());
      });
      desk.onAdmitted();
    },
    tell: desk.onHealth,
  };
}

function letIn(desk: DoorDesk, tx: Tx, account: Account, arrival: Arrival): void {
  const now = desk.now();
  const contact = findContact(tx, account, arrival.person);
  const { event } = arrival;
  if (event.kind === "renamed") {
    const known = findContact(tx, account, [event.from]);
    if (known !== null) addAliases(tx, known, arrival.person);
    return;
  }
  const isWelcome = contact?.standing === "owner" || contact?.standing === "allowed";
  const kept = isWelcome && arrival.isPrivate ? event : null;
  const seq = keepArrival(
    tx,
    {
      ...account,
      eventId: arrival.eventId,
      messageKey: event.kind === "message" ? `${arrival.chat}:${event.messageId}` : null,
      chatId: kept === null ? null : chatId(account, arrival.chat),
      body: kept,
    },
    now,
  );
  if (seq === null || !arrival.isPrivate) return;
  if (event.kind === "message" && takeInvitation(tx, codeIn(event.text), now)) {
    welcome(desk, tx, account, arrival, seq);
    return;
  }
  if (isWelcome && contact !== null) {
    addAliases(tx, contact, arrival.person);
    openChat(tx, account, arrival.chat, contact.person, now);
    releaseHeld(tx, chatId(account, arrival.chat));
  } else if (contact === null) askOwners(desk, tx, account, arrival.person, now);
}

/** `/start CODE`, or the code alone where a link can only prefill the message. */
const codeIn = (text: string): string => /^(?:\/start\s+)?([\w-]{16,64})$/.exec(text.trim())?.[1] ?? "";

function welcome(desk: DoorDesk, tx: Tx, account: Account, arrival: Arrival, seq: number): void {
  const now = desk.now();
  const person = arrival.person[0] ?? "";
  const owner = setStanding(tx, { ...account, person, standing: "owner" }, now);
  addAliases(tx, owner, arrival.person);
  const chat = openChat(tx, account, arrival.chat, person, now);
  // What the message says is the code; it is not kept.
  closeArrival(tx, seq);
  say(desk, tx, chat.id, `arrival:${seq}`, WELCOME, []);
}

const WELCOME =
  "This chat is yours now. Send a file and say what you want, for example “Graph this CSV”. /help shows more.";

/** A stranger wrote: nothing is kept but the id, nothing is answered, and the owner decides. */
function askOwners(desk: DoorDesk, tx: Tx, account: Account, ids: readonly string[], now: number): void {
  const person = ids[0] ?? "";
  const asking = addAsking(tx, account, person, now);
  if (asking === null) return;
  const mark = markOf(asking);
  for (const chat of chatsOfOwners(tx))
    say(
      desk,
      tx,
      chat.id,
      `card:${mark}:${chat.id}`,
      `Somebody new wrote to this bot on ${account.channel}: id ${person}. May they use it?`,
      [
        { title: "Let in", action: `allow:${mark}` },
        { title: "Refuse", action: `refuse:${mark}` },
      ],
    );
}

/** Names a contact on a button: buttons carry few bytes. */
export function markOf({ channel, account, person }: Contact): string {
  return new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([channel, account, person]))
    .digest("hex")
    .slice(0, 16);
}

function takeReceipt(tx: Tx, receipt: Receipt, now: number): void {
  if (receipt.status !== "failed") {
    recordReceipt(tx, { ...receipt, status: receipt.status }, now);
    return;
  }
  const failure = receipt.error?.failure ?? "permanent";
  const outcome = failure === "window" ? "held" : failure === "not_sent" ? "later" : "failed";
  const error = receipt.error?.message ?? "The platform could not deliver it.";
  recallSent(tx, receipt, { outcome, error, notBefore: now + (receipt.error?.retryAfterMs ?? 0) }, now);
}
