// The shapes of what the service posts to a webhook, and how single events are gathered into posts.
import type { Account } from "./account.ts";
import type { Progress } from "./chat.ts";
import { webhookError, type GraphFailure } from "./failure.ts";

/** How a person is known. Null: the service does not tell it to this business. */
export type Identity = {
  readonly name: string;
  readonly username: string | null;
  /** The phone number, digits only. */
  readonly waId: string | null;
  /** The id within this business (BSUID). */
  readonly userId: string | null;
};

type Shape = { readonly [key: string]: unknown };

/** One message, one status, one error that belongs to no message, or one rotation of an id, not yet in an envelope. */
export type WebhookEvent = {
  readonly kind: "messages" | "statuses" | "errors" | "user_id_update";
  readonly contact: Shape | null;
  readonly body: Shape;
};

export type Envelope = {
  readonly object: "whatsapp_business_account";
  readonly entry: readonly {
    readonly id: string;
    readonly changes: readonly { readonly field: string; readonly value: Shape }[];
  }[];
};

/** How many events a change, changes an entry and entries a post hold at most. */
export type Batch = { readonly perChange?: number; readonly perEntry?: number; readonly perPost?: number };

export function contactOf({ name, username, waId, userId }: Identity): Shape {
  return {
    profile: { name, ...(username !== null && { username }) },
    ...(waId !== null && { wa_id: waId }),
    ...(userId !== null && { user_id: userId }),
  };
}

export function senderOf({ waId, userId }: Identity): Shape {
  return { ...(waId !== null && { from: waId }), ...(userId !== null && { from_user_id: userId }) };
}

/** `part` is what stands under the name of its type, and what stands beside it. */
export function messageEvent(
  identity: Identity,
  id: string,
  atMs: number,
  part: Shape & { type: string },
): WebhookEvent {
  return {
    kind: "messages",
    contact: contactOf(identity),
    body: { ...senderOf(identity), id, timestamp: seconds(atMs), ...part },
  };
}

/** `user_changed_number` comes from the old number, `user_changed_user_id` from nobody; both tell new ids only. */
export function systemEvent(before: Identity, after: Identity, id: string, atMs: number): WebhookEvent {
  const isNumber = before.waId !== after.waId;
  const [from, to] = isNumber ? [before.waId, after.waId] : [before.userId, after.userId];
  const system = {
    body: `User ${after.name} changed from ${from} to ${to}`,
    ...(isNumber && after.waId !== null && { wa_id: after.waId }),
    ...(after.userId !== null && { user_id: after.userId }),
    type: isNumber ? "user_changed_number" : "user_changed_user_id",
  };
  const sender = isNumber && before.waId !== null ? { from: before.waId } : {};
  const body = { ...sender, id, timestamp: seconds(atMs), type: "system", system };
  return { kind: "messages", contact: null, body };
}

export function rotationEvent(before: Identity, after: Identity, atMs: number): WebhookEvent {
  const number = after.waId === null ? {} : { wa_id: after.waId };
  return {
    kind: "user_id_update",
    contact: { profile: { name: after.name }, ...number },
    body: {
      ...number,
      detail: `User id for ${after.name} has been updated.`,
      user_id: { previous: before.userId, current: after.userId },
      timestamp: seconds(atMs),
    },
  };
}

export type StatusOf = {
  readonly id: string;
  readonly recipient: Identity;
  /** The application named the phone number, not the id within the business. */
  readonly isByPhone: boolean;
  readonly callbackData: string | null;
};

/** A failure comes without contact, and with the id within the business only if the message was sent to that. */
export function statusEvent(message: StatusOf, status: Progress | GraphFailure, atMs: number): WebhookEvent {
  const { id, recipient, isByPhone, callbackData } = message;
  const isFailure = typeof status !== "string";
  const { waId, userId } = recipient;
  const body = {
    id,
    status: isFailure ? "failed" : status,
    timestamp: seconds(atMs),
    ...(isByPhone && { recipient_id: waId }),
    ...(userId !== null && !(isFailure && isByPhone) && { recipient_user_id: userId }),
    ...(callbackData !== null && { biz_opaque_callback_data: callbackData }),
    ...(isFailure ? { errors: [webhookError(status)] } : billing(id, status, atMs)),
  };
  const told = { ...recipient, username: status === "sent" ? null : recipient.username, waId: isByPhone ? waId : null };
  return { kind: "statuses", contact: isFailure || userId === null ? null : contactOf(told), body };
}

export function errorEvent(failure: GraphFailure): WebhookEvent {
  return { kind: "errors", contact: null, body: webhookError(failure) };
}

/** Events in order, as many to a post as `batch` says; one change holds events of one kind only. */
export function envelopes(account: Account, events: readonly WebhookEvent[], batch: Batch = {}): Envelope[] {
  const groups: WebhookEvent[][] = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === event.kind && last.length < (batch.perChange ?? 1)) last.push(event);
    else groups.push([event]);
  }
  const changes = groups.map((group) => change(account, group));
  const entries = chunks(changes, batch.perEntry ?? 1).map((some) => ({ id: account.businessId, changes: some }));
  return chunks(entries, batch.perPost ?? 1).map((entry) => ({ object: "whatsapp_business_account", entry }));
}

/** The service writes everything beyond ASCII as \uXXXX and the slash with its backslash; the signature is over that. */
export function escaped(json: string): string {
  return json.replaceAll("/", "\\/").replaceAll(/[\u0080-\uffff]/g, escapedUnit);
}

function escapedUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function change(account: Account, events: readonly WebhookEvent[]): { field: string; value: Shape } {
  const kind = events[0]?.kind ?? "messages";
  const contacts = new Map(events.flatMap(({ contact }) => (contact ? [[JSON.stringify(contact), contact]] : [])));
  const value = {
    messaging_product: "whatsapp",
    metadata: { display_phone_number: account.displayPhoneNumber, phone_number_id: account.phoneNumberId },
    ...(contacts.size > 0 && { contacts: [...contacts.values()] }),
    [kind]: events.map(({ body }) => body),
  };
  return { field: kind === "user_id_update" ? kind : "messages", value };
}

function billing(id: string, status: Progress, atMs: number): Shape {
  const expiry = status === "sent" ? { expiration_timestamp: seconds(atMs + 86_400_000) } : {};
  return {
    conversation: { id: new Bun.CryptoHasher("md5").update(id).digest("hex"), ...expiry, origin: { type: "service" } },
    pricing: { billable: false, pricing_model: "PMP", category: "service" },
  };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1000));
}
