// What becomes of a message that an application sends: refused at once, refused later, or on the person's phone.
import type { Account } from "./account.ts";
import type { Call } from "./calls.ts";
import type { Progress, Seen } from "./chat.ts";
import { statusEvent, type StatusOf } from "./envelope.ts";
import { GraphFailure } from "./failure.ts";
import { misfit, type MediaStore } from "./media.ts";
import { readOutgoing, type Content, type Outgoing, type ReadReceipt } from "./outgoing.ts";
import type { People } from "./people.ts";
import type { Person } from "./person.ts";
import type { Buckets, Rate } from "./rates.ts";
import type { Webhooks } from "./webhooks.ts";

/** How strict the service is; a test may change it at any time. */
export type Rules = {
  /** How it refuses what it can only judge after it took the message: window, unreachable person, media of another kind. */
  verdict: "at-once" | "later";
  pairRate: Rate | null;
  numberRate: Rate | null;
  /** What a rate is answered with: 429 was recorded, Meta's list says 400. */
  rateHttp: 429 | 400;
  /** The statuses that follow a message by themselves. */
  statuses: readonly Progress[];
  /** Names of approved templates. */
  templates: ReadonlySet<string>;
  /** Webhooks of files carry the address too, as they gradually do since November 2025. */
  isAddressInWebhook: boolean;
  /** Where addresses of files point; null: to the fake itself. */
  mediaBase: string | null;
};

export const DEFAULT_RULES: Readonly<Rules> = {
  verdict: "later",
  pairRate: null,
  numberRate: null,
  rateHttp: 429,
  statuses: ["sent", "delivered"],
  templates: new Set(),
  isAddressInWebhook: true,
  mediaBase: null,
};

export type Desk = {
  readonly account: Account;
  readonly rules: Rules;
  readonly media: MediaStore;
  readonly people: People;
  readonly webhooks: Webhooks;
  readonly buckets: Buckets;
  readonly now: () => number;
  readonly newMessageId: () => string;
  /** Every message that was taken, for statuses that come later. */
  readonly taken: Map<string, StatusOf>;
};

/** Answers POST /messages and notes the effect in the call. Throws what the service refuses at once. */
export function take(desk: Desk, body: unknown, call: Call): Response {
  const message = readOutgoing(body);
  if ("readId" in message) return markRead(desk, message, call);
  limit(desk, "number", desk.rules.numberRate, 130429, "Too many messages were sent from this phone number.");
  const person = desk.people.find(message.to, message.recipient);
  const { failure, seen } = judge(desk, message, person);
  if (failure !== null && desk.rules.verdict === "at-once") throw failure;
  const key = message.to ?? message.recipient ?? "";
  limit(desk, `pair ${key}`, desk.rules.pairRate, 131056, "Too many messages were sent to the same phone number.");
  call.effect = seen.id;
  const recipient = person?.identity ?? stranger(message);
  const taken = { id: seen.id, recipient, isByPhone: message.to !== null, callbackData: message.callbackData };
  desk.taken.set(seen.id, taken);
  if (failure !== null) desk.webhooks.push(statusEvent(taken, failure, desk.now()));
  else if (person !== null) deliver(desk, person, message.content, seen);
  return answer(message, seen.id);
}

/** A status of a message, out of turn if it must be. Throws if no such message was taken. */
export function tell(desk: Desk, id: string, status: Progress | GraphFailure): void {
  const taken = desk.taken.get(id);
  if (taken === undefined) throw new Error(`No message ${id} was taken.`);
  desk.webhooks.push(statusEvent(taken, status, desk.now()));
}

function markRead({ people }: Desk, { readId, isTyping }: ReadReceipt, call: Call): Response {
  const person = people.whoSent(readId);
  if (person === null) throw new GraphFailure(131009, `There is no message ${readId} to mark as read.`);
  person.chat.read(readId, isTyping);
  call.effect = readId;
  return Response.json({ success: true });
}

function limit({ buckets, rules }: Desk, key: string, rate: Rate | null, code: number, details: string): void {
  if (!buckets.take(key, rate)) throw new GraphFailure(code, details, { http: rules.rateHttp });
}

/** The message as the phone would show it, and what speaks against that. */
function judge(desk: Desk, message: Outgoing, person: Person | null): { failure: GraphFailure | null; seen: Seen } {
  const { content } = message;
  const carried = fileIn(content);
  const seen = show(desk, message);
  if (content.kind === "template" && !desk.rules.templates.has(content.name))
    throw new GraphFailure(132001, `There is no approved template ${content.name}.`);
  if (content.kind === "reaction" && person?.chat.find(content.messageId) === undefined)
    throw new GraphFailure(131009, `There is no message ${content.messageId} to react to.`);
  const failures = [
    person?.isReachable ? null : new GraphFailure(131026, "The person cannot be reached on WhatsApp."),
    person?.isWindowOpen || content.kind === "template"
      ? null
      : new GraphFailure(131047, "More than 24 hours have passed since the person last wrote."),
    carried === null ? null : misfit(carried.kind, desk.media.find(carried.mediaId)),
  ];
  return { failure: failures.find((one) => one !== null) ?? null, seen };
}

function show({ media, now, newMessageId }: Desk, { content, replyTo, callbackData }: Outgoing): Seen {
  const base = {
    id: newMessageId(),
    at: now(),
    from: "business" as const,
    replyTo,
    callbackData,
    progress: "sent" as const,
  };
  const carried = fileIn(content);
  const found = carried === null ? null : media.find(carried.mediaId);
  const file =
    carried === null || found === null ? null : { name: carried.name, mediaType: found.mediaType, bytes: found.bytes };
  const buttons = content.kind === "interactive" ? content.buttons : [];
  const text = "mediaId" in content ? content.caption : textOf(content);
  return { ...base, kind: content.kind, text, file, buttons };
}

/** What the message brings along: itself a file, or one above its buttons. */
function fileIn(content: Content) {
  if ("mediaId" in content) return content;
  return content.kind === "interactive" ? content.header : null;
}

function textOf(content: Exclude<Content, { mediaId: string }>): string {
  if (content.kind === "reaction") return content.emoji;
  return content.kind === "template" ? content.name : content.text;
}

/** Who blocks the business sees nothing, and the business hears of no more than "sent". */
function deliver(desk: Desk, person: Person, content: Content, seen: Seen): void {
  const statuses = desk.rules.statuses.filter((status) => !person.isBlocking || status === "sent");
  if (!person.isBlocking && content.kind === "reaction")
    person.chat.react({ messageId: content.messageId, from: "business", emoji: content.emoji });
  else if (!person.isBlocking) person.chat.add(seen);
  seen.progress = statuses.at(-1) ?? "sent";
  for (const status of statuses) tell(desk, seen.id, status);
}

function stranger({ to, recipient }: Outgoing) {
  return { name: "", username: null, waId: to, userId: to === null ? recipient : null };
}

function answer({ to, recipient }: Outgoing, id: string): Response {
  const contact = to === null ? { input: recipient, user_id: recipient } : { input: to, wa_id: to };
  return Response.json({ messaging_product: "whatsapp", contacts: [contact], messages: [{ id }] });
}
