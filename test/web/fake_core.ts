// Core on the wire, without a worker behind it: the same routes, headers and frames; a test says what happens to a job.
import { z } from "zod";
import type { ServerWebSocket } from "bun";
import type {
  Artifact,
  Conversation,
  JobEvent,
  JobError,
  JobEventBody,
  JobOutput,
  JobView,
  LiveFrame,
  Message,
  UploadedFile,
} from "../../src/shared/types.ts";
import { readManifest, type WebManifest } from "../../scripts/build_web.ts";
import { FakeChannels } from "./fake_channels.ts";
import { FakeModels } from "./fake_models.ts";
import { EXAMPLES, blankView, outputOf, viewAfter } from "./fake_job.ts";
import { servePage } from "./fake_pages.ts";

export type FakeJob = {
  readonly id: string;
  readonly conversationId: string;
  readonly prompt: string;
  readonly files: readonly UploadedFile[];
  readonly emit: (body: JobEventBody) => JobEvent;
  /** Bytes that the job brings back; the event goes out as for a real one. */
  readonly bring: (name: string, mediaType: string, bytes: Uint8Array<ArrayBuffer>) => Artifact;
  readonly complete: (output?: Partial<JobOutput>, costUsd?: number) => void;
  readonly fail: (error: JobError, output?: Partial<JobOutput>) => void;
};

export type FakeCoreOptions = {
  readonly webFolder: string;
  readonly sandbox?: "local" | "e2b";
  readonly notice?: string | null;
  readonly maxUploadBytes?: number;
};

type Socket = ServerWebSocket<{ isAccepted: boolean }>;

const MessageBody = z.object({
  text: z.string(),
  conversation_id: z.string().optional(),
  files: z.array(z.string()).optional(),
  example: z.string().optional(),
});
const AuthFrame = z.object({ type: z.literal("auth"), key: z.string(), after: z.number() });

const KEY = "key-of-this-browser";
const PAIRING_TOKEN = "one-time-token";
/** A test must end in words before its own time is up: the runner would kill the browser of the tests after it. */
const JOB_WAIT_MS = 8_000;

export class FakeCore implements AsyncDisposable {
  readonly #options: FakeCoreOptions;
  readonly #server: Bun.Server<{ isAccepted: boolean }>;
  readonly #sockets = new Set<Socket>();
  readonly #conversations: Conversation[] = [];
  readonly #messages: Message[] = [];
  readonly #jobs = new Map<string, JobView>();
  readonly #events: JobEvent[] = [];
  readonly #bytes = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #waitingJobs: FakeJob[] = [];
  readonly #waitingTests: ((job: FakeJob) => void)[] = [];
  readonly #waitingForSocket: (() => void)[] = [];
  readonly #manifest: Promise<WebManifest>;
  #nextId = 1;
  #isTokenSpent = false;
  #clock = Date.now();
  readonly channels = new FakeChannels();
  readonly models = new FakeModels();
  /** Every call to the API, as "POST /api/messages". */
  readonly calls: string[] = [];
  /** Ids of jobs that the page asked to stop. */
  readonly cancelled: string[] = [];
  /** Ids of jobs that the page asked to run again. */
  readonly retried: string[] = [];
  /** The Idempotency-Key of each message. */
  readonly keys: string[] = [];
  /** How often a job is tried. */
  maxAttempts = 3;
  /** When set, the next messages are refused with this. */
  refusal: { status: number; message: string } | null = null;
  /** Comes between a message that was taken or refused and the answer to it: what it waits for holds the answer back. */
  beforeAnswer: () => Promise<void> = () => Promise.resolve();
  /** While false, WebSockets are refused as by a core that is away. */
  isReachable = true;

