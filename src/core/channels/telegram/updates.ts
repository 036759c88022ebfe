// Updates as they come, and what they mean to us. Pure. Shapes: https://core.telegram.org/bots/api#update
import { z } from "zod";
import type { Arrival, ArrivalEvent, IncomingFile } from "../channel.ts";
import { actionIn } from "./keyboard.ts";

/** What is asked for; nobody is told of anything else. */
export const KINDS = ["message", "callback_query", "my_chat_member"] as const;

/** Of any update, whatever is in it. */
export const Numbered = z.looseObject({ update_id: z.int() });

const Person = z.looseObject({ id: z.int() });
const Chat = z.looseObject({ id: z.int(), type: z.string() });
const Stored = z.looseObject({ file_id: z.string().min(1), file_size: z.number().nonnegative().optional() });
const Named = Stored.extend({ file_name: z.string().optional(), mime_type: z.string().optional() });
const Photo = Stored.extend({ width: z.number(), height: z.number() });
const Sticker = Stored.extend({ is_animated: z.boolean().optional(), is_video: z.boolean().optional() });

const Message = z.looseObject({
  message_id: z.int(),
  from: Person,
  chat: Chat,
  text: z.string().optional(),
  caption: z.string().optional(),
  media_group_id: z.string().optional(),
  forward_origin: z.unknown().optional(),
  document: Named.optional(),
  photo: z.array(Photo).optional(),
  voice: Named.optional(),
  audio: Named.optional(),
  video: Named.optional(),
  video_note: Stored.optional(),
  animation: Named.optional(),
  sticker: Sticker.optional(),
});
type Message = z.infer<typeof Message>;

/** The message of a press may be too old to be shown; where it was is still known. */
const Press = z.looseObject({
  id: z.string(),
  from: Person,
  message: z.looseObject({ message_id: z.int(), chat: Chat }),
  data: z.string().optional(),
});

const Update = Numbered.extend({ message: Message.optional(), callback_query: Press.optional() });

/** Null for what says nothing to us, and for what we cannot read. People are their numbers: names change hands. */
export function arrivalOf(update: unknown): Arrival | null {
  const parsed = Update.safeParse(update);
  if (!parsed.success) return null;
  const { update_id: number, message, callback_query: press } = parsed.data;
  const event = message === undefined ? press && pressOf(press) : messageOf(message);
  const from = message?.from ?? press?.from;
  const chat = message?.chat ?? press?.message.chat;
  if (event === undefined || event === null || from === undefined || chat === undefined) return null;
  return {
    // The numbers begin anew after a quiet week, and may meet their like.
    eventId: `update:${number}:${message?.message_id ?? press?.id}`,
    chat: String(chat.id),
    person: [String(from.id)],
    // A private chat has the number of its person; in it nobody else is heard.
    isPrivate: chat.type === "private" && chat.id === from.id,
    event,
  };
}

/** A button of another make carries nothing that we did: the press is seen, and does nothing. */
function pressOf({ id, message, data = "" }: z.infer<typeof Press>): ArrivalEvent {
  return { kind: "press", messageId: String(message.message_id), pressId: id, action: actionIn(data) };
}

function messageOf(message: Message): ArrivalEvent | null {
  const file = fileOf(message);
  const text = message.text ?? message.caption ?? "";
  if (file === null && text === "") return null;
  return {
    kind: "message",
    messageId: String(message.message_id),
    text,
    files: file === null ? [] : [file],
    groupId: message.media_group_id ?? null,
    isForwarded: message.forward_origin !== undefined,
  };
}

/** A message carries one file at most; what has no name is called by its kind and the number of the message. */
function fileOf(message: Message): IncomingFile | null {
  const { voice, audio, video, video_note: note, animation, document, sticker } = message;
  const called = (kind: string, ending: string) => `${kind}_${message.message_id}.${ending}`;
  const photo = largest(message.photo ?? []);
  if (photo !== null) return incoming(photo, called("photo", "jpg"));
  if (voice !== undefined) return incoming(voice, called("voice", "ogg"));
  if (audio !== undefined) return incoming(audio, audio.file_name ?? called("audio", endingOf(audio.mime_type, "mp3")));
  if (video !== undefined) return incoming(video, video.file_name ?? called("video", endingOf(video.mime_type, "mp4")));
  if (note !== undefined) return incoming(note, called("video", "mp4"));
  // Before the document: the service puts the same file there once more.
  if (animation !== undefined)
    return incoming(animation, animation.file_name ?? called("animation", endingOf(animation.mime_type, "mp4")));
  if (document !== undefined)
    return incoming(document, document.file_name ?? called("document", endingOf(document.mime_type, "bin")));
  if (sticker === undefined) return null;
  const ending = sticker.is_animated === true ? "tgs" : sticker.is_video === true ? "webm" : "webp";
  return incoming(sticker, called("sticker", ending));
}

function largest(sizes: readonly z.infer<typeof Photo>[]): z.infer<typeof Photo> | null {
  return sizes.toSorted((one, other) => other.width * other.height - one.width * one.height)[0] ?? null;
}

function incoming({ file_id: ref, file_size: bytes }: z.infer<typeof Stored>, name: string): IncomingFile {
  return { ref, name, bytes: bytes ?? null };
}

const ENDINGS: { readonly [mediaType: string]: string } = {
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "audio/ogg": "ogg",
  "audio/x-wav": "wav",
  "video/mp4": "mp4",
  "video/quicktime": "mov",
  "image/gif": "gif",
  "image/png": "png",
  "image/jpeg": "jpg",
  "application/pdf": "pdf",
  "application/json": "json",
  "application/zip": "zip",
  "text/csv": "csv",
  "text/plain": "txt",
};

const endingOf = (mediaType: string | undefined, fallback: string): string => ENDINGS[mediaType ?? ""] ?? fallback;
