// What WhatsApp posts → arrivals and receipts. Pure: every entry, change, message and status; what is not understood is
// passed over, and spoils nothing beside it.
import { z } from "zod";
import { DeliveryError, type Arrival, type ArrivalEvent, type IncomingFile, type Receipt } from "../channel.ts";
import { failureOf } from "./failure.ts";
import { chatOf, PREFIX } from "./message.ts";

export type Payload = {
  readonly arrivals: readonly Arrival[];
  readonly receipts: readonly Receipt[];
  /** What troubles the account, without a message that it is about. */
  readonly problems: readonly DeliveryError[];
};

const items = z.array(z.unknown()).default([]).catch([]);
const id = z.string().min(1).max(512);
const optionalId = id.optional().catch(undefined);

const Envelope = z.object({ object: z.literal("whatsapp_business_account"), entry: items });
const Entry = z.object({ changes: items });
const Change = z.object({
  value: z.object({
    metadata: z.object({ phone_number_id: z.string() }),
    contacts: items,
    messages: items,
    statuses: items,
    errors: items,
    user_id_update: items,
  }),
});

const Contact = z.object({ wa_id: optionalId, user_id: optionalId, parent_user_id: optionalId });
type Contact = z.infer<typeof Contact>;

/** The id becomes part of an address. */
const File = z.object({
  id: z.string().regex(/^[\w-]{1,128}$/),
  mime_type: z.string().optional(),
  filename: z.string().optional(),
  caption: z.string().optional(),
});
const Choice = z.object({ id: z.string() });
const Message = z.object({
  id,
  from: optionalId,
  from_user_id: optionalId,
  from_parent_user_id: optionalId,
  group_id: optionalId,
  type: z.string(),
  context: z.object({ forwarded: z.boolean().optional(), frequently_forwarded: z.boolean().optional() }).optional(),
  text: z.object({ body: z.string() }).optional(),
  image: File.optional(),
  document: File.optional(),
  audio: File.optional(),
  voice: File.optional(),
  video: File.optional(),
  sticker: File.optional(),
  interactive: z.object({ button_reply: Choice.optional(), list_reply: Choice.optional() }).optional(),
  button: z.object({ payload: z.string().optional() }).optional(),
  system: z
    .object({ type: z.string().optional(), wa_id: optionalId, user_id: optionalId, parent_user_id: optionalId })
    .optional(),
});
type Message = z.infer<typeof Message>;

const Rotation = z.object({ previous: id, current: id });
const UserIdUpdate = z.object({
  wa_id: optionalId,
  user_id: Rotation,
  parent_user_id: Rotation.optional().catch(undefined),
});

const Problem = z.object({
  code: z.number(),
  title: z.string().default(""),
  error_data: z.object({ details: z.string() }).optional().catch(undefined),
});
const Status = z.object({
  id,
  status: z.enum(["sent", "delivered", "read", "failed"]),
  biz_opaque_callback_data: optionalId,
  errors: items,
});

/** Of our own number only: others of the account are somebody else's. */
export function readPayload(body: unknown, phoneId: string): Payload {
  const values = read(Envelope, [body])
    .flatMap(({ entry }) => read(Entry, entry))
    .flatMap(({ changes }) => read(Change, changes))
    .map(({ value }) => value)
    .filter((value) => value.metadata.phone_number_id === phoneId);
  return {
    arrivals: values.flatMap((value) => {
      const contacts = read(Contact, value.contacts);
      return [
        ...read(Message, value.messages).flatMap((message) => arrivalsOf(message, contacts)),
        ...read(UserIdUpdate, value.user_id_update).flatMap(rotated),
      ];
    }),
    receipts: values.flatMap((value) => read(Status, value.statuses).map(receiptOf)),
    problems: values.flatMap((value) => read(Problem, value.errors).map(problemOf)),
  };
}

function read<T>(shape: z.ZodType<T>, values: readonly unknown[]): T[] {
  return values.flatMap((value) => {
    const parsed = shape.safeParse(value);
    return parsed.success ? [parsed.data] : [];
  });
}

function arrivalsOf(message: Message, contacts: readonly Contact[]): Arrival[] {
  if (message.type === "system") return renamed(message);
  const event = eventOf(message);
  const contact = contacts.find((one) => isOf(one, message));
  const number = message.from ?? contact?.wa_id;
  const userId = message.from_user_id ?? contact?.user_id;
  const person = known([userId, number, message.from_parent_user_id ?? contact?.parent_user_id]);
  const chat = chatOf(number, person[0]);
  if (event === null || chat === null) return [];
  const isPrivate = message.group_id === undefined;
  return [{ eventId: `m:${message.id}`, chat, person, isPrivate, event }];
}