  constructor(options: FakeCoreOptions) {
    this.#options = options;
    this.#manifest = readManifest(options.webFolder);
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) => this.#route(request, server),
      websocket: {
        message: (socket: Socket, text) => this.#greet(socket, String(text)),
        close: (socket: Socket) => void this.#sockets.delete(socket),
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get pairingLink(): string {
    this.#isTokenSpent = false;
    return `${this.url}/#pair=${PAIRING_TOKEN}`;
  }

  /** The next job that the page makes, in order; waits for it if it is not there yet, but not for ever. */
  nextJob(): Promise<FakeJob> {
    const job = this.#waitingJobs.shift();
    if (job !== undefined) return Promise.resolve(job);
    const { promise, resolve, reject } = Promise.withResolvers<FakeJob>();
    const told = `The page sent no message within ${JOB_WAIT_MS} ms.`;
    const timer = setTimeout(() => reject(new Error(`${told} It called: ${this.calls.join(", ")}`)), JOB_WAIT_MS);
    this.#waitingTests.push(resolve);
    return promise.finally(() => clearTimeout(timer));
  }

  /** Resolves when a page is on the line. */
  connected(): Promise<void> {
    if (this.#sockets.size > 0) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForSocket.push(resolve));
  }

  dropSockets(): void {
    const dropped = [...this.#sockets];
    this.#sockets.clear();
    for (const socket of dropped) socket.terminate();
  }

  /** A job as another program or another tab would make it. */
  createJob(text: string, files: readonly UploadedFile[] = [], conversationId: string | null = null): FakeJob {
    const conversation = this.#conversationOf(conversationId, text === "" ? (files[0]?.name ?? "Files") : text);
    const id = this.#id("job");
    const at = this.#tick();
    this.#messages.push({
      id: this.#id("message"),
      conversationId: conversation.id,
      role: "user",
      channel: "web",
      text,
      files,
      jobId: id,
      createdAt: at,
    });
    this.#jobs.set(id, blankView(id, conversation.id, text, at));
    const job = this.#handle(id, conversation.id, text, files);
    job.emit({ kind: "job-created", type: "code_exec", prompt: text, files });
    return job;
  }

  /** The job waits for its time. */
  schedule(job: FakeJob, runAt: number): void {
    const view = this.#jobs.get(job.id);
    if (view !== undefined) this.#jobs.set(job.id, { ...view, state: "scheduled", runAt });
  }

  /** Moves the clock of the fake, so that conversations are of several days. */
  passTime(ms: number): void {
    this.#clock += ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #route(request: Request, server: Bun.Server<{ isAccepted: boolean }>): Promise<Response | undefined> {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/live") {
      if (this.isReachable && server.upgrade(request, { data: { isAccepted: false } })) return undefined;
      return new Response(null, { status: 503 });
    }
    if (!pathname.startsWith("/api/")) return servePage(this.#options.webFolder, await this.#manifest, pathname);
    this.calls.push(`${request.method} ${pathname}`);
    if (pathname === "/api/pair") return this.#pair(await request.json());
    if (request.headers.get("X-Sandpiper-Key") !== KEY)
      return refuse(401, "unauthorized", "This browser is not paired.");
    return this.#call(request, pathname);
  }

  #pair(body: unknown): Response {
    const token = typeof body === "object" && body !== null && "token" in body ? body.token : "";
    if (token !== PAIRING_TOKEN || this.#isTokenSpent) {
      return refuse(401, "unauthorized", "This link was used already or is too old. Make a new one.");
    }
    this.#isTokenSpent = true;
    return Response.json({ key: KEY });
  }

