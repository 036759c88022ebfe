// Delivery to the bot's own address: one update after the other, each again until the bot says 2xx.
import { seconds } from "./chats.ts";
import { badRequest } from "./refusal.ts";
import type { Update } from "./wire.ts";
import type { Updates } from "./updates.ts";

export type Hook = {
  readonly url: string;
  readonly secret: string | undefined;
  readonly maxConnections: number;
  readonly allowed: readonly string[] | undefined;
};

const MAX_SECRET = 256;
const MAX_WAIT_MS = 60_000;
const MAX_ANSWER_MS = 60_000;
const PORTS = new Set(["", "443", "80", "88", "8443"]);

export class Webhook {
  readonly #updates: Updates;
  readonly #nowMs: () => number;
  readonly #retryMs: number;
  #hook: Hook | undefined;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #lastError: { last_error_date: number; last_error_message: string } | undefined;

  /** `retryMs` is the wait after the first failure; it doubles. */
  constructor(updates: Updates, nowMs: () => number, retryMs: number) {
    this.#updates = updates;
    this.#nowMs = nowMs;
    this.#retryMs = retryMs;
    updates.onPush = () => this.resume();
  }

  get isSet(): boolean {
    return this.#hook !== undefined;
  }

  set(hook: Hook | undefined): void {
    if (hook !== undefined) refuseBadHook(hook);
    this.pause();
    this.#hook = hook;
    this.#lastError = undefined;
    this.resume();
  }

  /** Delivers what waits, unless it is at it. */
  resume(): void {
    const hook = this.#hook;
    if (hook === undefined || this.#running !== undefined) return;
    this.#stop = new AbortController();
    const running = this.#deliverAll(hook, this.#stop.signal).finally(() => {
      if (this.#running !== running) return;
      this.#running = undefined;
      // Something may have come in the moment between the last look and this one.
      if (this.#updates.peek() !== undefined) this.resume();
    });
    this.#running = running;
  }

  pause(): void {
    this.#stop.abort();
    this.#running = undefined;
  }

  info(): object {
    const hook = this.#hook;
    const info = {
      url: hook?.url ?? "",
      has_custom_certificate: false,
      pending_update_count: this.#updates.pendingCount,
    };
    if (hook === undefined) return info;
    const allowed = hook.allowed === undefined ? {} : { allowed_updates: hook.allowed };
    return { ...info, max_connections: hook.maxConnections, ...this.#lastError, ...allowed };
  }

  async #deliverAll(hook: Hook, signal: AbortSignal): Promise<void> {
    let waitMs = this.#retryMs;
    for (let update = this.#updates.peek(); update !== undefined; update = this.#updates.peek()) {
      const failure = await deliver(hook, update, signal);
      if (signal.aborted) return;
      if (failure === undefined) this.#updates.confirm(update);
      else {
        this.#lastError = { last_error_date: seconds(this.#nowMs()), last_error_message: failure };
        await sleep(waitMs, signal);
        if (signal.aborted) return;
      }
      waitMs = failure === undefined ? this.#retryMs : Math.min(waitMs * 2, MAX_WAIT_MS);
    }
  }
}

/** Why it did not arrive; undefined when it did. */
async function deliver(hook: Hook, update: Update, signal: AbortSignal): Promise<string | undefined> {
  const headers = new Headers({ "content-type": "application/json" });
  if (hook.secret !== undefined) headers.set("x-telegram-bot-api-secret-token", hook.secret);
  try {
    const either = AbortSignal.any([signal, AbortSignal.timeout(MAX_ANSWER_MS)]);
    const response = await fetch(hook.url, { method: "POST", headers, body: JSON.stringify(update), signal: either });
    await response.body?.cancel();
    return response.ok
      ? undefined
      : `Wrong response from the webhook: ${response.status} ${response.statusText}`.trim();
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "Read timeout expired" : "Connection refused";
  }
}

/** As the service, but that this machine itself may be called without TLS and on any port. */
function refuseBadHook({ url, secret }: Hook): void {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined) throw badRequest("bad webhook: invalid webhook URL specified");
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(address.hostname);
  if (!isHere && address.protocol !== "https:")
    throw badRequest("bad webhook: An HTTPS URL must be provided for webhook");
  if (!isHere && !PORTS.has(address.port))
    throw badRequest("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443");
  if (secret !== undefined && secret.length > MAX_SECRET) throw badRequest("secret token is too long");
  if (secret !== undefined && !/^[\w-]*$/.test(secret)) throw badRequest("secret token contains unallowed characters");
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
