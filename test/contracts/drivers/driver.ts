// What every channel is to a scenario: somebody who writes in a chat, presses buttons, and sees what comes back.

export type SentFile = { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> };

/** One thing that was said to a person, as it is shown to her. */
export type Seen = {
  readonly words: string;
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** By their titles. */
  readonly buttons: readonly string[];
};

/** A job that was made for a chat. */
export type Job = {
  readonly id: string;
  readonly state: string;
  /** How often it was begun. */
  readonly attempts: number;
  readonly prompt: string;
  readonly files: number;
};

/** A chat of its own, in which nobody else writes; the lane of a channel that has one only is free again at its end. */
export type Chat = AsyncDisposable & {
  /** Resolves when the channel has it, not when it is answered. */
  readonly send: (text: string, files?: readonly SentFile[]) => Promise<void>;
  /** The button with this title, of the last that was said with these words in it. */
  readonly press: (title: string, words?: string) => Promise<void>;
  /** A job with code of a person's own, whose answer goes here. */
  readonly run: (code: string) => Promise<void>;
  /** As a person stops what runs here where there is more than the word: a button, or Ctrl-C. */
  readonly stop: () => Promise<void>;
  /** The last event once more, under the same id; resolves when it was taken. */
  readonly redeliver: () => Promise<void>;
  /** In the order in which it is shown. */
  readonly seen: () => Promise<readonly Seen[]>;
  /** The jobs of this chat, in the order in which they were made. */
  readonly jobs: () => readonly Job[];
  /** Nothing of what was sent, asked or said here is still under way. */
  readonly isIdle: () => boolean;
};

export type Can = {
  /** `message`: in words, with buttons below or numbers. `page`: before it is sent. `never`: it goes on without. */
  readonly asksAboutFiles: "message" | "page" | "never";
  /** Buttons below a message; others are named by their number. */
  readonly buttons: number;
  /** False: every answer stands below its own question, whenever it comes. */
  readonly answersInOrder: boolean;
  /** A platform may deliver an event twice. */
  readonly deliversTwice: boolean;
  /** A message and the words below a file, in UTF-16 units; null where nothing limits them. */
  readonly words: { readonly text: number; readonly caption: number; readonly messages: number } | null;
  /** Several files can be sent as one message. */
  readonly sendsFilesTogether: boolean;
};

export type Driver = { readonly name: string; readonly can: Can; readonly open: () => Promise<Chat> };

/** How long an answer may take on a machine that does a dozen other things. */
export const WITHIN_MS = 90_000;
