// A program's way to core: find the running server or start one, then speak HTTP and WebSocket with the user's token.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { findRunning, start, type Running } from "../main.ts";
import { loadConfig, readEnvironment } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { pause } from "../shared/stop.ts";
import type { JobEvent } from "../shared/types.ts";

export type Client = AsyncDisposable & {
  readonly url: string;
  /** Parses the answer with `schema`; a refusal becomes an AppError with core's own sentence. */
  readonly call: <T>(
    schema: z.ZodType<T>,
    path: string,
    init?: { method?: string; json?: unknown; form?: FormData },
  ) => Promise<T>;
  readonly download: (path: string) => Promise<Response>;
  readonly remove: (path: string) => Promise<void>;
  /** Events of one job from the beginning; ends after job-completed or job-failed. Throws AppError when it is deleted. */
  readonly follow: (jobId: string, signal: AbortSignal) => AsyncGenerator<JobEvent>;
};

const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Null when no server of this folder answers. */
export async function findServer(): Promise<Client | null> {
  const config = loadConfig(readEnvironment());
  const port = await findRunning(config);
  return port === null ? null : createClient(`http://127.0.0.1:${port}`, config.dataDir, null);
}

/** One server a folder: whoever comes second without finding it waits until it ends, or can be found. */
const WAIT_MS = 250;

/** The running server, or one of our own that ends with the client. */
export async function connect(signal: AbortSignal): Promise<Client> {
  for (let isTold = false; ; isTold = true) {
    const found = await findServer();
    if (found !== null) return found;
    try {
      const running = await start({ ...readEnvironment(), SANDPIPER_PORT: "0", SANDPIPER_OPEN: "0" }, signal);
      return createClient(`http://127.0.0.1:${running.port}`, running.config.dataDir, running);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "conflict" || signal.aborted) throw error;
    }
    if (!isTold) console.error("Another command is at work in this folder; waiting for it to end …");
    await pause(WAIT_MS, signal);
  }
}

function createClient(url: string, dataDir: string, running: Running | null): Client {
  const token = readFileSync(join(dataDir, "token"), "utf8").trim();
  const send = async (path: string, init: { method?: string; json?: unknown; form?: FormData }): Promise<Response> => {
    const json = init.json === undefined ? null : { body: JSON.stringify(init.json), type: "application/json" };
    const body = json?.body ?? init.form;
    const response = await fetch(url + path, {
      method: init.method ?? (body === undefined ? "GET" : "POST"),
      headers: { Authorization: `Bearer ${token}`, ...(json === null ? {} : { "Content-Type": json.type }) },
      ...(body === undefined ? {} : { body }),
    });
    if (response.ok) return response;
    const failure = Failure.safeParse(await response.json().catch(() => null));
    throw new AppError(
      "bad_request",
      failure.success ? failure.data.error.message : `The server answered ${response.status}.`,
    );
  };
  return {
    url,
    call: async (schema, path, init = {}) => schema.parse(await (await send(path, init)).json()),
    download: (path) => send(path, {}),
    remove: async (path) => void (await send(path, { method: "DELETE" })),
    follow: async function* (jobId, signal) {
      const { events } = EventList.parse(await (await send(`/api/events?job=${jobId}&limit=1`, {})).json());
      yield* follow(url, token, jobId, (events[0]?.seq ?? 1) - 1, signal);
    },
    [Symbol.asyncDispose]: async () => running?.stop(),
  };
}

const RECONNECT_MS = 200;
/** Longer than the supervisor needs to start core again. */
const RETURN_MS = 10_000;

/** Reconnects from the last seq when the connection breaks: core may be restarting. Throws when it does not come back. */
async function* follow(
  url: string,
  token: string,
  jobId: string,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  let after = from;
  let lastSeenAt = performance.now();
  const onOpen = () => void (lastSeenAt = Number.POSITIVE_INFINITY);
  while (!signal.aborted) {
    for await (const event of readSocket(url, token, after, signal, onOpen)) {
      after = event.seq;
      if (event.jobId !== jobId) continue;
      yield event;
      if (event.kind === "job-completed" || event.kind === "job-failed") return;
      if (event.kind === "job-deleted") throw new AppError("cancelled", "The job was deleted, so no answer will come.");
    }
    lastSeenAt = Math.min(lastSeenAt, performance.now());
    if (performance.now() - lastSeenAt > RETURN_MS)
      throw new AppError(
        "unavailable",
        "Sandpiper was stopped before the answer came. The job goes on at the next start: npm start",
      );
    await pause(RECONNECT_MS, signal);
  }
}

async function* readSocket(
  url: string,
  token: string,
  after: number,
  signal: AbortSignal,
  onOpen: () => void,
): AsyncGenerator<JobEvent> {
  const queue: JobEvent[] = [];
  const state = { isOpen: true, wake: nothing };
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/live`);
  const end = () => {
    state.isOpen = false;
    state.wake();
  };
  socket.addEventListener("open", () => {
    onOpen();
    socket.send(JSON.stringify({ type: "auth", key: token, after }));
  });
  socket.addEventListener("close", end);
  socket.addEventListener("error", end);
  signal.addEventListener("abort", end, { once: true });
  socket.addEventListener("message", (message) => {
    const event = eventOf(message.data);
    if (event !== null) queue.push(event);
    state.wake();
  });
  try {
    while (state.isOpen || queue.length > 0) {
      const event = queue.shift();
      if (event !== undefined) yield event;
      else await new Promise<void>((resolve) => void (state.wake = resolve));
    }
  } finally {
    signal.removeEventListener("abort", end);
    socket.close();
  }
}

const nothing = (): void => undefined;

const EventList = z.object({ events: z.array(z.object({ seq: z.number() })) });

const EventFrame = z.object({
  type: z.literal("event"),
  event: z.custom<JobEvent>((value) => typeof value === "object" && value !== null && "kind" in value),
});

function eventOf(data: unknown): JobEvent | null {
  const frame = EventFrame.safeParse(JSON.parse(String(data)));
  return frame.success ? frame.data.event : null;
}
