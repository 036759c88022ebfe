// What Meta posts → arrivals and receipts. Pure: what is not understood is passed over, each item by itself.
import { z } from "zod";
import type { Arrival, ArrivalEvent, IncomingFile, Receipt } from "../channel.ts";
import { failureOf } from "./client.ts";

const Media = z.object({
  id: z.string(),
  filename: z.string().optional(),
  caption: z.string().optional(),
  mime_type: z.string().optional(),
});

const Message = z.object({
  id: z.string(),
  from: z.string().optional(),
  from_user_id: z.string().optional(),
  type: z.string(),
  text: z.object({ body: z.string() }).optional(),
  image: Media.optional(),
  document: Media.optional(),
  audio: Media.optional(),
  video: Media.optional(),
  sticker: Media.optional(),
  interactive: z
    .object({
      button_reply: z.object({ id: z.string() }).optional(),
      list_reply: z.object({ id: z.string() }).optional(),
    })
    .optional(),
  button: z.object({ payload: z.string() }).optional(),
  context: z.object({ forwarded: z.boolean().optional(), frequently_forwarded: z.boolean().optional() }).optional(),
  system: z.object({ wa_id: z.string().optional(), user_id: z.string().optional() }).optional(),
});
type Message = z.infer<typeof Message>;

const Status = z.object({
  id: z.string(),
  status: z.enum(["sent", "delivered", "read", "failed"]),
  biz_opaque_callback_data: z.string().optional(),
  errors: z
    .array(z.object({ code: z.number(), message: z.string().optional(), title: z.string().optional() }))
    .optional(),
});

const Rotation = z.object({
  wa_id: z.string().optional(),
  timestamp: z.string().optional(),
  user_id: z.object({ previous: z.string(), current: z.string() }),
});

const list = z.array(z.unknown()).default([]);
const Post = z.object({
  entry: z.array(
    z.object({
      changes: z.array(
        z.object({
          value: z.object({
            metadata: z.object({ phone_number_id: z.string() }).optional(),
            messages: list,
            statuses: list,
            user_id_update: list,
          }),
        }),
      ),
    }),
  ),
});

/** Of our own number only: an app may have several, and each is an account of its own. */
export function readPost(body: unknown, phoneId: string): { arrivals: Arrival[]; receipts: Receipt[] } | null {
  const post = Post.safeParse(body);
  if (!post.success) return null;
  const values = post.data.entry
    .flatMap((entry) => entry.changes.map((change) => change.value))
    .filter((value) => value.metadata === undefined || value.metadata.phone_number_id === phoneId);
  return {
    arrivals: values.flatMap((value) => [
      ...value.messages.flatMap(toArrival),
      ...value.user_id_update.flatMap(toRotation),
    ]),
    receipts: values.flatMap((value) => value.statuses.flatMap(toReceipt)),
  };
}

function toArrival(item: unknown): Arrival[] {
  const parsed = Message.safeParse(item);
  if (!parsed.success) return [];
  const message = parsed.data;
  const { from, from_user_id: userId, system } = message;
  const person = idsOf(userId, from);
  const eventId = `m:${message.id}`;
  if (message.type === "system") {
    const ids = idsOf(system?.user_id, system?.wa_id);
    if (from === undefined || ids.length === 0) return [];
    return [
      { eventId, chat: chatOf(ids[0], system?.wa_id), person: ids, isPrivate: true, event: { kind: "renamed", from } },
    ];
  }
  const event = eventOf(message);
  if (event === null || person.length === 0) return [];
  return [{ eventId, chat: chatOf(userId, from), person, isPrivate: true, event }];
}

/** The id within this business first: numbers change hands, and may not be told at all. */
const idsOf = (userId: string | undefined, waId: string | undefined): string[] =>
  [userId, waId].filter((id) => id !== undefined && id !== "").map(String);

/** Where one answers to: by number while it is told. */
const chatOf = (userId: string | undefined, waId: string | undefined): string =>
  waId === undefined ? `recipient:${userId ?? ""}` : `to:${waId}`;

function eventOf(message: Message): ArrivalEvent | null {
  const { interactive, button } = message;
  const action = interactive?.button_reply?.id ?? interactive?.list_reply?.id ?? button?.payload;
  if (action !== undefined) return { kind: "press", messageId: message.id, pressId: message.id, action };
  const files = filesOf(message);
  const text =
    message.text?.body ?? message.document?.caption ?? message.image?.caption ?? message.video?.caption ?? "";
  if (files.length === 0 && message.text === undefined) return null;
  const { forwarded = false, frequently_forwarded: often = false } = message.context ?? {};
  return { kind: "message", messageId: message.id, text, files, groupId: null, isForwarded: forwarded || often };
}

function filesOf(message: Message): IncomingFile[] {
  const known = [
    [message.document, "file"],
    [message.image, "photo.jpg"],
    [message.audio, "voice.ogg"],
    [message.video, "video.mp4"],
    [message.sticker, "sticker.webp"],
  ] as const;
  return known.flatMap(([media, name]) =>
    media === undefined ? [] : [{ ref: media.id, name: media.filename ?? name, bytes: null }],
  );
}

function toRotation(item: unknown): Arrival[] {
  const parsed = Rotation.safeParse(item);
  if (!parsed.success) return [];
  const { wa_id: waId, timestamp = "", user_id: ids } = parsed.data;
  const eventId = `u:${ids.previous}:${ids.current}:${timestamp}`;
  const event = { kind: "renamed", from: ids.previous } as const;
  return [{ eventId, chat: chatOf(ids.current, waId), person: idsOf(ids.current, waId), isPrivate: true, event }];
}

function toReceipt(item: unknown): Receipt[] {
  const parsed = Status.safeParse(item);
  if (!parsed.success) return [];
  const { id, status, biz_opaque_callback_data: delivery, errors } = parsed.data;
  const first = errors?.[0];
  const error = first === undefined ? null : failureOf(first.code, first.message ?? first.title ?? "");
  return [{ delivery: delivery ?? null, platformId: id, status, error }];
}