  async #call(request: Request, pathname: string): Promise<Response> {
    const [, , kind, id = "", action] = pathname.split("/");
    if (kind === "session") return Response.json(this.#session());
    if (kind === "messages") return this.#accept(request);
    if (kind === "conversations" && id === "") {
      return Response.json({ conversations: this.#conversations.toSorted((a, b) => b.updatedAt - a.updatedAt) });
    }
    if (kind === "conversations") return request.method === "DELETE" ? this.#forget(id) : this.#snapshot(id);
    if (kind === "events") return this.#eventsAfter(new URL(request.url).searchParams);
    if (kind === "artifacts") return this.#artifact(id);
    if (kind === "jobs") return this.#steer(id, action);
    const channels = kind === "channels" ? this.channels.answer(id, action) : null;
    const models = kind === "models" ? await this.models.answer(request, id, action) : null;
    return channels ?? models ?? refuse(404, "not_found", "There is nothing here.");
  }

  #steer(id: string, action: string | undefined): Response {
    const job = this.#jobs.get(id);
    if (job === undefined) return refuse(404, "not_found", "There is no such job.");
    if (action === "cancel") this.cancelled.push(id);
    if (action === "retry") {
      this.retried.push(id);
      if (this.refusal !== null) return refuse(this.refusal.status, "conflict", this.refusal.message);
      this.#emit(id, job.conversationId ?? "", { kind: "job-requeued" });
    }
    const { state, attempt, runAt } = job;
    const run = { jobId: id, state, attempt, maxAttempts: this.maxAttempts, runAt };
    return Response.json({ job, run, attempts: [] }, { status: action === undefined ? 200 : 202 });
  }

  #session() {
    return {
      version: "0.1.0",
      sandbox: this.#options.sandbox ?? "local",
      sandboxReady: true,
      notice: this.#options.notice ?? null,
      maxUploadBytes: this.#options.maxUploadBytes ?? 100 * 2 ** 20,
      examples: EXAMPLES,
    };
  }

