// A person with a phone: what she does becomes updates for the bot.
import { revise, seconds, toMessage, type Draft, type Post, type Room } from "./chats.ts";
import type { Media, Upload } from "./files.ts";
import type { Answer, Service } from "./service.ts";
import { mentioned, plain } from "./text.ts";
import type { Button, Chat, Emoji, Message, Origin, User } from "./wire.ts";

export type PersonOptions = {
  readonly id: number;
  readonly firstName: string;
  readonly lastName?: string;
  readonly username?: string;
  readonly languageCode?: string;
};
export type Saying = {
  /** In a group; her own chat with the bot otherwise. */
  readonly in?: Group;
  /** The id of the message that she answers. */
  readonly replyTo?: number;
  readonly forwardedFrom?: Origin;
  readonly caption?: string;
};
export type Group = { readonly chatId: number; readonly room: Room };
export type AlbumItem = { readonly kind: "photo" | "document"; readonly upload: Upload; readonly caption?: string };

export class Person {
  readonly user: User;
  /** Of her own chat with the bot. */
  readonly chatId: number;
  readonly #service: Service;

  constructor(service: Service, { id, firstName, lastName, username, languageCode = "en" }: PersonOptions) {
    this.#service = service;
    this.chatId = id;
    this.user = {
      id,
      is_bot: false,
      first_name: firstName,
      ...(lastName !== undefined && { last_name: lastName }),
      ...(username !== undefined && { username }),
      language_code: languageCode,
    };
  }

  /** Opens the chat: /start, with what a deep link carried. */
  start(payload?: string): Message {
    return this.say(payload === undefined ? "/start" : `/start ${payload}`);
  }

  say(text: string, saying: Saying = {}): Message {
    return this.#post({ words: plain(text) }, saying);
  }

  sendDocument(upload: Upload, saying: Saying = {}): Message {
    return this.#send(this.#service.files.addDocument(upload), saying);
  }

  /** Throws the refusal that a bot would get for it: people's apps do not send such photos either. */
  sendPhoto(upload: Upload, saying: Saying = {}): Message {
    return this.#send(this.#service.files.addPhoto(upload), saying);
  }

  sendVoice(upload: Upload, durationS: number, saying: Saying = {}): Message {
    return this.#send(this.#service.files.addVoice(upload, durationS), saying);
  }

