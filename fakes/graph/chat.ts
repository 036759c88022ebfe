// One chat as its person sees it on the phone.
import type { Button } from "./outgoing.ts";

export type Progress = "sent" | "delivered" | "read";

export type SeenFile = { readonly name: string | null; readonly mediaType: string; readonly bytes: Uint8Array };

export type Seen = {
  readonly id: string;
  readonly at: number;
  readonly from: "business" | "person";
  /** text, image, document, audio, video, sticker, interactive, template, location … */
  readonly kind: string;
  /** Body or caption. */
  readonly text: string | null;
  readonly file: SeenFile | null;
  readonly buttons: readonly Button[];
  readonly replyTo: string | null;
  /** What the application sent along to know its message again. */
  readonly callbackData: string | null;
  progress: Progress;
};

export type Reaction = { readonly messageId: string; readonly from: "business" | "person"; readonly emoji: string };

export type View = {
  /** In the order of the chat; what was refused or never reached the phone is not there. */
  readonly messages: readonly Seen[];
  readonly reactions: readonly Reaction[];
  readonly isTyping: boolean;
  /** Ids of the person's messages with blue ticks. */
  readonly readReceipts: readonly string[];
};

/** The indicator goes with the answer, or by itself. */
const TYPING_MS = 25_000;

export class Chat {
  readonly messages: Seen[] = [];
  readonly #reactions = new Map<string, Reaction>();
  readonly #read = new Set<string>();
  readonly #now: () => number;
  #typingUntil = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(message: Seen): void {
    this.messages.push(message);
    if (message.from === "business") this.#typingUntil = 0;
  }

  find(id: string): Seen | undefined {
    return this.messages.find((one) => one.id === id);
  }

  /** An empty emoji takes the reaction away. */
  react(reaction: Reaction): void {
    const key = `${reaction.from} ${reaction.messageId}`;
    if (reaction.emoji === "") this.#reactions.delete(key);
    else this.#reactions.set(key, reaction);
  }

  /** The application has read this message and all before it. */
  read(id: string, isTyping: boolean): void {
    const last = this.messages.findIndex((one) => one.id === id);
    const earlier = this.messages.slice(0, last + 1).filter((one) => one.from === "person");
    for (const one of earlier) this.#read.add(one.id);
    if (isTyping) this.#typingUntil = this.#now() + TYPING_MS;
  }

  view(): View {
    return {
      messages: [...this.messages],
      reactions: [...this.#reactions.values()],
      isTyping: this.#now() < this.#typingUntil,
      readReceipts: [...this.#read],
    };
  }
}
