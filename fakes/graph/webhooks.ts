// The service's postman: signs, posts, and posts again until it is told 200.
import { createHmac } from "node:crypto";
import type { Account } from "./account.ts";
import { envelopes, escaped, type Batch, type Envelope, type WebhookEvent } from "./envelope.ts";
import type { Watch } from "./watch.ts";

/** One POST and what came of it; status null: no answer. */
export type Attempt = {
  readonly post: number;
  readonly attempt: number;
  readonly status: number | null;
  readonly ms: number;
};

export type Release = Batch & {
  /** How often each post is sent. */
  readonly copies?: number;
  readonly isShuffled?: true;
  readonly connections?: number;
};

export type Handshake = { readonly status: number; readonly body: string; readonly isGood: boolean };

export type WebhookSettings = {
  readonly account: Account;
  readonly url: string | null;
  readonly watch: Watch;
  readonly now: () => number;
  readonly random: () => number;
  /** Waits before the second, third … attempt; the last one repeats. */
  readonly retryMs: readonly number[];
};

type Post = { readonly number: number; readonly bytes: string; readonly since: number; attempts: number };

export const RETRY_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 300_000, 3_600_000];
const ATTEMPT_MS = 10_000;
const GIVE_UP_MS = 7 * 86_400_000;

export class Webhooks implements Disposable {
  /** Null: posts are made up and kept in `posts`, and nobody gets them. */
  url: string | null;
  /** \uXXXX and \/ in the body, as the service writes it. */
  isEscaped = true;
  readonly posts: Envelope[] = [];
  readonly attempts: Attempt[] = [];
  readonly #settings: WebhookSettings;
  readonly #closing = new AbortController();
  readonly #held: WebhookEvent[] = [];
  readonly #queue: Post[] = [];
  readonly #retries = new Set<ReturnType<typeof setTimeout>>();
  #isHeld = false;
  #running = 0;
  #connections = 1;

  constructor(settings: WebhookSettings) {
    this.#settings = settings;
    this.url = settings.url;
  }

  push(...events: readonly WebhookEvent[]): void {
    this.#held.push(...events);
    if (!this.#isHeld) this.release();
  }

  /** From now on events are gathered. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Posts what was gathered, and from now on each event by itself. */
  release({ copies = 1, isShuffled, connections = 1, ...batch }: Release = {}): void {
    this.#isHeld = false;
    this.#connections = connections;
    const events = this.#held.splice(0);
    const made = envelopes(this.#settings.account, isShuffled ? this.#shuffled(events) : events, batch);
    this.posts.push(...made);
    const all = Array.from({ length: copies }, () => made).flat();
    for (const envelope of isShuffled ? this.#shuffled(all) : all) this.#enqueue(envelope);
    this.#settings.watch.notify();
  }

  /** Every post was answered with 200. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#queue.length === 0 && this.#retries.size === 0;
  }

  /** Resolves when that is so. */
  async idle(withinMs?: number): Promise<void> {
    const describe = () =>
      `Last answers: ${this.attempts
        .slice(-3)
        .map(({ status }) => status ?? "none")
        .join(", ")}`;
    await this.#settings.watch.until(() => this.isIdle, withinMs, describe);
  }

  /** X-Hub-Signature-256 of these bytes. */
  sign(body: string | Uint8Array, secret = this.#settings.account.appSecret): string {
    return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  }

  /** One raw post, once; a header of the test's own replaces ours, null leaves it out. */
  async send(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string | null> = {}): Promise<Response> {
    const all = { "content-type": "application/json", "x-hub-signature-256": this.sign(body), ...headers };
    const sent = Object.entries(all).flatMap(([name, value]): [string, string][] =>
      value === null ? [] : [[name, value]],
    );
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ATTEMPT_MS)]);
    return await fetch(this.#address(), { method: "POST", headers: sent, body, signal });
  }

  /** The GET by which the service proves that the address is the developer's. */
  async handshake(verifyToken = this.#settings.account.verifyToken, challenge = "1158201444"): Promise<Handshake> {
    const url = new URL(this.#address());
    url.searchParams.set("hub.mode", "subscribe");
    url.searchParams.set("hub.verify_token", verifyToken);
    url.searchParams.set("hub.challenge", challenge);
    const response = await fetch(url, { signal: AbortSignal.timeout(ATTEMPT_MS) });
    const body = await response.text();
    return { status: response.status, body, isGood: response.status === 200 && body === challenge };
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#queue.length = 0;
    for (const timer of this.#retries) clearTimeout(timer);
    this.#retries.clear();
  }

  #enqueue(envelope: Envelope): void {
    if (this.url === null) return;
    const json = JSON.stringify(envelope);
    const bytes = this.isEscaped ? escaped(json) : json;
    const number = this.posts.indexOf(envelope);
    this.#queue.push({ number, bytes, since: this.#settings.now(), attempts: 0 });
    this.#pump();
  }

  #pump(): void {
    while (this.#running < this.#connections) {
      const post = this.#queue.shift();
      if (post === undefined) return;
      this.#running += 1;
      void this.#attempt(post);
    }
  }

  async #attempt(post: Post): Promise<void> {
    const started = performance.now();
    post.attempts += 1;
    const status = await this.send(post.bytes)
      .then(statusOf)
      .catch(() => null);
    this.#running -= 1;
    if (this.#closing.signal.aborted) return;
    this.attempts.push({ post: post.number, attempt: post.attempts, status, ms: performance.now() - started });
    if (status !== 200 && this.#settings.now() - post.since < GIVE_UP_MS) this.#again(post);
    this.#pump();
    this.#settings.watch.notify();
  }

  /** Later; what comes meanwhile overtakes it. */
  #again(post: Post): void {
    const { retryMs } = this.#settings;
    const waitMs = retryMs[Math.min(post.attempts, retryMs.length) - 1] ?? 0;
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      this.#queue.push(post);
      this.#pump();
    }, waitMs);
    this.#retries.add(timer);
  }

  #address(): string {
    if (this.url === null) throw new Error("The fake has no webhook to post to: set webhooks.url.");
    return this.url;
  }

  #shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, rank: this.#settings.random() }))
      .sort((one, other) => one.rank - other.rank)
      .map(({ item }) => item);
  }
}

async function statusOf(response: Response): Promise<number> {
  await response.arrayBuffer();
  return response.status;
}
