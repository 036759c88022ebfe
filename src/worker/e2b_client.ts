// The only importer of the E2B SDK. Local sandboxd or E2B's cloud is an address; the code that runs is the same.
import {
  Sandbox,
  AuthenticationError,
  CommandExitError,
  FileType,
  RateLimitError,
  TimeoutError,
  type Result,
} from "@e2b/code-interpreter";
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import type { HostContact } from "../shared/hosts.ts";
import { pause } from "../shared/stop.ts";
import type { ChartData } from "../shared/types.ts";

/** Where to connect; nothing else is a provider's own. */
export type SandboxProvider = {
  readonly kind: "local" | "e2b";
  readonly apiKey: string;
  readonly apiUrl: string | null;
  readonly sandboxUrl: string | null;
  readonly domain: string | null;
};

/** One rich result of a cell; binary kinds are base64, as E2B sends them. */
export type RunResult = {
  readonly isMain: boolean;
  readonly text: string | null;
  readonly files: readonly {
    readonly extension: string;
    readonly encoding: "base64" | "utf8";
    readonly content: string;
  }[];
  readonly chart: ChartData | null;
};

export type RunError = { readonly name: string; readonly value: string; readonly traceback: string };
export type RunOutcome = { readonly results: readonly RunResult[]; readonly error: RunError | null };

export type SandboxFile = { readonly path: string; readonly bytes: number; readonly modifiedAt: number };

export type RunOptions = {
  readonly timeoutMs: number;
  readonly onOutput: (stream: "stdout" | "stderr", text: string) => void;
};

/** One sandbox. It dies on every path: `await using`. */
export type JobSandbox = AsyncDisposable & {
  readonly id: string;
  /** Streams the file at `source` of this machine to `path` of the sandbox. */
  readonly upload: (path: string, source: string) => Promise<void>;
  readonly run: (code: string, options: RunOptions) => Promise<RunOutcome>;
  /** A shell's command in the home folder; its exit code. */
  readonly command: (command: string, options: RunOptions) => Promise<number>;
  /** From now on these hosts can be reached and nothing else; none: nothing at all. */
  readonly connect: (hosts: readonly string[]) => Promise<void>;
  /** Whom it contacted; null where the provider does not say. */
  readonly contacts: () => Promise<HostContact[] | null>;
  /** Regular files below `folder`, `depth` levels deep; links are left out. */
  readonly list: (folder: string, depth: number) => Promise<SandboxFile[]>;
  readonly download: (path: string) => Promise<ReadableStream<Uint8Array>>;
  /** Micro-dollars a second, by what the provider says this sandbox has; 0 on this machine. */
  readonly price: () => Promise<number>;
  /** Its server ends it so long from now. */
  readonly endIn: (timeoutMs: number) => Promise<void>;
  /** False: it could not be reached, and may live on until its timeout. */
  readonly kill: () => Promise<boolean>;
};

/** E2B's list price: micro-dollars per vCPU-second and GiB-second of what is allocated (e2b.dev/docs, billing). */
const CPU_MICRO_USD = 14;
const MEMORY_MICRO_USD = 4.5;
/** E2B's default machine (2 vCPU, 512 MiB) before the real one is known. */
export const DEFAULT_PRICE_MICRO_USD = 2 * CPU_MICRO_USD + 0.5 * MEMORY_MICRO_USD;

/** More output than this is not a program to wait for: its sandbox is killed. */
const MAX_STREAM_BYTES = 64 * 2 ** 20;

/** sandboxd is back this long after it died, at the latest; nothing has been run yet, so asking again does no harm. */
const RETURN_MS = 10_000;
const RETRY_MS = 200;

export type OpenOptions = {
  readonly timeoutMs: number;
  readonly metadata: Record<string, string>;
  readonly signal: AbortSignal;
};

/** Creates a sandbox that its server ends after `timeoutMs` even if we are gone by then. Throws AppError. */
export async function openSandbox(provider: SandboxProvider, options: OpenOptions): Promise<JobSandbox> {
  const create = () =>
    Sandbox.create({
      ...connection(provider),
      timeoutMs: options.timeoutMs,
      metadata: options.metadata,
      // Nothing that holds a user's file may reach the network.
      allowInternetAccess: false,
      signal: options.signal,
    });
  const sandbox = await whenBack(create, Math.min(RETURN_MS, options.timeoutMs), options.signal);
  return wrap(provider, sandbox, options.signal);
}

/** Asks again while the server is not there: it may be starting. Only for calls that did nothing when they failed. */
async function whenBack<T>(call: () => Promise<T>, waitMs: number, signal: AbortSignal): Promise<T> {
  const giveUpAt = performance.now() + waitMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await translated(call);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError) || error.code !== "unavailable" || performance.now() > giveUpAt) throw error;
    }
    await pause(RETRY_MS, signal);
  }
}

/** What a sandbox carries of whose it is. */
export type Metadata = Readonly<Record<string, string>>;

