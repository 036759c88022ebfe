// The Bot API of Telegram on this machine (https://core.telegram.org/bots/api, 9.x): the wire, and what goes wrong on it.
import { Chats } from "./chats.ts";
import { Faults, type Fault } from "./faults.ts";
import { Files, refuseOversize } from "./files.ts";
import { Limits } from "./limits.ts";
import { METHODS } from "./methods.ts";
import { Person, type Group, type PersonOptions } from "./person.ts";
import { Refusal } from "./refusal.ts";
import { readParameters, type Parameters } from "./request.ts";
import type { Command, Done, Service } from "./service.ts";
import { Updates } from "./updates.ts";
import { view, type View } from "./view.ts";
import { Webhook } from "./webhook.ts";

/** In the form of a real one, so that what hides real ones hides this one; nobody's. */
export const TOKEN = "7000000001:FAKE-fake-FAKE-fake-FAKE-fake-FAKE0";
/** Above the service's own limit, which is answered in its own words. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

export type FakeTelegramOptions = {
  readonly token?: string;
  readonly username?: string;
  /** 0 is any that is free. */
  readonly port?: number;
  readonly nowMs?: () => number;
  readonly hasLimits?: boolean;
  readonly hearsAll?: boolean;
  readonly firstUpdateId?: number;
  readonly webhookRetryMs?: number;
};

/** One call of the bot. A file is its name and size; `status` is undefined when the connection was cut or never answered. */
export type Call = {
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly atMs: number;
  status: number | undefined;
  /** What it did: `message:12`, `edit:12`, `album:3,4` …; undefined: nothing that lasts. */
  effect: string | undefined;
};

type Run = () => Response | Promise<Response>;

export class FakeTelegram implements AsyncDisposable {
  /** What the service accepts; another one from now on, as after a revocation, when it is changed. */
  token: string;
  readonly faults = new Faults();
  readonly calls: Call[] = [];
  readonly updates: Updates;
  readonly limits: Limits;
  readonly #service: Service;
  readonly #listeners = new Set<() => void>();
  #server: Bun.Server<undefined> | undefined;
  #port: number;
  #groups = 0;

