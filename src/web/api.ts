// Every call that the page makes to core. The key travels in a header; nothing secret is ever in a URL.
import type { Run } from "../shared/jobs.ts";
import type { Conversation, JobApproval, JobEvent, JobView, Message } from "../shared/types.ts";

export type Example = {
  readonly file: string;
  readonly title: string;
  readonly prompt: string;
  readonly source: string;
};

export type Session = {
  readonly version: string;
  readonly sandbox: "local" | "e2b";
  readonly sandboxReady: boolean;
  readonly notice: string | null;
  readonly maxUploadBytes: number;
  readonly examples: readonly Example[];
};

export type Snapshot = {
  readonly conversation: Conversation;
  readonly messages: readonly Message[];
  readonly jobs: readonly JobView[];
  readonly seq: number;
};

/** One that is set up. `detail` is a sentence, or "". */
export type Channel = {
  readonly name: string;
  readonly state: "starting" | "up" | "down" | "refused";
  readonly detail: string;
};

/** Who answers, and which keys are there: never the keys. */
export type ModelState = {
  /** "provider:model", in the order in which they are asked; none: the built-in planner. */
  readonly speaks: readonly string[];
  /** Why none of them can be asked. */
  readonly problem: string | null;
  /** What a person chose here; "" for whatever a key is there for. */
  readonly chosen: string;
  /** The settings say which one, and win. */
  readonly isFixed: boolean;
  readonly providers: readonly Provider[];
  /** "provider:model" of this machine that a person said yes to. */
  readonly confirmed: readonly string[];
};

export type Provider = {
  readonly name: string;
  readonly title: string;
  readonly key: "env" | "page" | null;
  readonly model: string | null;
  /** Why no key can be entered; "" where one can. */
  readonly hint: string;
};

/** One that answers on this machine. */
export type LocalServer = { readonly provider: string; readonly title: string; readonly models: readonly string[] };

export type Models = ModelState & { readonly local: readonly LocalServer[] };

export type Sent = { readonly job_id: string; readonly message_id: string; readonly conversation_id: string };

/** What a person sends, once however often it is tried (`key`): new bytes (`attachments`), or uploads and examples that core already has. */
export type Outgoing = {
  readonly key: string;
  readonly text: string;
  readonly attachments: readonly File[];
  readonly uploadIds: readonly string[];
  readonly example: string | null;
};

