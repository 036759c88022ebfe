// WhatsApp's Cloud API on the wire, for tests and for trying without an account. It holds what a business, its webhook and
// the phones of people hold, and refuses what the real service refuses.
import { DEFAULT_ACCOUNT, type Account } from "./account.ts";
import { bearersOf, newCall, type Bearer, type Call, type CallName } from "./calls.ts";
import type { Progress, View } from "./chat.ts";
import { errorEvent } from "./envelope.ts";
import { GraphFailure, answerOf, noSuchObject, notAuthorised } from "./failure.ts";
import { Faults, happen } from "./faults.ts";
import { DOWNLOAD_PATH, MediaStore } from "./media.ts";
import { People, type NewPerson } from "./people.ts";
import type { Person } from "./person.ts";
import { Buckets } from "./rates.ts";
import { DEFAULT_RULES, take, tell, type Desk, type Rules } from "./sending.ts";
import { readForm, readUpload } from "./upload.ts";
import { Watch } from "./watch.ts";
import { RETRY_MS, Webhooks } from "./webhooks.ts";

export type FakeGraphOptions = {
  /** A free one if it is not told. */
  readonly port?: number;
  readonly account?: Partial<Account>;
  /** Where webhooks go; may be set later as `webhooks.url`. */
  readonly webhook?: string;
  readonly rules?: Partial<Rules>;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly retryMs?: readonly number[];
};

/** 100 MB of a document, its envelope, and the byte too many that is answered in the service's own words. */
const MAX_REQUEST_BYTES = 160 << 20;

export class FakeGraph implements AsyncDisposable {
  readonly account: Account;
  readonly rules: Rules;
  readonly faults = new Faults();
  readonly webhooks: Webhooks;
  readonly watch = new Watch();
  readonly calls: Call[] = [];
  /** What a server on another host was asked; a redirect leads there. */
  readonly strangerCalls: Call[] = [];
  readonly #desk: Desk;
  readonly #stranger: Bun.Server<undefined>;
  #server: Bun.Server<undefined> | null;
  readonly #port: number;
  #returning: ReturnType<typeof setTimeout> | null = null;
  #count = 0;

  constructor(options: FakeGraphOptions = {}) {
    const { now = Date.now, random = Math.random, retryMs = RETRY_MS } = options;
    this.account = { ...DEFAULT_ACCOUNT, ...options.account };
    this.rules = { ...DEFAULT_RULES, ...options.rules };
    const { account, watch } = this;
    this.webhooks = new Webhooks({ account, url: options.webhook ?? null, watch, now, random, retryMs });
    this.#desk = this.#openDesk(now);
    this.#server = this.#serve(options.port ?? 0);
    this.#port = this.#server.port ?? 0;
    this.#stranger = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#meetStranger(request) });
  }

  /** What stands in for https://graph.facebook.com. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The address of the server on another host. */
  get strangerUrl(): string {
    return `http://localhost:${this.#stranger.port}/stolen`;
  }

  /** Where a bearer was sent, this server and the stranger. */
  get bearers(): Bearer[] {
    return bearersOf([...this.calls, ...this.strangerCalls]);
  }

  person(who?: NewPerson): Person {
    return this.#desk.people.add(who);
  }

  /** The chat as this person sees it. */
  view(person: Person): View {
    return person.chat.view();
  }

  /** Posts a status of a message that was taken, in any order. */
  tell(messageId: string, status: Progress | GraphFailure): void {
    tell(this.#desk, messageId, status);
  }

  /** Posts an error that belongs to no message. */
  complain(failure: GraphFailure): void {
    this.webhooks.push(errorEvent(failure));
  }

  /** Resolves as soon as `condition` holds; it is asked again after every call, post and answer. */
  async until(condition: () => boolean, withinMs?: number): Promise<void> {
    await this.watch.until(condition, withinMs, () => `Calls: ${this.calls.map(({ call }) => call).join(", ")}`);
  }

  /** Takes no connection and ends those that there are, until `listen`. */
  stopListening(): void {
    void this.#server?.stop(true);
    this.#server = null;
    this.watch.notify();
  }

  listen(): void {
    this.#server ??= this.#serve(this.#port);
    this.watch.notify();
  }

  get isListening(): boolean {
    return this.#server !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#returning !== null) clearTimeout(this.#returning);
    this.webhooks[Symbol.dispose]();
    await Promise.all([this.#server?.stop(true), this.#stranger.stop(true)]);
  }

  #openDesk(now: () => number): Desk {
    const { account, rules, webhooks } = this;
    const media = new MediaStore(now);
    const newMessageId = () => this.#newMessageId();
    const taken: Desk["taken"] = new Map();
    const people = new People({
      now,
      newMessageId,
      newUserId: () => `US.${10_000_000_000_000_000_000n + BigInt(this.#next())}`,
      businessNumber: account.displayPhoneNumber,
      post: (...events) => webhooks.push(...events),
      receive: (bytes, mediaType) => media.receive(bytes, mediaType),
      addressOf: (one) => (rules.isAddressInWebhook ? this.#mediaBase() + media.address(one) : null),
      read: (_person, messages) => messages.forEach(({ id }) => this.tell(id, "read")),
    });
    return { account, rules, media, people, webhooks, buckets: new Buckets(now), now, newMessageId, taken };
  }

  #serve(port: number): Bun.Server<undefined> {
    return Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: 0,
      maxRequestBodySize: MAX_REQUEST_BYTES,
      fetch: (request) => this.#handle(request),
    });
  }