export type Found = {
  readonly sandboxId: string;
  readonly metadata: Metadata;
  /** Ms since the epoch, on the provider's clock. */
  readonly startedAt: number;
  /** Micro-dollars a second. */
  readonly price: number;
};

/**
 * Kills the sandboxes with this `owner` that nobody wants any more, by their metadata, and returns those that it killed.
 * What cannot be killed now is told to `onStuck` and does not keep the others alive.
 */
export async function killOrphans(
  provider: SandboxProvider,
  owner: Record<string, string>,
  isWanted: (metadata: Metadata) => boolean,
  onStuck: (sandboxId: string, error: unknown) => void,
  signal: AbortSignal,
): Promise<Found[]> {
  const paginator = Sandbox.list({ ...connection(provider), query: { metadata: owner } });
  const killed: Found[] = [];
  while (paginator.hasNext) {
    const page = await whenBack(() => paginator.nextItems(), RETURN_MS, signal);
    for (const info of page.filter(({ metadata }) => !isWanted(metadata))) {
      const { sandboxId, metadata, startedAt } = info;
      try {
        const wasThere = await translated(() => Sandbox.kill(sandboxId, connection(provider)));
        if (wasThere)
          killed.push({ sandboxId, metadata, startedAt: startedAt.getTime(), price: priceOf(provider, info) });
      } catch (error) {
        onStuck(sandboxId, error);
      }
    }
  }
  return killed;
}

/** A sandbox that is gone already is what was wanted. Throws AppError when the server cannot be reached. */
export async function killSandbox(provider: SandboxProvider, sandboxId: string, signal: AbortSignal): Promise<void> {
  await whenBack(() => Sandbox.kill(sandboxId, connection(provider)), RETURN_MS, signal);
}

function connection(provider: SandboxProvider) {
  return {
    apiKey: provider.apiKey,
    ...(provider.apiUrl === null ? {} : { apiUrl: provider.apiUrl }),
    ...(provider.sandboxUrl === null ? {} : { sandboxUrl: provider.sandboxUrl }),
    ...(provider.domain === null ? {} : { domain: provider.domain }),
  };
}

function wrap(provider: SandboxProvider, sandbox: Sandbox, signal: AbortSignal): JobSandbox {
  let killing: Promise<boolean> | null = null;
  const kill = () => (killing ??= killQuietly(sandbox));
  const onAbort = () => void kill();
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  /** Once the job is to stop, whatever a dying sandbox says is only an echo of that. */
  const guarded = async <T>(call: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await translated(call);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
  return {
    id: sandbox.sandboxId,
    upload: (path, source) => guarded(async () => void (await sandbox.files.write(path, Bun.file(source)))),
    run: (code, options) => guarded(() => runCode(sandbox, code, options, kill)),
    command: (command, options) => guarded(() => runCommand(sandbox, command, options, kill)),
    connect: (hosts) => guarded(() => sandbox.updateNetwork(networkOf(hosts))),
    contacts: () => guarded(() => contactsOf(provider, sandbox)),
    list: (folder, depth) => guarded(() => listFiles(sandbox, folder, depth)),
    download: async (path) => {
      const stream = await guarded(() => sandbox.files.read(path, { format: "stream" }));
      const reader = stream.getReader();
      // A line that is cut half-way is a foreign error too.
      return new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          const { value, done } = await guarded(() => reader.read());
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      });
    },
    price: () => guarded(async () => (provider.kind === "local" ? 0 : priceOf(provider, await sandbox.getInfo()))),
    endIn: (timeoutMs) => guarded(() => sandbox.setTimeout(timeoutMs)),
    kill,
    [Symbol.asyncDispose]: async () => {
      signal.removeEventListener("abort", onAbort);
      await kill();
    },
  };
}

/** A sandbox that is gone already is what we wanted. */
function killQuietly(sandbox: Sandbox): Promise<boolean> {
  return sandbox.kill({ requestTimeoutMs: 10_000 }).then(
    () => true,
    () => false,
  );
}

async function runCode(
  sandbox: Sandbox,
  code: string,
  options: RunOptions,
  kill: () => Promise<boolean>,
): Promise<RunOutcome> {
  let bytes = 0;
  const take = (stream: "stdout" | "stderr") => (message: { line: string }) => {
    bytes += message.line.length;
    if (bytes > MAX_STREAM_BYTES) void kill();
    else options.onOutput(stream, message.line);
  };
  const execution = await sandbox.runCode(code, {
    timeoutMs: options.timeoutMs,
    onStdout: take("stdout"),
    onStderr: take("stderr"),
  });
  if (bytes > MAX_STREAM_BYTES) throw new AppError("code", "The program printed more than 64 MiB, so it was stopped.");
  return { results: execution.results.map(toRunResult), error: execution.error ?? null };
}

