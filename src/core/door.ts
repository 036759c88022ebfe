// Where platforms hand in what happened on them: who may write, what is kept, and that nothing is taken twice.
import { z } from "zod";
import { closeArrival, keepArrival } from "../shared/arrivals.ts";
import { chatOf, clearAddress, chatsOfOwners, newChatId, openChat } from "../shared/chats.ts";
import {
  addAliases,
  addAsking,
  dropAliases,
  expireAsking,
  findContact,
  renameContact,
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
  const { event } = arrival;
  if (event.kind === "renamed") {
    rename(tx, account, arrival, event.from, now);
    return;
  }
  const contact = findContact(tx, account, arrival.person);
  const isWelcome = contact?.standing === "owner" || contact?.standing === "allowed";
  const id = contact === null ? newChatId(account) : (chatOf(tx, contact)?.id ?? newChatId(account));
  const kept = isWelcome && arrival.isPrivate ? event : null;
  const seq = keepArrival(
    tx,
    {
      ...account,
      eventId: arrival.eventId,
      messageKey: event.kind === "message" ? `${arrival.chat}:${event.messageId}` : null,
      chatId: kept === null ? null : id,
      body: kept,
    },
    now,
  );
  if (seq === null || !arrival.isPrivate) return;
  clearAddress(tx, account, arrival.chat, id);
  if (event.kind === "message" && takeInvitation(tx, codeIn(event.text), now)) {
    // What the message says is the code; it is not kept.
    closeArrival(tx, seq);
    const [person = ""] = arrival.person;
    const owner = setStanding(tx, { ...account, person: contact?.person ?? person, standing: "owner" }, now);
    meet(tx, owner, id, arrival, now);
    say(desk, tx, id, `arrival:${seq}`, WELCOME, []);
  } else if (isWelcome && contact !== null) {
    meet(tx, contact, id, arrival, now);
    releaseHeld(tx, id);
  } else if (contact === null) askOwners(desk, tx, account, arrival.person, seq);
}

/** They are known by the strongest of their ids, and spoken to where they wrote from. */
function meet(tx: Tx, contact: Contact, chatId: string, { person: ids, chat }: Arrival, now: number): void {
  const [strongest = contact.person] = ids;
  const isStronger = ids.includes(contact.person);
  const known = isStronger ? renameContact(tx, contact, strongest) : contact;
  addAliases(tx, known, ids);
  openChat(tx, chatId, known, chat, now);
}

/** The old id may be somebody else's tomorrow. */
function rename(tx: Tx, account: Account, { person: ids, chat }: Arrival, from: string, now: number): void {
  const contact = findContact(tx, account, [from]);
  if (contact === null) return;
  dropAliases(tx, account, [from]);
  const [person = contact.person] = ids;
  const known = contact.person === from ? renameContact(tx, contact, person) : contact;
  addAliases(tx, known, ids);
  const talk = chatOf(tx, known);
  if (talk !== null) openChat(tx, talk.id, known, chat, now);
}

/** `/start CODE`, or the code alone where a link can only prefill the message. */
const codeIn = (text: string): string => /^(?:\/start\s+)?([\w-]{16,64})$/.exec(text.trim())?.[1] ?? "";

const WELCOME =
  "This chat is yours now. Send a file and say what you want, for example “Graph this CSV”. /help shows more.";

/** A stranger wrote: nothing is kept but the id, nothing is answered, and the owner decides. */
function askOwners(
  desk: DoorDesk,
  tx: Tx,
  account: Account,
  [person = "", ...weaker]: readonly string[],
  seq: number,
): void {
  dropAliases(tx, account, weaker);
  expireAsking(tx, desk.now());
  const asking = addAsking(tx, account, person, desk.now());
  if (asking === null) return;
  const mark = markOf(asking);
  for (const chat of chatsOfOwners(tx))
    say(
      desk,
      tx,
      chat.id,
      `card:${seq}:${chat.id}`,
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
