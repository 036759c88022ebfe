// What a bot can send: words, photos, documents, albums.
import { z } from "zod";
import { toMessage, type Post, type Room } from "./chats.ts";
import { refuseOversize, type Media, type Upload } from "./files.ts";
import { readKeyboard } from "./keyboard.ts";
import { badRequest } from "./refusal.ts";
import { INTEGER, json, parse, type Parameters } from "./request.ts";
import type { Done, Method, Service } from "./service.ts";
import { format, MAX_CAPTION, MAX_TEXT } from "./text.ts";
import type { Formatted } from "./wire.ts";

const MAX_ALBUM = 10;

const ENTITY = z.looseObject({ type: z.string(), offset: z.int(), length: z.int(), url: z.string().exactOptional() });
const ENTITIES = json(z.array(ENTITY)).optional();
export const CHAT_ID = z.union([z.int(), z.string()]).default("");
export const TEXT = z.object({ text: z.string().default(""), parse_mode: z.string().optional(), entities: ENTITIES });
export const CAPTION = z.object({
  caption: z.string().default(""),
  parse_mode: z.string().optional(),
  caption_entities: ENTITIES,
});
const REPLY = json(
  z.object({ message_id: INTEGER, allow_sending_without_reply: z.boolean().optional() }).optional(),
).optional();
const SEND = z.object({ chat_id: CHAT_ID, reply_parameters: REPLY });
export const INPUT_MEDIA = z.looseObject({ type: z.string(), media: z.string().default("") });
const GROUP = z.object({ media: json(z.array(INPUT_MEDIA)) });

export const sendMessage: Method = (service, parameters) => {
  const { fields } = parameters;
  const words = readText(fields);
  return sent(addTo(service, fields, { words }));
};

export const sendPhoto: Method = (service, parameters) => {
  const words = readCaption(parameters.fields);
  return sent(addTo(service, parameters.fields, { words, media: readMedia(service, parameters, "photo") }));
};

export const sendDocument: Method = (service, parameters) => {
  const words = readCaption(parameters.fields);
  return sent(addTo(service, parameters.fields, { words, media: readMedia(service, parameters, "document") }));
};

export const sendMediaGroup: Method = (service, parameters) => {
  const { media } = parse(GROUP, parameters.fields);
  if (media.length === 0) throw badRequest("there are no messages to send");
  // The service itself sends a lonely item as a plain message; its documentation promises 2–10 and nothing else.
  if (media.length === 1) throw badRequest("media group must include 2-10 items");
  if (media.length > MAX_ALBUM) throw badRequest("too many messages to send as an album");
  const items = media.map((item) => ({ words: readCaption(item), media: readInputMedia(service, parameters, item) }));
  if (new Set(items.map((item) => item.media.kind)).size > 1)
    throw badRequest("document can't be mixed with other media types");
  const { room, replyTo } = target(service, parameters.fields);
  service.limits.count(room, items.length);
  const albumId = String(13_000_000_000_000_000n + BigInt(service.nowMs()) + BigInt(room.posts.size));
  const posts = items.map((item) => service.chats.add(room, { from: service.bot, albumId, replyTo, ...item }));
  return { result: posts.map((post) => toMessage(post)), effect: `album:${posts.map(({ id }) => id).join(",")}` };
};

/** The text of a message, refused when it is empty or too long. */
export function readText(fields: Readonly<Record<string, unknown>>): Formatted {
  const { text, parse_mode: mode, entities } = parse(TEXT, fields);
  if (text === "") throw badRequest("message text is empty");
  const words = format(text, mode, entities);
  if (words.text === "") throw badRequest("text must be non-empty");
  if (words.text.length > MAX_TEXT) throw badRequest("message is too long");
  return words;
}

export function readCaption(fields: Readonly<Record<string, unknown>>): Formatted {
  const { caption, parse_mode: mode, caption_entities: entities } = parse(CAPTION, fields);
  const words = format(caption, mode, entities);
  if (words.text.length > MAX_CAPTION) throw badRequest("message caption is too long");
  return words;
}

/** One item of an album, or the new media of a message. */
export function readInputMedia(
  service: Service,
  { files }: Parameters,
  { type, media }: z.output<typeof INPUT_MEDIA>,
): Media {
  if (type !== "photo" && type !== "document")
    throw badRequest(`can't parse InputMedia: type "${type}" is unsupported`);
  const attached = /^attach:\/\/(.+)$/.exec(media)?.[1];
  if (attached === undefined && media !== "") return service.files.byId(media, type);
  const upload = files.get(attached ?? "");
  if (upload === undefined) throw badRequest("can't parse InputMedia: media not found");
  return keep(service, upload, type);
}

/** A file in the field of its kind: the part itself, a part that the field names, or the id of a file that is there. */
function readMedia(service: Service, { fields, files }: Parameters, kind: "photo" | "document"): Media {
  const value = fields[kind];
  const attached = typeof value === "string" ? /^attach:\/\/(.+)$/.exec(value)?.[1] : undefined;
  const upload = files.get(attached ?? kind);
  if (upload !== undefined) return keep(service, upload, kind);
  if (typeof value !== "string" || value === "" || attached !== undefined)
    throw badRequest(`there is no ${kind} in the request`);
  return service.files.byId(value, kind);
}

function keep(service: Service, upload: Upload, kind: "photo" | "document"): Media {
  refuseOversize(upload.bytes.length);
  return kind === "photo" ? service.files.addPhoto(upload) : service.files.addDocument(upload);
}

function addTo(
  service: Service,
  fields: Readonly<Record<string, unknown>>,
  draft: { readonly words: Formatted; readonly media?: Media },
): Post {
  const keyboard = readKeyboard(fields["reply_markup"]);
  const { room, replyTo } = target(service, fields);
  service.limits.count(room);
  return service.chats.add(room, { from: service.bot, replyTo, keyboard, ...draft });
}

function target(
  service: Service,
  fields: Readonly<Record<string, unknown>>,
): { room: Room; replyTo: Post | undefined } {
  const { chat_id: chatId, reply_parameters: reply } = parse(SEND, fields);
  const room = service.chats.writable(chatId);
  const replyTo = reply === undefined ? undefined : room.posts.get(reply.message_id);
  if (reply !== undefined && replyTo === undefined && reply.allow_sending_without_reply !== true)
    throw badRequest("message to be replied not found");
  return { room, replyTo };
}

function sent(post: Post): Done {
  return { result: toMessage(post), effect: `message:${post.id}` };
}