  constructor(options: FakeTelegramOptions = {}) {
    const { token = TOKEN, username = "sandpiper_fake_bot", nowMs = Date.now, webhookRetryMs = 500 } = options;
    this.token = token;
    this.#port = options.port ?? 0;
    this.updates = new Updates(nowMs, options.firstUpdateId ?? 700_000_001);
    this.limits = new Limits(nowMs, options.hasLimits ?? false);
    this.#service = {
      bot: { id: Number(token.split(":")[0]), is_bot: true, first_name: "Sandpiper", username },
      hearsAll: options.hearsAll ?? false,
      nowMs,
      chats: new Chats(nowMs),
      files: new Files(nowMs),
      updates: this.updates,
      webhook: new Webhook(this.updates, nowMs, webhookRetryMs),
      limits: this.limits,
      queries: new Map(),
      commands: [],
      changed: () => this.#changed(),
    };
    this.start();
  }

  /** Of the API (`apiRoot`); the same after a stop and a start. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get isListening(): boolean {
    return this.#server !== undefined;
  }

  get commands(): readonly Command[] {
    return this.#service.commands;
  }

  /** Somebody with an account; the bot does not know her chat before she writes. */
  person(options: PersonOptions): Person {
    return new Person(this.#service, options);
  }

  group(title: string, type: "group" | "supergroup" = "supergroup"): Group {
    this.#groups += 1;
    const chatId = type === "group" ? -4_000_000 - this.#groups : -1_002_000_000_000 - this.#groups;
    const chat = type === "group" ? { all_members_are_administrators: true } : {};
    return { chatId, room: this.#service.chats.open({ id: chatId, title, type, ...chat }) };
  }

  /** What is seen in a chat; nothing in one that there is not. */
  view(chatId: number): View {
    const room = this.#service.chats.find(chatId);
    return room === undefined ? { messages: [], deleted: [], actions: [] } : view(room);
  }

  callsOf(method: string): readonly Call[] {
    return this.calls.filter((call) => call.method === method);
  }

  /** Waits until `look` finds something, looking again after each thing that happens. */
  async until<T>(look: () => T | undefined | false, timeoutMs = 10_000): Promise<T> {
    const found = Promise.withResolvers<T>();
    const tryOnce = () => {
      try {
        const seen = look();
        if (seen !== undefined && seen !== false) found.resolve(seen);
      } catch (error) {
        // Not in the face of whoever made the thing happen.
        found.reject(error);
      }
    };
    const fail = () => found.reject(new Error(`Not seen in ${timeoutMs} ms: ${look.toString()}`));
    const timer = setTimeout(fail, timeoutMs);
    this.#listeners.add(tryOnce);
    try {
      tryOnce();
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(tryOnce);
    }
  }

  /** Calls `listener` after each thing that happens; returns how to end that. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Listens, with all that was there before. */
  start(): void {
    if (this.#server !== undefined) return;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: this.#port,
      idleTimeout: 0,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: (request) => this.#answer(request),
    });
    this.#port = this.#server.port ?? this.#port;
    this.#service.webhook.resume();
    this.#changed();
  }

  /** Nobody listens any more, and every connection is cut; what is there stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#service.webhook.pause();
    await server?.stop(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, inFile, token = "", rest = ""] = /^\/(file\/)?bot([^/]+)\/(.+)$/.exec(pathname) ?? [];
    if (token === "") return refused(new Refusal(404, "Not Found"));
    if (token !== this.token) {
      this.#note(rest, {}).status = 401;
      return refused(new Refusal(401, "Unauthorized"));
    }
    try {
      if (inFile !== undefined) return await this.#download(decodeURIComponent(rest), request.signal);
      return await this.#call(rest, await readParameters(request), request.signal);
    } catch (error) {
      if (error instanceof Refusal) return refused(error);
      throw error;
    }
  }

  async #download(path: string, signal: AbortSignal): Promise<Response> {
    const call = this.#note("download", { path });
    const fault = this.faults.take("download", call.parameters);
    return this.#settle(call, fault, signal, () => new Response(this.#service.files.fetch(path)));
  }

  async #call(name: string, parameters: Parameters, signal: AbortSignal): Promise<Response> {
    const method = METHODS.get(name.toLowerCase());
    const call = this.#note(method?.name ?? name, described(parameters));
    const fault = this.faults.take(call.method, call.parameters);
    return this.#settle(call, fault, signal, async () => {
      if (method === undefined) throw new Refusal(404, "Not Found: method not found");
      for (const { bytes } of parameters.files.values()) refuseOversize(bytes.length);
      const done: Done = await method.run(this.#service, parameters, signal);
      call.effect = done.effect;
      return Response.json({ ok: true, result: done.result });
    });
  }

  /** Runs a call through its fault, and writes down what became of it. */
  async #settle(call: Call, fault: Fault | undefined, signal: AbortSignal, run: Run): Promise<Response> {
    const early = this.#early(fault, signal);
    if (early !== undefined) this.#changed();
    const response = await (early ?? this.#late(fault, run, signal));
    call.status = isCut(response) ? undefined : response.status;
    this.#changed();
    return response;
  }

  #early(fault: Fault | undefined, signal: AbortSignal): Promise<Response> | undefined {
    if (fault?.kind === "hang") return never(signal);
    if (fault?.kind === "drop-before-effect") return Promise.resolve(cut());
    if (fault?.kind === "status" && fault.isAfterEffect !== true) return Promise.resolve(failed(fault));
    if (fault?.kind !== "refuse") return undefined;
    void this.#goAway(fault.ms);
    return never(signal);
  }

  async #late(fault: Fault | undefined, run: Run, signal: AbortSignal): Promise<Response> {
    const response = await orRefused(run);
    // Seen from now on, whatever becomes of the answer.
    this.#changed();
    if (fault?.kind === "drop-after-effect") return cut();
    if (fault?.kind === "status") return failed(fault);
    if (fault?.kind === "truncate") return half(response);
    if (fault?.kind === "slow") await Promise.race([Bun.sleep(fault.ms), never(signal)]);
    return response;
  }

  async #goAway(ms: number): Promise<void> {
    await this.stop();
    await Bun.sleep(ms);
    this.start();
  }

  #note(method: string, parameters: Readonly<Record<string, unknown>>): Call {
    const call: Call = { method, parameters, atMs: this.#service.nowMs(), status: undefined, effect: undefined };
    this.calls.push(call);
    this.#changed();
    return call;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function described({ fields, files }: Parameters): Readonly<Record<string, unknown>> {
  const parameters: Record<string, unknown> = { ...fields };
  for (const [field, { name, bytes }] of files) parameters[field] = { name, bytes: bytes.length };
  return parameters;
}

async function orRefused(run: Run): Promise<Response> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    throw error;
  }
}

function refused(refusal: Refusal): Response {
  return Response.json(refusal.toBody(), { status: refusal.code });
}

function failed(fault: Extract<Fault, { kind: "status" }>): Response {
  const { code, retryAfterS } = fault;
  const description = fault.description ?? describe(fault);
  if (fault.isHtml !== true) return refused(new Refusal(code, description, retryAfterS));
  const page = `<html><head><title>${code} ${description}</title></head><body><h1>${code} ${description}</h1></body></html>`;
  return new Response(page, { status: code, headers: { "content-type": "text/html" } });
}

function describe({ code, retryAfterS }: Extract<Fault, { kind: "status" }>): string {
  if (code === 429) return `Too Many Requests: retry after ${retryAfterS ?? 1}`;
  return { 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable" }[code] ?? "Error";
}

const CUT = "x-cut";

/** A body that fails at once, without a reason: the connection is closed before a byte of it. */
function cut(): Response {
  const body = new ReadableStream({ start: (controller) => controller.error() });
  return new Response(body, { headers: { [CUT]: "1" } });
}

function isCut(response: Response): boolean {
  return response.headers.has(CUT);
}

async function half(response: Response): Promise<Response> {
  const body = await response.bytes();
  return new Response(body.subarray(0, Math.floor(body.length / 2)), {
    status: response.status,
    headers: response.headers,
  });
}

/** Until the caller has gone. */
function never(signal: AbortSignal): Promise<Response> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(cut()), { once: true }));
}
