// What a scripted model says, in one form for all wires, and what it was asked.

export type Call = {
  readonly name: string;
  readonly input?: unknown;
  /** The text of the input as it is sent, where that is to be something else than JSON of `input`. */
  readonly raw?: string;
};

export type Fault =
  /** An answer of the server's instead of the model's; `message` goes where the platform has its message. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly message?: string;
      readonly headers?: Record<string, string>;
    }
  /** More than the model can read, in the platform's own words. */
  | { readonly kind: "overflow" }
  /** No answer at all, until the client goes away. */
  | { readonly kind: "hang" }
  /** Half of the answer, then nothing more. */
  | { readonly kind: "hang-midway" }
  /** Half of the answer, then the line is cut: `clean` ends the body as if it were whole. */
  | { readonly kind: "cut"; readonly clean?: boolean };

export type Usage = {
  readonly inputTokens: number;
  /** Of the input. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Of the output. */
  readonly reasoningTokens: number;
};

export type Turn = {
  readonly text?: string;
  readonly reasoning?: string;
  readonly calls?: readonly Call[];
  readonly finish?: "length" | "filtered";
  readonly usage?: Partial<Usage>;
  readonly fault?: Fault;
  /** Between two pieces. */
  readonly delayMs?: number;
  /** Characters a piece. */
  readonly piece?: number;
};

export type Said =
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly calls: readonly (Call & { readonly id: string })[] }
  | { readonly role: "tool"; readonly callId: string; readonly text: string };

/** A request in one form for all wires. */
export type Asked = {
  readonly wire: WireName;
  readonly model: string;
  readonly system: string;
  readonly messages: readonly Said[];
  readonly tools: readonly { readonly name: string; readonly description: string; readonly schema: unknown }[];
  /** False: it may not call any. */
  readonly mayCall: boolean;
  /** The schema of the JSON that is wanted; null for words. */
  readonly schema: unknown;
  readonly maxTokens: number | null;
  /** False: the answer does not say what it took. */
  readonly wantsUsage: boolean;
};

export type WireName = "chat" | "responses" | "anthropic" | "google";

/** One turn a request, the last one again and again; or a function of what was asked. */
export type Script = readonly Turn[] | ((asked: Asked, index: number) => Turn | Promise<Turn>);

/** A request that the platform would not take. */
export class Refused extends Error {
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

export type Wire = {
  readonly name: WireName;
  readonly path: RegExp;
  /** Throws Refused, as the platform would. */
  readonly read: (body: unknown, request: { readonly url: URL; readonly headers: Headers }) => Asked;
  /** The events of a whole answer, in the order and form of the platform. */
  readonly events: (turn: Turn, asked: Asked, usage: Usage, id: string) => readonly string[];
  /** The body of an error. */
  readonly error: (status: number, message: string, code?: string) => unknown;
  readonly overflow: {
    readonly status: number;
    readonly message: (tokens: number, limit: number) => string;
    readonly code: string;
  };
  /** The key that came along; empty if none did. */
  readonly key: (headers: Headers) => string;
  /** What the platform says to a key that it does not know, or to none. */
  readonly keyRefusal: { readonly status: number; readonly message: string };
};

/** A text in pieces. */
export function pieces(text: string, length: number): string[] {
  const all: string[] = [];
  for (let at = 0; at < text.length; at += length) all.push(text.slice(at, at + length));
  return all;
}

export const inputText = ({ input, raw }: Call): string => raw ?? JSON.stringify(input ?? {});

/** How a platform says that a result belongs to no call, and that calls have no result; `at` is the message's place. */
export type CallWords = {
  readonly stray: (id: string, at: number) => string;
  readonly open: (ids: readonly string[], at: number) => string;
};

/** Tool results belong to calls that were made, each once, before anything else is said. */
export function checkCalls(messages: readonly Said[], words: CallWords): void {
  let [open, askedAt]: [string[], number] = [[], 0];
  for (const [at, message] of messages.entries()) {
    if (message.role === "tool") {
      if (!open.includes(message.callId)) throw new Refused(words.stray(message.callId, at));
      open = open.filter((id) => id !== message.callId);
      continue;
    }
    if (open.length > 0) throw new Refused(words.open(open, askedAt));
    if (message.role === "assistant") [open, askedAt] = [message.calls.map(({ id }) => id), at];
  }
  if (open.length > 0) throw new Refused(words.open(open, askedAt));
}
