// A model without a model: a server on this machine that says what a script says, in the providers' own formats. It takes only
// what they would take, keeps what it was asked, and knows what all of it would have cost in tokens.
import { getEncoding } from "js-tiktoken";
import { anthropic } from "./anthropic.ts";
import { chat } from "./chat.ts";
import { google } from "./google.ts";
import { listModels, ollama } from "./listing.ts";
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
  /** What a client must show; any that is not empty when left out. Null: none, as with a server on one's own machine. */
  readonly key?: string | null;
  /** Tokens that the model reads at most. */
  readonly contextTokens?: number;
  /** Names that are listed. */
  readonly models?: readonly string[];
};

export type Request = {
  readonly asked: Asked;
  readonly body: unknown;
  /** Without the key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null while it runs, and for one that was refused or did not come to its end. */
  usage: Usage | null;
  /** The client went away before the end. */
  isAborted: boolean;
};

const WIRES: readonly Wire[] = [chat, responses, anthropic, google];
const FLUSH_MS = 5;
const KEY_HEADERS: readonly string[] = ["authorization", "x-api-key", "x-goog-api-key"];

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

  /** Of all wires but Google's, where it is /v1beta: up to /v1. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/v1`;
  }

  /** What each answer that came to its end took, in the order of the requests. */
  get bill(): readonly Usage[] {
    return this.requests.flatMap(({ usage }) => usage ?? []);
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
    const url = new URL(request.url);
    if (request.method === "GET") return this.#list(request.headers, url.pathname);
    const wire = WIRES.find(({ path }) => path.test(url.pathname));
    if (wire === undefined || request.method !== "POST")
      return Response.json(chat.error(404, "There is no such address."), { status: 404 });
    const { headers, signal } = request;
    if (!this.#isKeyGood(wire.key(headers))) return refuseKey(wire);
    try {
      const body = parseJson(await request.text());
      const asked = wire.read(body, { url, headers });
      const kept: Request = { asked, body, headers: withoutKey(headers), usage: null, isAborted: false };
      return await this.#speak(wire, kept, signal);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refusals.push(`${wire.name}: ${error.message}`);
      return Response.json(wire.error(error.status, error.message), { status: error.status });
    }
  }

  #isKeyGood(key: string): boolean {
    const { key: wanted } = this.#options;
    if (wanted === null) return true;
    return wanted === undefined ? key !== "" : key === wanted;
  }

  #list(headers: Headers, pathname: string): Response {
    const names = this.#options.models ?? ["mock"];
    const own = ollama(pathname, names);
    if (own !== null) return Response.json(own);
    const wire = pathname === "/v1beta/models" ? google : headers.has("x-api-key") ? anthropic : chat;
    if (wire !== google && pathname !== "/v1/models")
      return Response.json(chat.error(404, "There is no such address."), { status: 404 });
    if (!this.#isKeyGood(wire.key(headers))) return refuseKey(wire);
    return Response.json(listModels(wire.name, names));
  }

  async #speak(wire: Wire, kept: Request, signal: AbortSignal): Promise<Response> {
    const { asked } = kept;
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

function refuseKey({ error, keyRefusal: { status, message } }: Wire): Response {
  return Response.json(error(status, message), { status });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused("The body of the request is not JSON.");
  }
}

function withoutKey(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !KEY_HEADERS.includes(name)));
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
      else if (fault?.kind === "cut" && fault.clean !== true) {
        // What was said goes out first: otherwise not even the headers would have come.
        await Bun.sleep(FLUSH_MS);
        controller.error();
      } else {
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
  const { outputTokens = Math.ceil(written / 4) + 1 } = usage;
  return {
    inputTokens: Math.ceil(readCharacters / 4) + 3,
    cachedTokens: 0,
    reasoningTokens: Math.min(Math.floor(reasoning.length / 4), outputTokens),
    ...usage,
    outputTokens,
  };
}

/** Addresses and settings for .env, by wire. */
export const settingsFor = (url: string): Readonly<Record<WireName, Readonly<Record<string, string>>>> => ({
  chat: { SANDPIPER_MODEL: "compatible:mock", SANDPIPER_MODEL_URL: url, SANDPIPER_MODEL_KEY: "mock-key" },
  responses: { SANDPIPER_MODEL: "openai:gpt-5-mini", OPENAI_BASE_URL: url, OPENAI_API_KEY: "mock-key" },
  anthropic: { SANDPIPER_MODEL: "anthropic:claude-sonnet-4-5", ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "mock-key" },
  google: {
    SANDPIPER_MODEL: "google:gemini-2.5-flash",
    GOOGLE_BASE_URL: url.replace(/\/v1$/, "/v1beta"),
    GOOGLE_GENERATIVE_AI_API_KEY: "mock-key",
  },
});
