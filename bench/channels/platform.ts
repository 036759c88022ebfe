// A platform with people on it, as a measurement needs it: what they do, what they see, and when the bot called.

/** One message of the bot's on somebody's phone. */
export type Seen = { readonly text: string; readonly file: Uint8Array | null };

export type Phone = {
  /** As core knows its owner. */
  readonly id: string;
  /** Answers with the platform's id of the message. */
  readonly say: (text: string) => string;
  readonly sendTable: (caption: string) => void;
  /** What is there from the bot. */
  readonly seen: () => readonly Seen[];
};

export type Platform = AsyncDisposable & {
  readonly name: "telegram" | "whatsapp";
  /** Ours on it. */
  readonly account: string;
  /** What core reads from the environment. */
  readonly settings: Readonly<Record<string, string>>;
  readonly phones: readonly Phone[];
  /** The first of them opens the link. */
  readonly open: (link: string) => void;
  /** Nothing of the platform's own waits to be handed over. */
  readonly isIdle: () => boolean;
  /** When the bot began to say something (ms since the epoch); neither hints nor receipts. */
  readonly saidAt: () => readonly number[];
  /** Looks again after each thing that happens. */
  readonly until: (condition: () => boolean, withinMs: number) => Promise<void>;
};

export const TABLE = new TextEncoder().encode("month,rain\n2024-01,80\n2024-02,61\n2024-03,47\n");

/** Only says that something is being done, or is yet to be filled. */
export const isUnfinished = ({ text, file }: Seen): boolean => file === null && (text.startsWith("⏳") || text === "…");
