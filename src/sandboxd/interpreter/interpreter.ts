// The code contexts of one sandbox: which there are, and one run at a time in each.
import { AppError } from "../../shared/errors.ts";
import { LIMITS } from "../limits.ts";
import type { Channel } from "../room/channel.ts";
import { RunOutput, type OutputLine } from "./output.ts";

export type Context = { readonly id: string; readonly language: "python"; readonly cwd: string };

export type Run = {
  readonly contextId: string;
  readonly code: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Aborted when nobody listens any more: the code is interrupted, and killed when it does not stop. */
  readonly signal: AbortSignal;
  readonly emit: (line: OutputLine) => void;
};

export type Interpreter = {
  readonly contexts: () => readonly Context[];
  readonly find: (id: string) => Context | undefined;
  readonly create: (cwd?: string) => Promise<Context>;
  readonly remove: (id: string) => Promise<void>;
  /** Ends the context's process; the next run begins with empty memory. */
  readonly restart: (id: string) => Promise<void>;
  /** Resolves when the run has ended and everything was emitted; rejects when the room ends first. */
  readonly run: (run: Run) => Promise<void>;
};

/** The default context of a new interpreter is the first of its list. */
export async function openInterpreter(channel: Channel): Promise<Interpreter> {
  const known = new Map<string, Context>();
  const queues = new Map<string, Promise<void>>();

  const create = async (cwd?: string): Promise<Context> => {
    const id = crypto.randomUUID();
    const reply = await channel.request({ op: "createContext", context: id, ...(cwd === undefined ? {} : { cwd }) });
    const context = { id, language: "python", cwd: cwdOf(reply.value) } as const;
    known.set(id, context);
    return context;
  };

  const run = async (one: Run): Promise<void> => {
    const before = queues.get(one.contextId) ?? Promise.resolve();
    const turn = before.then(() => runOne(channel, one));
    const settled = turn.catch(() => undefined);
    queues.set(one.contextId, settled);
    await turn;
    if (queues.get(one.contextId) === settled) queues.delete(one.contextId);
  };

  await create();
  return {
    contexts: () => [...known.values()],
    find: (id) => known.get(id),
    create,
    run,
    remove: async (id) => {
      known.delete(id);
      await channel.request({ op: "removeContext", context: id });
    },
    restart: async (id) => {
      await channel.request({ op: "killKernel", context: id });
    },
  };
}

async function runOne(channel: Channel, run: Run): Promise<void> {
  if (run.signal.aborted) return;
  const code = new TextEncoder().encode(run.code);
  if (code.length > LIMITS.codeBytes)
    throw new AppError("too_large", `The code is longer than ${LIMITS.codeBytes} bytes. Put data into a file instead.`);
  const kill = (): void => void channel.request({ op: "killKernel", context: run.contextId }).catch(() => undefined);
  const output = new RunOutput(run.emit, kill);
  const forget = stopOnAbort(channel, run, kill);
  const operation = { op: "run", context: run.contextId, environment: run.environment };
  try {
    const reply = await channel.request(operation, code, (event) => output.take(event));
    output.finish(reply.value, run.signal.aborted);
  } finally {
    forget();
  }
}

/** What it returns takes the listener away again. */
function stopOnAbort(channel: Channel, run: Run, kill: () => void): () => void {
  let timer: Timer | undefined;
  const interrupt = (): void => {
    channel.request({ op: "interrupt", context: run.contextId }).catch(() => undefined);
    timer = setTimeout(kill, LIMITS.interruptMs);
  };
  run.signal.addEventListener("abort", interrupt, { once: true });
  return () => {
    clearTimeout(timer);
    run.signal.removeEventListener("abort", interrupt);
  };
}

function cwdOf(value: unknown): string {
  return typeof value === "object" && value !== null && "cwd" in value && typeof value.cwd === "string"
    ? value.cwd.slice(0, 4_096)
    : "/home/user";
}
