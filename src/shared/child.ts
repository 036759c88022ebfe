// A child process that is kept alive: started, told apart by its lines, started again when it dies, stopped in order.
import { pause } from "./stop.ts";

export type ChildOptions = {
  readonly name: string;
  /** Asked before each start, so that a restart sees the latest. */
  readonly command: () => {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
  };
  /** One line of stdout or stderr. */
  readonly onLine: (line: string) => void;
  /** A message from the child; not yet parsed. */
  readonly onMessage: (message: unknown) => void;
  readonly onExit: (exit: {
    readonly code: number | null;
    readonly signal: string | null;
    readonly isWanted: boolean;
  }) => void;
};

export type Child = {
  /** SIGTERM, then SIGKILL after `graceMs`. Resolves when the process is gone. */
  readonly stop: (graceMs: number) => Promise<void>;
  readonly kill: () => void;
  readonly signal: (name: NodeJS.Signals) => void;
};

const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 10_000;
/** A child that lived this long starts with a clean slate. */
const HEALTHY_MS = 30_000;
/** Longer lines are cut: a child that has gone mad must not fill our memory. */
const MAX_LINE = 64 * 1024;

export function keepAlive(options: ChildOptions): Child {
  const stopping = new AbortController();
  let current: Bun.Subprocess | null = null;
  const live = async (): Promise<void> => {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const spawned = spawn(options);
      current = spawned;
      await spawned?.exited;
      options.onExit({
        code: spawned?.exitCode ?? null,
        signal: spawned?.signalCode ? String(spawned.signalCode) : null,
        isWanted: stopping.signal.aborted,
      });
      if (performance.now() - startedAt > HEALTHY_MS) backoffMs = FIRST_BACKOFF_MS;
      await pause(backoffMs, stopping.signal);
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    }
  };
  const living = live();
  const stop = async (graceMs: number): Promise<void> => {
    stopping.abort();
    current?.kill("SIGTERM");
    const grace = setTimeout(() => current?.kill("SIGKILL"), graceMs);
    await living;
    clearTimeout(grace);
  };
  return {
    stop,
    kill: () => {
      stopping.abort();
      current?.kill("SIGKILL");
    },
    signal: (name) => current?.kill(name),
  };
}

/** Null when there is nothing to start: its program is gone, or the machine has no room for it. */
function spawn(options: ChildOptions): Bun.Subprocess | null {
  const { argv, env, cwd } = options.command();
  try {
    const child = Bun.spawn([...argv], {
      cwd,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      // JSON survives a shell between us and the child.
      serialization: "json",
      ipc: (message: unknown) => options.onMessage(message),
    });
    for (const stream of [child.stdout, child.stderr]) void readLines(stream, options.onLine);
    return child;
  } catch (error) {
    options.onLine(`${argv[0] ?? "nothing"} could not be started: ${String(error)}`);
    return null;
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(0, MAX_LINE);
    for (const line of lines) onLine(line.slice(0, MAX_LINE));
  }
  if (rest !== "") onLine(rest);
}
