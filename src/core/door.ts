// Where platforms hand in what happened on them: who may write, what is kept, and that nothing is taken twice.
import { z } from "zod";
import { isKept, keepArrival } from "../shared/arrivals.ts";
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
import type { Arrival, ArrivalEvent, Channel, Door, Health, Receipt } from "./channels/channel.ts";
import { say } from "./outbox.ts";

export type DoorDesk = {
  readonly board: Board;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly now: () => number;
  /** Something was let in, or is to be said: in these chats what waited may go. */
  readonly onAdmitted: (chatIds: ReadonlySet<string>) => void;
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
      const woken = await desk.board.write((tx) => [
        ...arrivals.map((arrival) => letIn(desk, tx, account, arrival)),
        ...receipts.map((receipt) => takeReceipt(desk, tx, account, receipt)),
      ]);
      desk.onAdmitted(new Set(woken.filter((chatId) => chatId !== null)));
    },
    tell: desk.onHealth,
  };
}

/** Returns the chat in which what waited may go; null: nothing has changed in any. */
function letIn(desk: DoorDesk, tx: Tx, account: Account, arrival: Arrival): string | null {
  const now = desk.now();
  const { event } = arrival;
  if (event.kind === "renamed") return rename(tx, account, arrival, event.from, now);
  // Of groups, and of those who may not write, nothing is kept: not even a mark, of which they could make many.
  if (!arrival.isPrivate) return null;
  const contact = findContact(tx, account, arrival.person);
  const isWelcome = contact?.standing === "owner" || contact?.standing === "allowed";
  const isInvited = event.kind === "message" && takeInvitation(tx, account, codeIn(event), now);
  if (!isWelcome && !isInvited) {
    if (contact === null) askOwners(desk, tx, account, arrival);
    return null;
  }
  const id = contact === null ? newChatId(account) : (chatOf(tx, contact)?.id ?? newChatId(account));
  const mark = {
    ...account,
    eventId: arrival.eventId,
    messageKey: event.kind === "message" ? `${arrival.chat}:${event.messageId}` : null,
  };
  // What a message with a code says is not kept.
  const seq = keepArrival(
    tx,
    isInvited ? { ...mark, chatId: null, body: null } : { ...mark, chatId: id, body: event },
    now,
  );
  if (seq === null) return null;
  clearAddress(tx, account, arrival.chat, id);
  const [person = ""] = arrival.person;
  const owner = { ...account, person: contact?.person ?? person, standing: "owner" } as const;
  meet(tx, isInvited || contact === null ? setStanding(tx, owner, now) : contact, id, arrival, now);
  if (isInvited) say(desk, tx, id, `arrival:${seq}`, WELCOME, []);
  releaseHeld(tx, id);
  return id;
}

/** They are known by the strongest of their ids, and spoken to where they wrote from. */
function meet(tx: Tx, contact: Contact, chatId: string, { person: ids, chat }: Arrival, now: number): void {
  const [strongest = contact.person] = ids;
  const isStronger = ids.includes(contact.person);
  const known = isStronger ? renameContact(tx, contact, strongest) : contact;
  addAliases(tx, known, ids);
  openChat(tx, chatId, known, chat, now);
}

/** The old id may be somebody else's tomorrow: told a second time, it may be already. */
function rename(
  tx: Tx,
  account: Account,
  { eventId, person: ids, chat }: Arrival,
  from: string,
  now: number,
): string | null {
  const contact = findContact(tx, account, [from]);
  if (contact === null) return null;
  const mark = { ...account, eventId: `${eventId}:${from}`, messageKey: null, chatId: null, body: null };
  if (keepArrival(tx, mark, now) === null) return null;
  dropAliases(tx, account, [from]);
  const [person = contact.person] = ids;
  const known = contact.person === from ? renameContact(tx, contact, person) : contact;
  addAliases(tx, known, ids);
  const talk = chatOf(tx, known);
  if (talk === null) return null;
  openChat(tx, talk.id, known, chat, now);
  return talk.id;
}

/** `/start CODE`, or the code alone where a link can only prefill the message; in somebody's own words. */
const codeIn = ({ text, files, isForwarded }: Extract<ArrivalEvent, { kind: "message" }>): string =>
  isForwarded || files.length > 0 ? "" : (/^(?:\/start\s+)?([\w-]{16,64})$/.exec(text.trim())?.[1] ?? "");

const WELCOME =
  "This chat is yours now. Send a file and say what you want, for example “Graph this CSV”. /help shows more.";

/** A stranger wrote: nothing is kept but the id, nothing is answered, and the owner decides. */
function askOwners(desk: DoorDesk, tx: Tx, account: Account, { eventId, person: ids, chat }: Arrival): void {
  const [person = "", ...weaker] = ids;
  clearAddress(tx, account, chat, "");
  dropAliases(tx, account, weaker);
  expireAsking(tx, desk.now());
  const asking = addAsking(tx, account, person, desk.now());
  if (asking === null) return;
  const mark = markOf(asking);
  for (const owner of chatsOfOwners(tx))
    say(
      desk,
      tx,
      owner.id,
      `card:${account.channel}:${eventId}:${owner.id}`,
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

/** Returns the chat that the message is in; null for none of ours, and for what was told before. */
function takeReceipt(desk: DoorDesk, tx: Tx, account: Account, receipt: Receipt): string | null {
  const now = desk.now();
  const failed = { ...account, eventId: `failed:${receipt.platformId}`, messageKey: null, chatId: null, body: null };
  if (receipt.status !== "failed")
    // Platforms tell in any order: what failed has not arrived after all.
    return isKept(tx, failed) ? null : recordReceipt(tx, { ...receipt, status: receipt.status }, now);
  if (keepArrival(tx, failed, now) === null) return null;
  const failure = receipt.error?.failure ?? "permanent";
  const outcome = failure === "window" ? "held" : failure === "not_sent" ? "later" : "failed";
  const error = receipt.error?.message ?? "The platform could not deliver it.";
  const chatId = recallSent(tx, receipt, { outcome, error, notBefore: now + (receipt.error?.retryAfterMs ?? 0) }, now);
  // An apology that cannot be delivered is not apologised for.
  if (chatId !== null && outcome === "failed" && receipt.delivery?.startsWith(SORRY) !== true)
    say(
      desk,
      tx,
      chatId,
      `${SORRY}${receipt.platformId}`,
      `Something could not be delivered here. ${error} It is in the dashboard.`,
      [],
    );
  return chatId;
}

const SORRY = "sorry:";
