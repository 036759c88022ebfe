// What a channel is: a platform on which people write. It decides nothing; it turns updates into arrivals and says what
// it is given to say.
import type { Operation } from "./operation.ts";

/** What a platform can show, and how much of it; the renderer goes by this alone. */
export type Capabilities = {
  /** UTF-16 units of one message, and of the words below a picture or file. */
  readonly textLength: number;
  readonly captionLength: number;
  /** How the platform marks bold and code. */
  readonly markup: "telegram-html" | "whatsapp" | "markdown" | "plain";
  /** The largest picture and the largest file that can be sent, and the largest file that can be fetched. */
  readonly photoBytes: number;
  readonly fileBytes: number;
  readonly incomingFileBytes: number;
  /** Media types that can be sent at all; without it, any. */
  readonly fileTypes?: ReadonlySet<string>;
  /** Media types that are shown as pictures. */
  readonly photoTypes: readonly string[];
  /** Pictures of one message; 1: no albums. */
  readonly albumSize: number;
  /** Null: none. `textLength`: of a message with buttons, where that is less. */
  readonly buttons: { readonly most: number; readonly titleLength: number; readonly textLength?: number } | null;
  /** How long the platform may take to tell what became of a message that nobody knows of; 0: it never tells. */
  readonly echoMs: number;
  /** Between two changes of one message. */
  readonly changeGapMs: number;
  /** Messages of one job, at most; the rest is named with a link to the dashboard. */
  readonly messagesPerJob: number;
};

export type Button = { readonly title: string; readonly action: string };

/** The file behind an artifact. */
export type OutgoingFile = {
  readonly path: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
};

export type Order = {
  /** Of the delivery; the same when it is tried again. */
  readonly id: string;
  readonly chat: string;
  readonly operation: Operation;
  /** The platform's id of a message that is there already and shall become this one. */
  readonly placed: string | null;
  /** An earlier attempt may have had its effect; nobody knows. */
  readonly isUnresolved: boolean;
  readonly fileOf: (artifact: string) => OutgoingFile;
  /** Durable when it resolves: a message was placed for this delivery. */
  readonly onPlaced: (platformId: string) => Promise<void>;
};

/** A file that a person sent, still on the platform. `ref` is the platform's own; it is in no log. */
export type IncomingFile = {
  readonly ref: string;
  readonly name: string;
  /** What the platform says; null when it says nothing. */
  readonly bytes: number | null;
};

/** Something that happened on a platform. */
export type Arrival = {
  /** Unique in the account: a redelivery carries the same. */
  readonly eventId: string;
  readonly chat: string;
  /** The platform's ids of who did it; the first one is the name that we keep. */
  readonly person: readonly string[];
  readonly isPrivate: boolean;
  readonly event: ArrivalEvent;
};

export type ArrivalEvent =
  | {
      readonly kind: "message";
      readonly messageId: string;
      readonly text: string;
      readonly files: readonly IncomingFile[];
      /** Files that were sent as one message; null when it stands alone. */
      readonly groupId: string | null;
      /** Somebody else's words: they command nothing. */
      readonly isForwarded: boolean;
    }
  /** `pressId`: what the platform wants to be told that the press was seen. */
  | { readonly kind: "press"; readonly messageId: string; readonly pressId: string; readonly action: string }
  /** The person goes by another id from now on. */
  | { readonly kind: "renamed"; readonly from: string };

/** What a platform tells about something that was said. */
export type Receipt = {
  /** Our id, where the platform echoes it, else the platform's. */
  readonly delivery: string | null;
  readonly platformId: string;
  readonly status: "sent" | "delivered" | "read" | "failed";
  readonly error: DeliveryError | null;
};

/** What a channel gets to work with. */
export type Door = {
  /** Durable when it resolves; only then may the platform be told that we have them. */
  readonly admit: (arrivals: readonly Arrival[], receipts?: readonly Receipt[]) => Promise<void>;
  readonly tell: (health: Health) => void;
};

export type Health = { readonly state: "starting" | "up" | "down" | "refused"; readonly detail: string };

export type Hint = "typing" | "photo";

/** A message that says that work goes on, and other words in its place. Throw DeliveryError. */
export type Progress = {
  readonly place: (chat: string, text: string, buttons: readonly Button[], signal: AbortSignal) => Promise<string>;
  readonly change: (
    chat: string,
    platformId: string,
    text: string,
    buttons: readonly Button[],
    signal: AbortSignal,
  ) => Promise<void>;
};

export type Channel = {
  readonly name: string;
  /** Which of the platform's accounts we are: updates and ids belong to it. */
  readonly account: string;
  readonly can: Capabilities;
  /** Takes updates in until the signal aborts. It never waits for what becomes of them. */
  readonly listen: (door: Door, signal: AbortSignal) => Promise<void>;
  /** How long the platform wants this chat to be left alone (ms), where it wants that. Waiting is no attempt. */
  readonly waitMs?: (chat: string) => number;
  /** Says one thing; resolves to the platform's id of it. Throws DeliveryError. */
  readonly deliver: (order: Order, signal: AbortSignal) => Promise<string>;
  /** Null where what was said cannot be changed: then nothing is said before the result. */
  readonly progress: Progress | null;
  /** Best effort: that something is being done, and that a press was seen. */
  readonly hint: (chat: string, hint: Hint, about: string | null, signal: AbortSignal) => Promise<void>;
  readonly acknowledge: (pressId: string, words: string, signal: AbortSignal) => Promise<void>;
  /** The bytes of a file. Throws AppError. */
  readonly fetch: (file: IncomingFile, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
  /** Where the platform calls us; it verifies, admits, and only then answers 200. */
  readonly webhook?: {
    readonly path: string;
    readonly receive: (request: Request, door: Door) => Promise<Response>;
  };
  /** Where a person opens the chat with this code in it; null where there is no such thing. */
  readonly linkFor: (code: string) => string | null;
};

/**
 * How a delivery can fail. `not_sent`: it had no effect and may be tried again. `ambiguous`: nobody knows whether it had.
 * `permanent`: it never will. `window`: the person must write first. `auth`: the platform does not know us any more.
 */
export type FailureClass = "not_sent" | "ambiguous" | "permanent" | "window" | "auth";

export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  readonly failure: FailureClass;
  readonly retryAfterMs: number | null;
  /** True: the whole account is to pause, not this chat alone. */
  readonly isForAll: boolean;

  constructor(
    failure: FailureClass,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number; readonly isForAll?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.isForAll = options.isForAll ?? false;
  }
}