  async #handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/v\d+\.\d+(?=\/)/, "");
    const [id = "", edge = ""] = path.slice(1).split("/");
    const call = newCall(this.#nameOf(request.method, path, id, edge), request, this.#desk.now());
    this.calls.push(call);
    const body = await readBody(request, call);
    const effect = async (): Promise<Response> => await this.#answer(call, { id, body, query: url.searchParams });
    const fault = this.faults.take(call);
    this.watch.notify();
    const refuse = (ms: number) => this.#refuse(ms);
    const scene = { effect, signal: request.signal, refuse, stranger: this.strangerUrl };
    const response = fault === null ? await effect() : await happen(fault, scene);
    call.status = response.status;
    this.watch.notify();
    return response;
  }

  #nameOf(method: string, path: string, id: string, edge: string): CallName {
    if (method === "GET" && path === DOWNLOAD_PATH) return "download";
    if (method === "POST" && (edge === "messages" || edge === "media")) return edge;
    if (edge !== "") return "unknown";
    if (method === "GET") return id === this.account.phoneNumberId ? "probe" : "media-url";
    return method === "DELETE" ? "delete" : "unknown";
  }

  async #answer(call: Call, asked: Asked): Promise<Response> {
    try {
      const { authorization } = call.headers;
      if (authorization !== `Bearer ${this.account.token}`) throw notAuthorised(authorization !== null);
      return await this.#do(call, asked);
    } catch (failure) {
      if (failure instanceof GraphFailure) return answerOf(failure);
      throw failure;
    }
  }

  async #do(call: Call, { id, body, query }: Asked): Promise<Response> {
    const { media } = this.#desk;
    switch (call.call) {
      case "messages":
        this.#ownNumber(call.method, id);
        return take(this.#desk, body, call);
      case "media": {
        this.#ownNumber(call.method, id);
        const { bytes, mediaType } = await readUpload(body);
        call.effect = media.upload(bytes, mediaType).id;
        return Response.json({ id: call.effect });
      }
      case "media-url":
        return this.#describe(id);
      case "download":
        return this.#download(query);
      case "delete":
        media.delete(id);
        call.effect = id;
        return Response.json({ success: true });
      case "probe":
        return this.#probe();
      case "unknown":
        break;
    }
    throw noSuchObject(call.method, id);
  }

  #ownNumber(method: string, id: string): void {
    if (id !== this.account.phoneNumberId) throw noSuchObject(method, id);
  }

  #probe(): Response {
    const { verifiedName, displayPhoneNumber, phoneNumberId } = this.account;
    return Response.json({
      verified_name: verifiedName,
      display_phone_number: displayPhoneNumber,
      quality_rating: "GREEN",
      id: phoneNumberId,
    });
  }

  #describe(id: string): Response {
    const media = this.#desk.media.find(id);
    return Response.json({
      url: this.#mediaBase() + this.#desk.media.address(media),
      mime_type: media.mediaType,
      sha256: media.sha256,
      file_size: media.bytes.byteLength,
      id,
      messaging_product: "whatsapp",
    });
  }

  #download(query: URLSearchParams): Response {
    const media = this.#desk.media.at(query);
    if (media === null) return new Response(null, { status: 404 });
    return new Response(media.bytes, { headers: { "content-type": media.mediaType } });
  }

  #refuse(ms: number): void {
    // After the broken answer is on its way.
    setTimeout(() => this.stopListening(), 1);
    this.#returning = setTimeout(() => this.listen(), ms + 1);
  }

  #meetStranger(request: Request): Response {
    this.strangerCalls.push(newCall("unknown", request, this.#desk.now()));
    this.watch.notify();
    return new Response("What a stranger wants you to have.");
  }

  #mediaBase(): string {
    return this.rules.mediaBase ?? this.url;
  }

  #newMessageId(): string {
    return `wamid.${Buffer.from(`fake message ${Bun.randomUUIDv7()}`).toString("base64")}`;
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }
}

type Asked = { readonly id: string; readonly body: unknown; readonly query: URLSearchParams };

/** JSON as it is, a form by its fields; what cannot be read is null. Notes in the call what an assertion needs. */
async function readBody(request: Request, call: Call): Promise<unknown> {
  if (request.method !== "POST") return null;
  if (call.call === "media") {
    const form = await readForm(request);
    const { file, type = null } = form;
    if (file instanceof File) call.body = { type, name: file.name, bytes: file.size };
    return form;
  }
  call.body = await request.json().catch(() => null);
  return call.body;
}