async function runCommand(
  sandbox: Sandbox,
  command: string,
  options: RunOptions,
  kill: () => Promise<boolean>,
): Promise<number> {
  let bytes = 0;
  const take = (stream: "stdout" | "stderr") => (text: string) => {
    bytes += text.length;
    if (bytes > MAX_STREAM_BYTES) void kill();
    else options.onOutput(stream, text);
  };
  try {
    const { exitCode } = await sandbox.commands.run(command, {
      timeoutMs: options.timeoutMs,
      onStdout: take("stdout"),
      onStderr: take("stderr"),
    });
    return exitCode;
  } catch (error) {
    if (error instanceof CommandExitError) return error.exitCode;
    throw error;
  }
}

/** E2B's options: all is denied but what is named. */
const networkOf = (hosts: readonly string[]) =>
  hosts.length === 0
    ? { allowInternetAccess: false }
    : { allowInternetAccess: true, denyOut: ["0.0.0.0/0"], allowOut: [...hosts] };

const Contacts = z.object({
  contacts: z.array(
    z.object({
      host: z.string(),
      verdict: z.enum(["allowed", "refused", "failed"]),
      bytesUp: z.number(),
      bytesDown: z.number(),
    }),
  ),
});

/** Of sandboxd only: E2B's cloud keeps no such list. */
async function contactsOf(provider: SandboxProvider, sandbox: Sandbox): Promise<HostContact[] | null> {
  if (provider.kind !== "local") return null;
  const response = await fetch(`${provider.apiUrl}/sandboxes/${sandbox.sandboxId}/network`, {
    headers: { "X-API-Key": provider.apiKey },
  });
  if (!response.ok) throw new Error(`the list of its contacts is not to be had (${response.status})`);
  const known = new Map<string, HostContact>();
  for (const { host, verdict, bytesUp, bytesDown } of Contacts.parse(await response.json()).contacts) {
    const met = verdict === "refused" ? ("refused" as const) : ("allowed" as const);
    const before = known.get(`${met} ${host}`) ?? { host, verdict: met, contacts: 0, sentBytes: 0, receivedBytes: 0 };
    known.set(`${met} ${host}`, {
      ...before,
      contacts: before.contacts + 1,
      sentBytes: before.sentBytes + bytesUp,
      receivedBytes: before.receivedBytes + bytesDown,
    });
  }
  return [...known.values()];
}

const BINARY = ["png", "jpeg", "pdf"] as const;

function toRunResult(result: Result): RunResult {
  const binary = BINARY.flatMap((kind) => {
    const content = result[kind];
    return content === undefined
      ? []
      : [{ extension: kind === "jpeg" ? "jpg" : kind, encoding: "base64" as const, content }];
  });
  const svg = result.svg === undefined ? [] : [{ extension: "svg", encoding: "utf8" as const, content: result.svg }];
  return {
    isMain: result.isMainResult,
    text: result.text ?? null,
    files: [...binary, ...svg],
    chart: result.chart === undefined ? null : { ...result.chart },
  };
}

async function listFiles(sandbox: Sandbox, folder: string, depth: number): Promise<SandboxFile[]> {
  const entries = await sandbox.files.list(folder, { depth });
  return entries
    .filter((entry) => entry.type === FileType.FILE && entry.symlinkTarget === undefined)
    .map((entry) => ({ path: entry.path, bytes: entry.size, modifiedAt: entry.modifiedTime?.getTime() ?? 0 }));
}

type Size = { readonly cpuCount: number; readonly memoryMB: number };

function priceOf(provider: SandboxProvider, { cpuCount, memoryMB }: Size): number {
  if (provider.kind === "local") return 0;
  const price = cpuCount * CPU_MICRO_USD + (memoryMB / 1024) * MEMORY_MICRO_USD;
  // A server that does not say what it gives gives it for nothing no more than others.
  return price > 0 ? price : DEFAULT_PRICE_MICRO_USD;
}

async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toSandboxError(error);
  }
}

function toSandboxError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof AuthenticationError)
    return new AppError("config", "The sandbox server refused the key. Check E2B_API_KEY in .env.", { cause: error });
  if (error instanceof RateLimitError)
    return new AppError("unavailable", "The sandbox server is busy. Try again in a minute.", {
      cause: error,
      retryAfterMs: 60_000,
    });
  const text = error instanceof Error ? error.message : String(error);
  // The SDK calls a sandbox that is gone a timeout too; only these are of the code's own time.
  if (error instanceof TimeoutError && /timed out|exceeding/.test(text))
    return new AppError("timeout", "The code ran longer than it may, so it was stopped.", { cause: error });
  if (error instanceof TimeoutError || /ECONNRESET|socket connection was closed/i.test(text))
    return new AppError("sandbox", "The sandbox ended in the middle of the work. Try again.", { cause: error });
  if (/ECONNREFUSED|Unable to connect/i.test(text))
    return new AppError("unavailable", "The sandbox server does not answer, so nothing was run. Try again.", {
      cause: error,
    });
  return new AppError("sandbox", `The sandbox did not do what it should: ${text.split("\n")[0]?.slice(0, 300) ?? ""}`, {
    cause: error,
  });
}
