// A whole Sandpiper for a test: `bun src/main.ts` in a folder of its own, spoken to as any program would.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../src/shared/config.ts";
import { follow, type Event } from "./events.ts";
import { allGone, descendantsOf, processOf, type Process } from "./processes.ts";

export type Settings = { readonly [name: string]: string };

export type Sandpiper = AsyncDisposable & {
  readonly home: string;
  readonly pid: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The one-time link that the start printed. */
  readonly link: string;
  readonly token: string;
  /** What it has printed, both streams. */
  readonly printed: () => string;
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** Posts a message as JSON and returns its job's id. */
  readonly send: (message: object) => Promise<string>;
  /** The events of a job up to the first that `isLast` accepts: by default its end. */
  readonly follow: (jobId: string, isLast?: (event: Event) => boolean) => Promise<Event[]>;
  readonly job: (jobId: string) => Promise<Job>;
  /** A program of ours by its file: core/server.ts, worker/worker.ts, sandboxd/server.ts. */
  readonly child: (file: string) => Process;
  readonly signal: (name: "SIGTERM" | "SIGKILL") => void;
  readonly exited: Promise<number>;
};

/** How long anything may take on a busy machine before the test gives up. */
export const PATIENCE_MS = 30_000;

const Job = z.object({
  job: z.object({
    id: z.string(),
    status: z.string(),
    code: z.string().nullable(),
    understood: z.string().nullable(),
    output: z
      .object({
        stdout: z.string(),
        text: z.string(),
        artifacts: z.array(z.string()),
        error: z.object({ code: z.string(), message: z.string(), detail: z.string().optional() }).optional(),
      })
      .nullable(),
    artifacts: z.array(
      z.looseObject({ id: z.string(), name: z.string(), path: z.string(), mediaType: z.string(), bytes: z.number() }),
    ),
    costUsd: z.number(),
  }),
});
export type Job = z.infer<typeof Job>["job"];

const Receipt = z.object({ job_id: z.string(), conversation_id: z.string() });
const LINK = /http:\/\/localhost:(\d+)\/#pair=\S+/;

export function makeHome(): string {
  return mkdtempSync(join(tmpdir(), "sandpiper-e2e-"));
}

/** What a child gets: the system's own and these settings; a developer's keys and settings stay out. */
export function environment(home: string, settings: Settings = {}): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "",
    SANDPIPER_HOME: home,
    SANDPIPER_PORT: "0",
    SANDPIPER_OPEN: "0",
    SANDPIPER_SANDBOX: "local",
    ...settings,
  };
}

/** Starts one and waits until it is ready. When the test process dies, it ends too. A `home` given is kept. */
export async function startSandpiper(settings: Settings = {}, home?: string): Promise<Sandpiper> {
  const folder = home ?? makeHome();
  const main = spawnMain(environment(folder, settings));
  const found = await main.waitFor(LINK);
  const url = `http://127.0.0.1:${found[1]}`;
  const token = (await Bun.file(join(folder, "data/token")).text()).trim();
  const headers = { Authorization: `Bearer ${token}` };
  const request = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { ...headers, ...Object.fromEntries(new Headers(init.headers)) } });
  const stop = async (): Promise<void> => {
    const family = descendantsOf(main.pid);
    main.signal("SIGTERM");
    await main.exited;
    await allGone(family, PATIENCE_MS);
    if (home === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return {
    home: folder,
    url,
    token,
    link: found[0],
    ...main,
    fetch: request,
    send: async (message) => {
      const body = JSON.stringify(message);
      const response = await request("/api/messages", { method: "POST", body, headers: JSON_BODY });
      return Receipt.parse(await response.json()).job_id;
    },
    follow: (jobId, isLast) => follow({ url, token }, jobId, PATIENCE_MS, isLast),
    job: async (jobId) => Job.parse(await (await request(`/api/jobs/${jobId}`)).json()).job,
    child: (file) => childOf(main.pid, file),
    [Symbol.asyncDispose]: stop,
  };
}

const JSON_BODY = { "Content-Type": "application/json" };

function childOf(pid: number, file: string): Process {
  const found = descendantsOf(pid).find((one) => one.command.includes(`src/${file}`));
  if (found === undefined) throw new Error(`${file} does not run.`);
  return found;
}

export type Main = Pick<Sandpiper, "pid" | "printed" | "signal" | "exited"> & {
  /** Throws with what was printed when it ends or when it takes too long. */
  readonly waitFor: (pattern: RegExp) => Promise<RegExpExecArray>;
};

export function spawnMain(env: Record<string, string>): Main {
  let printed = "";
  let onPrinted = (): void => undefined;
  const child = Bun.spawn([process.execPath, "--no-env-file", "src/main.ts"], {
    cwd: ROOT,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    serialization: "json",
    // The channel is how it learns that the test process has died.
    ipc: () => undefined,
  });
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      printed += decoder.decode(chunk, { stream: true });
      onPrinted();
    }
  };
  const exited = Promise.all([child.exited, read(child.stdout), read(child.stderr)]).then(([code]) => code);
  const waitFor = async (pattern: RegExp): Promise<RegExpExecArray> => {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    onPrinted = () => {
      const match = pattern.exec(printed);
      if (match !== null) resolve(match);
    };
    onPrinted();
    const fail = (why: string) => reject(new Error(`${why} It printed:\n${printed}`));
    const timer = setTimeout(() => fail(`Nothing like ${String(pattern)} in time.`), PATIENCE_MS);
    void exited.then(() => fail("It ended."));
    return promise.finally(() => clearTimeout(timer));
  };
  const signal = (name: "SIGTERM" | "SIGKILL"): void => {
    if (processOf(child.pid) !== null) child.kill(name);
  };
  return { pid: child.pid, printed: () => printed, signal, exited, waitFor };
}