  /** Several files at once: one update each, with one media_group_id. */
  sendAlbum(items: readonly AlbumItem[], saying: Saying = {}): readonly Message[] {
    const albumId = String(14_000_000_000_000_000n + BigInt(this.#service.updates.ever.length));
    return items.map(({ kind, upload, caption = "" }) => {
      const media = kind === "photo" ? this.#service.files.addPhoto(upload) : this.#service.files.addDocument(upload);
      return this.#post({ words: plain(caption), media, albumId }, saying);
    });
  }

  /**
   * Presses a button by its words or its data and returns the id of the query; `answer` tells what the bot said to it.
   * Anyone may press in a group; `chatId` also lets a person press in the chat of another.
   */
  press(messageId: number, button: string, chatId: number = this.chatId): string {
    const post = this.#find(messageId, chatId);
    const buttons = post.keyboard?.inline_keyboard.flat() ?? [];
    const data = buttons.find((one) => isCalled(one, button))?.callback_data;
    if (data === undefined) throw new Error(`Message ${messageId} has no button "${button}".`);
    return this.#ask(post, data);
  }

  /** What the bot answered to a pressed button; undefined as long as the button still turns. */
  answer(queryId: string): Answer | undefined {
    return this.#service.queries.get(queryId)?.answer;
  }

  /** Changes the words, or the caption, of a message of her own. */
  edit(messageId: number, text: string, chatId: number = this.chatId): Message {
    const post = this.#find(messageId, chatId);
    if (post.from.id !== this.user.id) throw new Error(`Message ${messageId} is not of ${this.user.first_name}.`);
    revise(post, this.#service.nowMs(), { words: plain(text) });
    const message = toMessage(post);
    if (this.#isHeard(post)) this.#service.updates.push({ edited_message: message });
    this.#service.changed();
    return message;
  }

  /** Reacts with one emoji, or takes the reaction back. */
  react(messageId: number, emoji: string | undefined, chatId: number = this.chatId): void {
    const post = this.#find(messageId, chatId);
    const before = post.reactions.get(this.user.id) ?? [];
    const after = emoji === undefined ? [] : [emoji];
    post.reactions.set(this.user.id, after);
    this.#service.updates.push({
      message_reaction: {
        chat: post.room.chat,
        message_id: post.id,
        user: this.user,
        date: seconds(this.#service.nowMs()),
        old_reaction: before.map(toEmoji),
        new_reaction: after.map(toEmoji),
      },
    });
    this.#service.changed();
  }

  block(): void {
    this.#join("kicked");
  }

  unblock(): void {
    this.#join("member");
  }

  #send(media: Media, saying: Saying): Message {
    return this.#post({ words: plain(saying.caption ?? ""), media }, saying);
  }

  #post(draft: Omit<Draft, "from">, { in: group, replyTo, forwardedFrom: origin }: Saying): Message {
    const room = group?.room ?? this.#ownRoom();
    // Writing to a bot that was blocked lets it in again.
    if (group === undefined && room.isBlocked) this.unblock();
    const replied = replyTo === undefined ? undefined : this.#find(replyTo, room.chat.id);
    const post = this.#service.chats.add(room, { ...draft, from: this.user, replyTo: replied, origin });
    const message = toMessage(post);
    if (this.#isHeard(post)) this.#service.updates.push({ message });
    this.#service.changed();
    return message;
  }

  #ask(post: Post, data: string): string {
    const { queries, updates, nowMs, changed } = this.#service;
    const id = `${Bun.hash(`${post.room.chat.id}`).toString().slice(0, 12)}${String(queries.size + 1).padStart(6, "0")}`;
    queries.set(id, { id, from: this.user, post, data, atMs: nowMs(), answer: undefined });
    const chat = Bun.hash(`chat/${post.room.chat.id}`).toString();
    updates.push({
      callback_query: { id, from: this.user, message: toMessage(post), chat_instance: chat, data },
    });
    changed();
    return id;
  }

  #join(status: "member" | "kicked"): void {
    const { updates, bot, nowMs, changed } = this.#service;
    const room = this.#ownRoom();
    const until = { until_date: 0 };
    const member = (one: "member" | "kicked") => ({ user: bot, status: one, ...(one === "kicked" && until) });
    room.isBlocked = status === "kicked";
    updates.push({
      my_chat_member: {
        chat: room.chat,
        from: this.user,
        date: seconds(nowMs()),
        old_chat_member: member(status === "kicked" ? "member" : "kicked"),
        new_chat_member: member(status),
      },
    });
    changed();
  }

  #ownRoom(): Room {
    const { id, first_name, last_name, username } = this.user;
    const names = { ...(last_name !== undefined && { last_name }), ...(username !== undefined && { username }) };
    const chat: Chat = { id, first_name, ...names, type: "private" };
    return this.#service.chats.open(chat);
  }

  #find(messageId: number, chatId: number): Post {
    const post = this.#service.chats.find(chatId)?.posts.get(messageId);
    if (post === undefined) throw new Error(`There is no message ${messageId} in chat ${chatId}.`);
    return post;
  }

  #isHeard({ room, words, replyTo }: Post): boolean {
    const { bot, hearsAll } = this.#service;
    if (room.isBlocked) return false;
    if (room.chat.type === "private" || hearsAll || replyTo?.from.id === bot.id) return true;
    const name = bot.username.toLowerCase();
    const command = words.entities.find((entity) => entity.type === "bot_command");
    const called = command && words.text.slice(command.offset, command.offset + command.length).split("@")[1];
    if (command !== undefined && (called === undefined || called.toLowerCase() === name)) return true;
    return mentioned(words).includes(name);
  }
}

function isCalled({ text, callback_data: data }: Button, name: string): boolean {
  return data !== undefined && (text === name || data === name);
}

function toEmoji(emoji: string): Emoji {
  return { type: "emoji", emoji };
}
