// A model without a model: a server on this machine that says what a script says, in the providers' own formats. It takes only
// what they would take, keeps what it was asked, and knows what all of it would have cost in tokens.
import { getEncoding } from "js-tiktoken";
import { anthropic } from "./anthropic.ts";
import { chat } from "./chat.ts";
import { responses } from "./responses.ts";
import {
  inputText,
  Refused,
  type Asked,
  type Script,
  type Turn,
  type Usage,
  type Wire,
  type WireName,
} from "./script.ts";

export type LlmOptions = {
  readonly port?: number;
  /** What a client must show; any that is not empty when left out. */
  readonly key?: string;
  /** Tokens that the model reads at most. */
  readonly contextTokens?: number;
  /** Names that are listed. */
  readonly models?: readonly string[];
};

export type Request = {
  readonly asked: Asked;
  readonly body: unknown;
  /** Null while it runs, and for one that was refused or did not come to its end. */
  usage: Usage | null;
  /** The client went away before the end. */
  isAborted: boolean;
};

const WIRES: readonly Wire[] = [chat, responses, anthropic];

export class MockLlm {
  readonly requests: Request[] = [];
  /** Requests that the platform would not have taken, in words. */
  readonly refusals: string[] = [];
  readonly #options: LlmOptions;
  readonly #server: Bun.Server<undefined>;
  #script: Script;
  #turns = 0;

  constructor(script: Script, options: LlmOptions = {}) {
    this.#script = script;
    this.#options = options;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: options.port ?? 0,
      idleTimeout: 0,
      fetch: (request) => this.#answer(request),
    });
  }

  /** Of all wires: up to /v1. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/v1`;
  }

  /** From the beginning of another script. */
  play(script: Script): void {
    this.#script = script;
    this.#turns = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: globalThis.Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "GET") return this.#list(request, pathname);
    const wire = WIRES.find(({ path }) => path === pathname);
    if (wire === undefined || request.method !== "POST")
      return Response.json(chat.error(404, "There is no such address."), { status: 404 });
    if (!this.#isKeyGood(wire.key(request.headers)))
      return Response.json(wire.error(401, "Incorrect API key provided."), { status: 401 });
    const body: unknown = await request.json();
    try {
      return await this.#speak(wire, wire.read(body), body, request.signal);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refusals.push(`${wire.name}: ${error.message}`);
      return Response.json(wire.error(error.status, error.message), { status: error.status });
    }
  }

  #isKeyGood(key: string): boolean {
    return this.#options.key === undefined ? key !== "" : key === this.#options.key;
  }

  #list(request: globalThis.Request, pathname: string): Response {
    if (pathname !== "/v1/models") return new Response("no", { status: 404 });
    const isGood = WIRES.some((wire) => this.#isKeyGood(wire.key(request.headers)));
    if (!isGood) return Response.json(chat.error(401, "Incorrect API key provided."), { status: 401 });
    const names = this.#options.models ?? ["mock"];
    return Response.json({
      object: "list",
      data: names.map((id) => ({ id, object: "model", created: 1, owned_by: "mock" })),
    });
  }

  async #speak(wire: Wire, asked: Asked, body: unknown, signal: AbortSignal): Promise<Response> {
    const kept: Request = { asked, body, usage: null, isAborted: false };
    this.requests.push(kept);
    const limit = this.#options.contextTokens;
    if (limit !== undefined) {
      const tokens = tokensOf(asked);
      if (tokens > limit) return overflow(wire, tokens, limit);
    }
    const turn = await this.#next(asked);
    const { fault } = turn;
    if (fault?.kind === "overflow") return overflow(wire, 200_001, 200_000);
    if (fault?.kind === "status")
      return Response.json(wire.error(fault.status, fault.message ?? "Out of order."), {
        status: fault.status,
        ...(fault.headers && { headers: fault.headers }),
      });
    signal.addEventListener("abort", () => void (kept.isAborted = true));
    if (fault?.kind === "hang") await new Promise((_, reject) => signal.addEventListener("abort", reject));
    const usage = usageOf(asked, turn);
    const events = wire.events(turn, asked, usage, Bun.randomUUIDv7().replaceAll("-", ""));
    return stream(events, turn, signal, () => void (kept.usage = usage));
  }

  async #next(asked: Asked): Promise<Turn> {
    const index = this.#turns++;
    if (typeof this.#script === "function") return await this.#script(asked, index);
    return this.#script[Math.min(index, this.#script.length - 1)] ?? { text: "" };
  }
}

function overflow({ overflow: { status, message, code }, error }: Wire, tokens: number, limit: number): Response {
  return Response.json(error(status, message(tokens, limit), code), { status });
}

function stream(events: readonly string[], turn: Turn, signal: AbortSignal, onEnd: () => void): Response {
  const { fault, delayMs = 0 } = turn;
  const half = fault?.kind === "cut" || fault?.kind === "hang-midway" ? Math.ceil(events.length / 2) : events.length;
  const encoder = new TextEncoder();
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (delayMs > 0) await Bun.sleep(delayMs);
      const next = at < half ? events[at] : undefined;
      at += 1;
      if (next !== undefined) controller.enqueue(encoder.encode(next));
      else if (fault?.kind === "hang-midway") await new Promise((resolve) => signal.addEventListener("abort", resolve));
      else if (fault?.kind === "cut" && fault.clean !== true) controller.error(new Error("cut"));
      else {
        if (fault === undefined) onEnd();
        controller.close();
      }
    },
  });
  return new Response(body, { headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" } });
}

let encoding: ReturnType<typeof getEncoding> | null = null;

/** Of the whole request, as OpenAI's newer models count. */
export function tokensOf({ system, messages, tools }: Asked): number {
  encoding ??= getEncoding("o200k_base");
  const count = (text: string): number => encoding?.encode(text, [], []).length ?? 0;
  const said = messages.reduce((sum, message) => sum + 4 + count(textOf(message)), 0);
  return 3 + count(system) + said + tools.reduce((sum, tool) => sum + 8 + count(JSON.stringify(tool)), 0);
}

function textOf(message: Asked["messages"][number]): string {
  if (message.role !== "assistant") return message.text;
  return `${message.text}${message.calls.map((call) => `${call.name}${inputText(call)}`).join("")}`;
}

function usageOf(asked: Asked, { text = "", reasoning = "", calls = [], usage = {} }: Turn): Usage {
  const written =
    text.length + reasoning.length + calls.reduce((sum, call) => sum + call.name.length + inputText(call).length, 0);
  const readCharacters = asked.system.length + asked.messages.reduce((sum, message) => sum + textOf(message).length, 0);
  return {
    inputTokens: Math.ceil(readCharacters / 4) + 3,
    cachedTokens: 0,
    outputTokens: Math.ceil(written / 4) + 1,
    ...usage,
  };
}

/** Addresses and settings for .env, by wire. */
export const settingsFor = (url: string): Readonly<Record<WireName, Readonly<Record<string, string>>>> => ({
  chat: { SANDPIPER_MODEL: "compatible:mock", SANDPIPER_MODEL_URL: url, SANDPIPER_MODEL_KEY: "mock-key" },
  responses: { SANDPIPER_MODEL: "openai:gpt-5-mini", OPENAI_BASE_URL: url, OPENAI_API_KEY: "mock-key" },
  anthropic: { SANDPIPER_MODEL: "anthropic:claude-sonnet-4-5", ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "mock-key" },
});
