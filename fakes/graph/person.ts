// A person with a phone: what they do there becomes webhooks.
import { Chat, type Seen, type SeenFile } from "./chat.ts";
import { messageEvent, rotationEvent, systemEvent, type Identity, type WebhookEvent } from "./envelope.ts";
import { GraphFailure, webhookError } from "./failure.ts";
import type { Media, MediaKind } from "./media.ts";
import type { Button } from "./outgoing.ts";

/** What a phone needs of the service. */
export type Network = {
  readonly now: () => number;
  readonly newMessageId: () => string;
  readonly newUserId: () => string;
  readonly businessNumber: string;
  readonly post: (...events: readonly WebhookEvent[]) => void;
  readonly receive: (bytes: Uint8Array<ArrayBuffer>, mediaType: string) => Media;
  /** The address that a webhook carries for a file; null: the service does not tell it there. */
  readonly addressOf: (media: Media) => string | null;
  /** The person has opened the chat: these messages are read now. */
  readonly read: (person: Person, messages: readonly Seen[]) => void;
};

export type Attachment = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  readonly name?: string;
  readonly caption?: string;
};

type Part = { readonly [key: string]: unknown };

const WINDOW_MS = 86_400_000;

/** Every method that sends answers with the id of the message; its webhook is on its way then. */
export class Person {
  readonly chat: Chat;
  isBlocking = false;
  /** False: this person has left WhatsApp, nothing can be delivered. */
  isReachable = true;
  identity: Identity;
  readonly #network: Network;
  #lastWrittenAt = -Infinity;

  constructor(identity: Identity, network: Network) {
    this.identity = identity;
    this.#network = network;
    this.chat = new Chat(network.now);
  }

  /** Free messages may be sent for 24 hours after the person's last one. */
  get isWindowOpen(): boolean {
    return this.#network.now() - this.#lastWrittenAt < WINDOW_MS;
  }

  say(text: string, replyTo: string | null = null): string {
    return this.#send("text", { body: text }, { text, replyTo });
  }

  sendDocument({ name = "document", ...file }: Attachment): string {
    return this.#sendFile("document", { ...file, name }, { filename: name });
  }

  sendImage(file: Attachment): string {
    return this.#sendFile("image", file);
  }

  sendVideo(file: Attachment): string {
    return this.#sendFile("video", file);
  }

  sendSticker(bytes: Uint8Array<ArrayBuffer>): string {
    return this.#sendFile("sticker", { bytes, mediaType: "image/webp" }, { animated: false });
  }

  sendVoice(bytes: Uint8Array<ArrayBuffer>, mediaType = "audio/ogg; codecs=opus"): string {
    return this.#sendFile("audio", { bytes, mediaType }, { voice: true });
  }

  sendLocation(latitude: number, longitude: number, name?: string): string {
    return this.#send("location", { latitude, longitude, ...(name !== undefined && { name }) });
  }

  sendContact(name: string, phone: string): string {
    const contact = {
      name: { formatted_name: name, first_name: name },
      phones: [{ phone, wa_id: phone.replaceAll(/\D/g, ""), type: "CELL" }],
    };
    return this.#send("contacts", [contact]);
  }

  /** A kind of message that the service does not pass on, a poll for one. */
  sendUnsupported(type = "poll_creation"): string {
    const failure = new GraphFailure(131051, "Message type is currently not supported.", {
      title: "Message type unknown",
    });
    const { href: _, ...error } = webhookError(failure);
    return this.#send("unsupported", { type }, { beside: { errors: [error] } });
  }

  /** An empty emoji takes the reaction away. */
  react(messageId: string, emoji: string): string {
    this.chat.react({ messageId, from: "person", emoji });
    return this.#send("reaction", { message_id: messageId, emoji }, { isShown: false });
  }

  /** Presses a button by id, of that message or of the last one that has it. */
  press(buttonId: string, messageId?: string): string {
    const shown = this.chat.messages.filter((one) => one.from === "business");
    const isIt = ({ id, buttons }: Seen) => (messageId ?? id) === id && buttons.some((one) => one.id === buttonId);
    const message = shown.findLast(isIt);
    const button = message?.buttons.find((one) => one.id === buttonId);
    if (message === undefined || button === undefined) throw new Error(`There is no button ${buttonId} to press.`);
    return this.#reply("button_reply", button, message.id);
  }

  /** Chooses a row of a list. */
  choose(row: Button & { readonly description?: string }, messageId: string): string {
    return this.#reply("list_reply", row, messageId);
  }

  /** Presses the quick reply of a template. */
  pressTemplate(text: string, payload: string, messageId: string): string {
    return this.#send("button", { text, payload }, { text, replyTo: messageId });
  }

  /** Opens the chat. */
  read(): void {
    const unread = this.chat.messages.filter((one) => one.from === "business" && one.progress !== "read");
    for (const one of unread) one.progress = "read";
    this.#network.read(this, unread);
  }

  /** Another number, and with it another id, told in two posts. */
  changeNumber(waId: string, userId: string = this.#network.newUserId()): void {
    this.#become({ ...this.identity, waId, userId: this.identity.userId === null ? null : userId });
  }

  changeUserId(userId: string = this.#network.newUserId()): void {
    this.#become({ ...this.identity, userId });
  }

  block(): void {
    this.isBlocking = true;
  }

  unblock(): void {
    this.isBlocking = false;
  }

  leave(): void {
    this.isReachable = false;
  }

  #become(after: Identity): void {
    const before = this.identity;
    const network = this.#network;
    const now = network.now();
    this.identity = after;
    network.post(systemEvent(before, after, network.newMessageId(), now));
    if (before.userId !== after.userId) network.post(rotationEvent(before, after, now));
  }

  #reply(type: "button_reply" | "list_reply", choice: Button, messageId: string): string {
    return this.#send("interactive", { type, [type]: choice }, { text: choice.title, replyTo: messageId });
  }

  #sendFile(kind: MediaKind, { bytes, mediaType, name, caption }: Attachment, extra: Part = {}): string {
    const media = this.#network.receive(bytes, mediaType);
    const url = this.#network.addressOf(media);
    const part = {
      ...(caption !== undefined && { caption }),
      ...extra,
      mime_type: mediaType,
      sha256: Buffer.from(media.sha256, "hex").toString("base64"),
      id: media.id,
      ...(url !== null && { url }),
    };
    return this.#send(kind, part, { text: caption ?? null, file: { name: name ?? null, mediaType, bytes } });
  }

  #send(type: string, part: unknown, shown: Shown = {}): string {
    const network = this.#network;
    const { text = null, replyTo = null, file = null, isShown = true, beside = {} } = shown;
    const id = network.newMessageId();
    const at = network.now();
    if (!this.isBlocking) this.#lastWrittenAt = at;
    const buttons: Button[] = [];
    if (isShown)
      this.chat.add({
        id,
        at,
        from: "person",
        kind: type,
        text,
        file,
        buttons,
        replyTo,
        callbackData: null,
        progress: "sent",
      });
    const context = replyTo === null ? {} : { context: { from: network.businessNumber, id: replyTo } };
    if (!this.isBlocking)
      network.post(messageEvent(this.identity, id, at, { ...context, type, [type]: part, ...beside }));
    return id;
  }
}

type Shown = {
  readonly text?: string | null;
  readonly replyTo?: string | null;
  readonly file?: SeenFile | null;
  /** Reactions are no messages of their own. */
  readonly isShown?: boolean;
  readonly beside?: Part;
};