  async #accept(request: Request): Promise<Response> {
    const isForm = request.headers.get("Content-Type")?.startsWith("multipart/") ?? false;
    const { text, conversationId, files } = isForm ? await this.#form(request) : await this.#json(request);
    this.keys.push(request.headers.get("Idempotency-Key") ?? "");
    const answer =
      this.refusal === null
        ? this.#admit(text, files, conversationId)
        : refuse(this.refusal.status, "unavailable", this.refusal.message);
    await this.beforeAnswer();
    return answer;
  }

  #admit(text: string, files: readonly UploadedFile[], conversationId: string | null): Response {
    // As core does: this one command is answered in a conversation of its own.
    const job = this.createJob(text, files, text === "/new" ? null : conversationId);
    const waiting = this.#waitingTests.shift();
    if (waiting === undefined) this.#waitingJobs.push(job);
    else waiting(job);
    const answer = { job_id: job.id, message_id: this.#messages.at(-1)?.id, conversation_id: job.conversationId };
    return Response.json(answer, { status: 202 });
  }

  async #form(request: Request) {
    const form = await request.formData();
    const files = form.getAll("files").filter((part): part is File => part instanceof File);
    const text = form.get("text");
    const conversationId = form.get("conversation_id");
    return {
      text: typeof text === "string" ? text : "",
      conversationId: typeof conversationId === "string" ? conversationId : null,
      files: files.map((file) => this.#upload(file.name, file.size)),
    };
  }

  async #json(request: Request) {
    const body = MessageBody.parse(await request.json());
    const known = this.#messages.flatMap((message) => message.files);
    const files = (body.files ?? []).flatMap((id) => known.filter((file) => file.id === id));
    if (body.example !== undefined) files.push(this.#upload(body.example, 48_219));
    return { text: body.text, conversationId: body.conversation_id ?? null, files };
  }

  #upload(name: string, bytes: number): UploadedFile {
    return { id: this.#id("upload"), name, mediaType: "text/csv", bytes, sha256: "0".repeat(64) };
  }

  #conversationOf(id: string | null, title: string): Conversation {
    const known = this.#conversations.find((conversation) => conversation.id === id);
    if (known !== undefined) return known;
    const at = this.#tick();
    const made = { id: this.#id("conversation"), title, createdAt: at, updatedAt: at };
    this.#conversations.push(made);
    return made;
  }

  #snapshot(id: string): Response {
    const conversation = this.#conversations.find((known) => known.id === id);
    if (conversation === undefined) return refuse(404, "not_found", "This conversation does not exist.");
    const messages = this.#messages.filter((message) => message.conversationId === id);
    const jobs = [...this.#jobs.values()].filter((job) => job.conversationId === id);
    return Response.json({ conversation, messages, jobs, seq: this.#events.length });
  }

  #forget(id: string): Response {
    const at = this.#conversations.findIndex((conversation) => conversation.id === id);
    if (at !== -1) this.#conversations.splice(at, 1);
    return new Response(null, { status: 204 });
  }

  #eventsAfter(query: URLSearchParams): Response {
    const after = Number(query.get("after") ?? 0);
    const events = this.#events.filter(
      (event) => event.seq > after && (query.get("job") ?? event.jobId) === event.jobId,
    );
    return Response.json({ events: events.slice(0, Number(query.get("limit") ?? 500)), seq: this.#events.length });
  }

  #artifact(id: string): Response {
    const bytes = this.#bytes.get(id);
    const type = [...this.#jobs.values()].flatMap((job) => job.artifacts).find((one) => one.id === id)?.mediaType ?? "";
    if (bytes === undefined) return refuse(404, "not_found", "This file is gone.");
    const shown = /^image\/(?:png|jpeg|webp|gif)$/.test(type) ? type : "application/octet-stream";
    return new Response(bytes, { headers: { "Content-Type": shown, "Content-Disposition": "attachment" } });
  }

  #greet(socket: Socket, text: string): void {
    const frame = AuthFrame.parse(JSON.parse(text));
    const send = (answer: LiveFrame): void => void socket.send(JSON.stringify(answer));
    if (frame.key !== KEY) {
      return socket.close(4401, "not paired");
    }
    this.#sockets.add(socket);
    for (const resolve of this.#waitingForSocket.splice(0)) resolve();
    send({ type: "hello", seq: this.#events.length, version: "0.1.0" });
    // Two more than asked for: a page must pass over what it has seen.
    for (const event of this.#events.slice(Math.max(0, frame.after - 2))) send({ type: "event", event });
  }

  #handle(id: string, conversationId: string, prompt: string, files: readonly UploadedFile[]): FakeJob {
    const emit = (body: JobEventBody): JobEvent => this.#emit(id, conversationId, body);
    return {
      id,
      conversationId,
      prompt,
      files,
      emit,
      bring: (name, mediaType, bytes) => {
        const path = `storage/outputs/${id}/${name}`;
        const artifact: Artifact = {
          id: this.#id("artifact"),
          jobId: id,
          name,
          path,
          mediaType,
          bytes: bytes.length,
          sha256: "0".repeat(64),
        };
        this.#bytes.set(artifact.id, bytes);
        emit({ kind: "artifact-available", artifact });
        return artifact;
      },
      complete: (part, costUsd = 0) => void emit({ kind: "job-completed", output: outputOf(part), costUsd }),
      fail: (error, part) => void emit({ kind: "job-failed", error, output: outputOf({ ...part, error }), costUsd: 0 }),
    };
  }

  #emit(jobId: string, conversationId: string, body: JobEventBody): JobEvent {
    const event: JobEvent = { ...body, seq: this.#events.length + 1, jobId, conversationId, at: this.#tick() };
    this.#events.push(event);
    const view = this.#jobs.get(jobId);
    if (body.kind === "job-deleted") this.#jobs.delete(jobId);
    else if (view !== undefined) this.#jobs.set(jobId, viewAfter(view, event));
    const frame: LiveFrame = { type: "event", event };
    for (const socket of this.#sockets) socket.send(JSON.stringify(frame));
    return event;
  }

  #id(kind: string): string {
    return `${kind}-${this.#nextId++}`;
  }

  #tick(): number {
    this.#clock += 120;
    return this.#clock;
  }
}

function refuse(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}