/** `message` is fit to show to a person. `status` 0: core did not answer at all. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ApiError";
    this.status = status;
  }
}

export type Api = ReturnType<typeof createApi>;

/** `readKey` gives the browser's key, or "" before pairing; `onUnpaired` is called whenever core answers 401. */
export function createApi(readKey: () => string, onUnpaired: () => void) {
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("X-Sandpiper-Key", readKey());
    const response = await request(path, { ...init, headers });
    if (response.status === 401) onUnpaired();
    if (!response.ok) throw await errorOf(response);
    return response;
  };
  const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Response> =>
    call(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", ...headers },
    });

  return {
    pair: async (token: string) => read(await post("/api/pair", { token }), isKey),
    session: async () => read(await call("/api/session"), isSession),
    conversations: async () => read(await call("/api/conversations"), isList),
    snapshot: async (id: string, signal: AbortSignal) =>
      read(await call(`/api/conversations/${encodeURIComponent(id)}`, { signal }), isSnapshot),
    remove: async (id: string) => {
      await call(`/api/conversations/${encodeURIComponent(id)}`, { method: "DELETE" });
    },
    /** Without a conversation it makes a new one. */
    send: async (outgoing: Outgoing, conversationId: string | null): Promise<Sent> => {
      const headers = { "Idempotency-Key": outgoing.key };
      return read(
        outgoing.attachments.length > 0
          ? await call("/api/messages", { method: "POST", body: formOf(outgoing, conversationId), headers })
          : await post("/api/messages", fieldsOf(outgoing, conversationId), headers),
        isSent,
      );
    },
    /** Where a job stands. */
    run: async (jobId: string) => (await read(await call(`/api/jobs/${encodeURIComponent(jobId)}`), isJobFile)).run,
    cancel: async (jobId: string) => {
      await post(`/api/jobs/${encodeURIComponent(jobId)}/cancel`);
    },
    /** One that ended is run again; one that waits for its time goes on at once. */
    retry: async (jobId: string) => {
      await post(`/api/jobs/${encodeURIComponent(jobId)}/retry`);
    },
    /** About exactly what was shown. */
    decide: async ({ id, sha256 }: JobApproval, decision: "approved" | "refused") => {
      await post(`/api/approvals/${encodeURIComponent(id)}`, { decision, sha256 });
    },
    /** The newest event of all: what follows is told by the live line. */
    latestSeq: async () => (await read(await call("/api/events?limit=1"), isEvents)).seq,
    jobEvents: (jobId: string, signal: AbortSignal) => allEvents(call, jobId, signal),
    channels: async (signal: AbortSignal) => (await read(await call("/api/channels", { signal }), isChannels)).channels,
    /** A link that makes whoever opens it first the owner of the channel, once, within an hour; words where it has no links. */
    channelLink: async (name: string) =>
      (await read(await post(`/api/channels/${encodeURIComponent(name)}/link`), isLink)).url,
    models: async (signal: AbortSignal) => read(await call("/api/models", { signal }), isModels),
    /** It is tried before it is kept, unless it is to be kept `untried`. */
    enterKey: async (provider: string, key: string, untried: boolean) =>
      read(await post(`/api/models/keys/${encodeURIComponent(provider)}`, { key, untried }), isModelState),
    forgetProvider: async (provider: string) =>
      read(await call(`/api/models/keys/${encodeURIComponent(provider)}`, { method: "DELETE" }), isModelState),
    /** As in SANDPIPER_MODEL; "" for whatever a key is there for. */
    chooseModels: async (model: string) => read(await post("/api/models/chosen", { model }), isModelState),
    artifact: async (id: string, signal?: AbortSignal) =>
      (await call(`/api/artifacts/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal })).blob(),
  };
}

async function request(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "Sandpiper does not answer. Is it still running? Start it again, then try once more.", {
      cause,
    });
  }
}

type Outline<T> = (value: unknown) => value is T;

/** Core and page are built from the same types, so the outline is enough: it tells another program, or another version. */
function withFields<T extends object>(...names: readonly (keyof T & string)[]): Outline<T> {
  return (value): value is T => typeof value === "object" && value !== null && names.every((name) => name in value);
}

const isKey = withFields<{ key: string }>("key");
const isSession = withFields<Session>("version", "sandbox", "sandboxReady", "maxUploadBytes", "examples");
const isList = withFields<{ conversations: Conversation[] }>("conversations");
const isSnapshot = withFields<Snapshot>("conversation", "messages", "jobs", "seq");
const isSent = withFields<Sent>("job_id", "message_id", "conversation_id");
const isEvents = withFields<{ events: JobEvent[]; seq: number }>("events", "seq");
const isJobFile = withFields<{ run: Run }>("run");
const isChannels = withFields<{ channels: Channel[] }>("channels");
const isLink = withFields<{ url: string }>("url");
const isModelState = withFields<ModelState>("speaks", "problem", "chosen", "isFixed", "providers", "confirmed");
const isModels = withFields<Models>("speaks", "problem", "chosen", "isFixed", "providers", "confirmed", "local");
const isRefusal = withFields<{ error: { message: string } }>("error");

async function read<T>(response: Response, isExpected: Outline<T>): Promise<T> {
  const value: unknown = await response.json();
  if (isExpected(value)) return value;
  throw new ApiError(response.status, "This page and Sandpiper are of different versions. Reload the page.");
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = await response.text();
  return new ApiError(response.status, messageIn(body) ?? `Sandpiper answered with status ${response.status}.`);
}

function messageIn(body: string): string | null {
  if (!body.startsWith("{")) return null;
  const value: unknown = JSON.parse(body);
  return isRefusal(value) ? value.error.message : null;
}

function fieldsOf(outgoing: Outgoing, conversationId: string | null): Record<string, unknown> {
  return {
    text: outgoing.text,
    ...(conversationId === null ? {} : { conversation_id: conversationId }),
    ...(outgoing.uploadIds.length === 0 ? {} : { files: outgoing.uploadIds }),
    ...(outgoing.example === null ? {} : { example: outgoing.example }),
  };
}

function formOf(outgoing: Outgoing, conversationId: string | null): FormData {
  const form = new FormData();
  form.set("text", outgoing.text);
  if (conversationId !== null) form.set("conversation_id", conversationId);
  for (const file of outgoing.attachments) form.append("files", file, file.name);
  return form;
}

const EVENTS_PER_PAGE = 500;

async function allEvents(
  call: (path: string, init: RequestInit) => Promise<Response>,
  jobId: string,
  signal: AbortSignal,
): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for (;;) {
    const query = new URLSearchParams({
      job: jobId,
      after: String(all.at(-1)?.seq ?? 0),
      limit: String(EVENTS_PER_PAGE),
    });
    const { events } = await read(await call(`/api/events?${query}`, { signal }), isEvents);
    all.push(...events);
    if (events.length < EVENTS_PER_PAGE) return all;
  }
}
