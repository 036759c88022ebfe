// Chats and what stands in them, as the service keeps it.
import type { Media } from "./files.ts";
import { badRequest, Refusal } from "./refusal.ts";
import type { Chat, Formatted, InlineKeyboard, Message, Origin, User } from "./wire.ts";

/** `text` is what the message said before, its caption if it had one. */
export type Edit = { readonly atMs: number; readonly text: string };

/** One message. What an edit changes is writable. */
export type Post = {
  readonly id: number;
  readonly room: Room;
  readonly from: User;
  readonly dateMs: number;
  readonly albumId: string | undefined;
  readonly replyTo: Post | undefined;
  readonly origin: Origin | undefined;
  words: Formatted;
  media: Media | undefined;
  keyboard: InlineKeyboard | undefined;
  readonly edits: Edit[];
  /** Who reacted → with what. */
  readonly reactions: Map<number, readonly string[]>;
};

export type Draft = {
  readonly from: User;
  readonly words: Formatted;
  readonly media?: Media | undefined;
  readonly albumId?: string | undefined;
  readonly replyTo?: Post | undefined;
  readonly origin?: Origin | undefined;
  readonly keyboard?: InlineKeyboard | undefined;
};

export type Room = {
  readonly chat: Chat;
  readonly posts: Map<number, Post>;
  readonly deleted: number[];
  readonly actions: { readonly action: string; readonly atMs: number }[];
  /** By the person in a private chat; the bot was put out of a group. */
  isBlocked: boolean;
};

export class Chats {
  readonly #rooms = new Map<number, Room>();
  readonly #nowMs: () => number;
  /** Private chats and groups share one sequence, a supergroup has its own. */
  #lastId = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The chat is known to the bot from now on. */
  open(chat: Chat): Room {
    const room = this.#rooms.get(chat.id) ?? { chat, posts: new Map(), deleted: [], actions: [], isBlocked: false };
    this.#rooms.set(chat.id, room);
    return room;
  }

  find(chatId: number): Room | undefined {
    return this.#rooms.get(chatId);
  }

  get all(): Iterable<Room> {
    return this.#rooms.values();
  }

  /** Where a bot may write; the service's refusal otherwise. */
  writable(chatId: number | string): Room {
    const room = this.readable(chatId);
    if (!room.isBlocked) return room;
    const isPrivate = room.chat.type === "private";
    const what = isPrivate ? "bot was blocked by the user" : `bot was kicked from the ${room.chat.type} chat`;
    throw new Refusal(403, `Forbidden: ${what}`);
  }

  readable(chatId: number | string): Room {
    if (chatId === "") throw badRequest("chat_id is empty");
    const room = this.#rooms.get(Number(chatId));
    if (room === undefined) throw badRequest("chat not found");
    return room;
  }

  add(room: Room, draft: Draft): Post {
    const id = this.#next(room);
    const { media, albumId, replyTo, origin, keyboard } = draft;
    const kept = {
      media,
      albumId,
      replyTo,
      origin,
      keyboard,
      edits: [],
      reactions: new Map<number, readonly string[]>(),
    };
    const post: Post = { id, room, from: draft.from, dateMs: this.#nowMs(), words: draft.words, ...kept };
    room.posts.set(id, post);
    return post;
  }

  #next(room: Room): number {
    if (room.chat.type === "supergroup") return Math.max(0, ...room.posts.keys(), ...room.deleted) + 1;
    this.#lastId += 1;
    return this.#lastId;
  }
}

/** Changes what a message shows, and remembers what it showed. */
export function revise(post: Post, atMs: number, change: Partial<Pick<Post, "words" | "media" | "keyboard">>): void {
  post.edits.push({ atMs, text: post.words.text });
  Object.assign(post, change);
}

/** As it travels. A message that is replied to comes without what that one replies to. */
export function toMessage(post: Post, isQuoted = false): Message {
  const { words, media, replyTo, keyboard } = post;
  const edit = post.edits.at(-1);
  return {
    message_id: post.id,
    from: post.from,
    chat: post.room.chat,
    date: seconds(post.dateMs),
    ...(edit !== undefined && { edit_date: seconds(edit.atMs) }),
    ...(post.origin !== undefined && { forward_origin: post.origin }),
    ...(replyTo !== undefined && !isQuoted && { reply_to_message: toMessage(replyTo, true) }),
    ...(post.albumId !== undefined && { media_group_id: post.albumId }),
    ...(media?.kind === "photo" && { photo: media.shape }),
    ...(media?.kind === "document" && { document: media.shape }),
    ...(media?.kind === "voice" && { voice: media.shape }),
    ...(media === undefined ? withText(words) : withCaption(words)),
    ...(keyboard !== undefined && { reply_markup: keyboard }),
  };
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

function withText({ text, entities }: Formatted): Pick<Message, "text" | "entities"> {
  return { text, ...(entities.length > 0 && { entities }) };
}

function withCaption({ text, entities }: Formatted): Pick<Message, "caption" | "caption_entities"> {
  if (text === "") return {};
  return { caption: text, ...(entities.length > 0 && { caption_entities: entities }) };
}