function isOf({ wa_id, user_id }: Contact, { from, from_user_id }: Message): boolean {
  return (wa_id !== undefined && wa_id === from) || (user_id !== undefined && user_id === from_user_id);
}

/** Null: nothing that we could answer. */
function eventOf(message: Message): ArrivalEvent | null {
  const press = pressOf(message);
  // The press is a message of its own: its id is what can be marked as read.
  if (press !== null) return { kind: "press", messageId: message.id, pressId: message.id, action: press };
  const files = filesOf(message);
  const caption = message.image?.caption ?? message.document?.caption ?? message.video?.caption;
  const text = (message.type === "text" ? message.text?.body : caption) ?? "";
  if (text === "" && files.length === 0) return null;
  const { forwarded, frequently_forwarded } = message.context ?? {};
  const isForwarded = forwarded === true || frequently_forwarded === true;
  return { kind: "message", messageId: message.id, text, files, groupId: null, isForwarded };
}

/** The action of a button of ours, empty of another's; null: nothing was pressed. */
function pressOf({ type, interactive, button }: Message): string | null {
  const choice = interactive?.button_reply ?? interactive?.list_reply;
  const pressed = type === "interactive" ? choice?.id : type === "button" ? (button?.payload ?? "") : undefined;
  if (pressed === undefined) return null;
  return pressed.startsWith(PREFIX) ? pressed.slice(PREFIX.length) : "";
}

const MEDIA = ["image", "document", "audio", "voice", "video", "sticker"] as const;

function filesOf(message: Message): IncomingFile[] {
  return MEDIA.flatMap((kind) => {
    const file = message.type === kind ? message[kind] : undefined;
    if (file === undefined) return [];
    return [{ ref: file.id, name: file.filename ?? `${kind}_${file.id}.${endingOf(file.mime_type)}`, bytes: null }];
  });
}

const ENDINGS: { readonly [mediaType: string]: string } = {
  "image/jpeg": "jpg",
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "application/pdf": "pdf",
  "text/plain": "txt",
};

const endingOf = (mediaType = ""): string => {
  const essence = (mediaType.split(";")[0] ?? "").trim().toLowerCase();
  return ENDINGS[essence] ?? /^(?:image|audio|video)\/([a-z0-9]{2,5})$/.exec(essence)?.[1] ?? "bin";
};

/** Another number comes from the old one; another user id may come from nobody, and is told as a rotation, too. */
function renamed({ id: eventId, system, ...message }: Message): Arrival[] {
  const { type, wa_id, user_id, parent_user_id } = system ?? {};
  if (type !== "user_changed_number" && type !== "user_changed_user_id") return [];
  const now = known([user_id, wa_id, parent_user_id]);
  const before = known([message.from_user_id, message.from, message.from_parent_user_id]);
  return before.filter((one) => !now.includes(one)).flatMap((from) => renaming(`m:${eventId}`, wa_id, now, from));
}

function rotated({ wa_id, user_id, parent_user_id }: z.infer<typeof UserIdUpdate>): Arrival[] {
  const now = known([user_id.current, wa_id, parent_user_id?.current]);
  return renaming(`r:${user_id.previous}:${user_id.current}`, wa_id, now, user_id.previous);
}

function renaming(eventId: string, number: string | undefined, person: readonly string[], from: string): Arrival[] {
  const chat = chatOf(number, person[0]);
  return chat === null ? [] : [{ eventId, chat, person, isPrivate: true, event: { kind: "renamed", from } }];
}

const known = (ids: readonly (string | undefined)[]): string[] => [...new Set(ids.filter((one) => one !== undefined))];

function receiptOf({
  id: platformId,
  status,
  biz_opaque_callback_data: ours,
  errors,
}: z.infer<typeof Status>): Receipt {
  const [problem] = read(Problem, errors);
  const error = status === "failed" ? problemOf(problem ?? { code: -1, title: "It could not be delivered" }) : null;
  return { delivery: ours ?? null, platformId, status, error };
}

function problemOf({ code, title, error_data }: z.infer<typeof Problem>): DeliveryError {
  return failureOf({ code, words: `${error_data?.details ?? title} (${code})`, http: null, retryAfterMs: null });
}
