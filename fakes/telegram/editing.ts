// What a bot can do to messages that are there: change, delete, react.
import { z } from "zod";
import { revise, toMessage, type Post } from "./chats.ts";
import { readKeyboard } from "./keyboard.ts";
import { badRequest } from "./refusal.ts";
import { INTEGER, json, parse } from "./request.ts";
import { CHAT_ID, INPUT_MEDIA, readCaption, readInputMedia, readText } from "./sending.ts";
import type { Done, Method, Service } from "./service.ts";
import { sameText } from "./text.ts";
import type { InlineKeyboard } from "./wire.ts";

const DELETABLE_MS = 48 * 3_600_000;
const UNCHANGED =
  "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";

const TARGET = z.object({ chat_id: CHAT_ID, message_id: INTEGER.default(0) });
const NEW_MEDIA = z.object({ media: json(INPUT_MEDIA) });
const REACTION = z.object({
  reaction: json(z.array(z.object({ type: z.literal("emoji"), emoji: z.string() }))).default([]),
});
/** What a bot may react with (https://core.telegram.org/bots/api#reactiontypeemoji). */
const EMOJI = new Set(
  (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 " +
    "😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡"
  ).split(" "),
);

type Change = Partial<Pick<Post, "words" | "media">> & { readonly keyboard: InlineKeyboard | undefined };

export const editMessageText: Method = (service, { fields }) => {
  const words = readText(fields);
  const post = editable(service, fields);
  if (post.media !== undefined) throw badRequest("there is no text in the message to edit");
  return change(service, post, { words, keyboard: readKeyboard(fields["reply_markup"]) });
};

export const editMessageCaption: Method = (service, { fields }) => {
  const words = readCaption(fields);
  const post = editable(service, fields);
  if (post.media === undefined) throw badRequest("there is no caption in the message to edit");
  return change(service, post, { words, keyboard: readKeyboard(fields["reply_markup"]) });
};

/** Words may become a photo or a document; in an album each stays what it is. */
export const editMessageMedia: Method = (service, parameters) => {
  const { media: given } = parse(NEW_MEDIA, parameters.fields);
  const words = readCaption(given);
  const media = readInputMedia(service, parameters, given);
  const post = editable(service, parameters.fields);
  if (post.media?.kind === "voice") throw badRequest("message can't be edited");
  if (post.albumId !== undefined && post.media?.kind !== media.kind)
    throw badRequest("can't change media type in the album");
  return change(service, post, { words, media, keyboard: readKeyboard(parameters.fields["reply_markup"]) });
};

export const editMessageReplyMarkup: Method = (service, { fields }) =>
  change(service, editable(service, fields), { keyboard: readKeyboard(fields["reply_markup"]) });

export const deleteMessage: Method = (service, { fields }) => {
  const { post, room } = find(service, fields);
  if (post === undefined) throw badRequest("message to delete not found");
  const isTooOld = service.nowMs() - post.dateMs > DELETABLE_MS;
  const isOthers = room.chat.type !== "private" && post.from.id !== service.bot.id;
  if (isTooOld || isOthers) throw badRequest("message can't be deleted");
  room.posts.delete(post.id);
  room.deleted.push(post.id);
  return { result: true, effect: `delete:${post.id}` };
};

export const setMessageReaction: Method = (service, { fields }) => {
  const { reaction } = parse(REACTION, fields);
  const { post } = find(service, fields);
  if (post === undefined) throw badRequest("message to react not found");
  if (reaction.length > 1) throw badRequest("REACTIONS_TOO_MANY");
  if (reaction.some(({ emoji }) => !EMOJI.has(emoji))) throw badRequest("REACTION_INVALID");
  post.reactions.set(
    service.bot.id,
    reaction.map(({ emoji }) => emoji),
  );
  return { result: true, effect: `reaction:${post.id}` };
};

function find(service: Service, fields: Readonly<Record<string, unknown>>) {
  const { chat_id: chatId, message_id: messageId } = parse(TARGET, fields);
  const room = service.chats.writable(chatId);
  return { room, post: room.posts.get(messageId) };
}

function editable(service: Service, fields: Readonly<Record<string, unknown>>): Post {
  if (fields["message_id"] === undefined) throw badRequest("message identifier is not specified");
  const { post } = find(service, fields);
  if (post === undefined) throw badRequest("message to edit not found");
  if (post.from.id !== service.bot.id) throw badRequest("message can't be edited");
  return post;
}

function change(service: Service, post: Post, to: Change): Done {
  const hasSameWords = to.words === undefined || sameText(to.words, post.words);
  const hasSameMedia = to.media === undefined || to.media === post.media;
  if (hasSameWords && hasSameMedia && Bun.deepEquals(to.keyboard, post.keyboard)) throw badRequest(UNCHANGED);
  service.limits.count(post.room);
  revise(post, service.nowMs(), to);
  return { result: toMessage(post), effect: `edit:${post.id}` };
}
