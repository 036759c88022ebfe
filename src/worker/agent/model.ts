// What the agent knows of a model: our own shapes, whoever speaks behind them.
import type { z } from "zod";

export type ToolCall = {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  /** The model's own text, where that was not JSON; `input` is then null. */
  readonly broken?: string;
};

export type ToolResult = { readonly call: ToolCall; readonly text: string; readonly isError: boolean };

export type Message =
  | { readonly role: "user"; readonly text: string }
  | {
      readonly role: "assistant";
      readonly text: string;
      readonly calls: readonly ToolCall[];
      /** As the model's provider wants it back (signatures of its reasoning …); for the same model only. */
      readonly raw?: { readonly model: string; readonly messages: readonly unknown[] };
    }
  | { readonly role: "tool"; readonly results: readonly ToolResult[] };

/** What a model is told of a tool. Its name never changes. */
export type ToolSpec = { readonly name: string; readonly description: string; readonly input: z.ZodType };

export type ModelRequest = {
  readonly instructions: string;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
  /** False: the model is to answer in words now. */
  readonly mayCall: boolean;
  readonly maxOutputTokens: number;
  /** The answer is to be JSON of this shape. */
  readonly answer?: z.ZodType;
};

export type Usage = {
  /** All of them, cached ones included. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
};

/** A piece of what the model writes: of its answer, or of a tool's input (JSON, cut anywhere). */
export type ModelPiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "input"; readonly callId: string; readonly tool: string; readonly text: string };

export type ModelReply = {
  readonly message: Message & { readonly role: "assistant" };
  readonly finish: "stop" | "calls" | "length" | "filtered";
  /** Null where the model's server did not say. */
  readonly usage: Usage | null;
};

export type Model = {
  /** "openai:gpt-5.2", as people see it. */
  readonly name: string;
  readonly provider: string;
  readonly model: string;
  /** Of its server; null: the provider's own. */
  readonly url: string | null;
  /** One request, not repeated. Throws ModelError; when the signal aborts, its reason. */
  readonly ask: (request: ModelRequest, signal: AbortSignal) => AsyncGenerator<ModelPiece, ModelReply>;
};

export type ModelFailure =
  /** It has too much to do, or its server stumbled: the same may work later. */
  | "busy"
  /** It cannot be reached, or said nothing for too long. */
  | "unreachable"
  /** Its words ended in the middle. */
  | "truncated"
  /** More than it can read at once. */
  | "overflow"
  /** It does not know this key, or may not spend more. */
  | "refused"
  /** It does not take the request as it is. */
  | "rejected";

export class ModelError extends Error {
  readonly failure: ModelFailure;
  readonly retryAfterMs: number | undefined;
  /** Tokens were used that nobody counted. */
  readonly wasBilled: boolean;

  constructor(
    failure: ModelFailure,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number; wasBilled?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "ModelError";
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
    this.wasBilled = options.wasBilled ?? false;
  }
}
