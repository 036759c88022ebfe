// A real sandboxd in its own process, as the supervisor starts it, and E2B's own client to drive it.
import { Sandbox, type SandboxOpts } from "@e2b/code-interpreter";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { launchSandboxd } from "../../src/sandboxd/launch.ts";
import { LIMITS } from "../../src/sandboxd/limits.ts";
import { below, killQuietly, roomsBelow, type RoomProcesses } from "./processes.ts";

export const ROOT = join(import.meta.dir, "../..");
const KEY = "key-of-the-bench";
/** Where Bun lies in the yard. */
const YARD_BUN = "/srv/bun";
const START_WITHIN_MS = 60_000;
const STOP_GRACE_MS = 10_000;
/** The server waits before it fills its pool; a room takes 40 ms. */
const REFILLED_MS = LIMITS.refillMs + 200;
/** Nobody asks in step with anybody's timer. */
const CHANCE_MS = 100;

type Environment = Readonly<Record<string, string>>;
export type Launched = { readonly argv: readonly string[]; readonly env: Environment; readonly isReaped?: boolean };

/** Ends with us, however we end: it hears when the channel between is gone. */
export class Server implements AsyncDisposable {
  readonly url: string;
  readonly key = KEY;
  /** Of sandboxd itself. */
  readonly pid: number;
  /** The process below which all others are. */
  readonly top: number;
  readonly #child: Bun.Subprocess;

  private constructor(child: Bun.Subprocess, port: number, isReaped: boolean) {
    this.#child = child;
    this.top = child.pid;
    this.pid = isReaped ? (below(child.pid).find((one) => one.parent === child.pid)?.pid ?? child.pid) : child.pid;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async launch(env: Environment = {}): Promise<Server> {
    return await Server.start(await sandboxdOf(), env);
  }

  /** As on a machine that hands out no cgroups: what was found is taken away again. */
  static async launchWithoutCgroups(more: Environment): Promise<Server> {
    const { argv, env } = await sandboxdOf();
    const command = argv.findLastIndex((one) => one === YARD_BUN || one === realpathSync(process.execPath));
    const without = argv.toSpliced(command, 0, "/usr/bin/env", "--unset=SANDPIPER_CGROUP");
    return await Server.start({ argv: without, env }, more);
  }

  /** Of this one no orphan gets lost. */
  static async launchReaped(): Promise<Server> {
    const { argv, env } = await sandboxdOf();
    const reaper = ["python3", join(import.meta.dir, "programs/reaper.py")];
    return await Server.start({ argv: [...reaper, ...argv], env, isReaped: true });
  }

  static async start({ argv, env, isReaped = false }: Launched, more: Environment = {}): Promise<Server> {
    const ready = Promise.withResolvers<number>();
    const child = Bun.spawn([...argv], {
      cwd: ROOT,
      env: {
        ...process.env,
        SANDPIPER_LOG: "error",
        SANDPIPER_SANDBOXD_PORT: "0",
        SANDPIPER_SANDBOXD_KEY: KEY,
        ...more,
        ...env,
      },
      stdio: ["ignore", "ignore", "inherit"],
      ipc: (message: unknown) => {
        if (typeof message === "object" && message !== null && "port" in message) ready.resolve(Number(message.port));
      },
    });
    void child.exited.then((code) => ready.reject(new Error(`sandboxd ended with ${code} before it was ready`)));
    const timer = setTimeout(() => child.kill("SIGKILL"), START_WITHIN_MS);
    try {
      return new Server(child, await ready.promise, isReaped);
    } finally {
      clearTimeout(timer);
    }
  }

  get headers(): Readonly<Record<string, string>> {
    return { "x-api-key": KEY };
  }

  async create(more: SandboxOpts = {}): Promise<Sandbox> {
    return await Sandbox.create({ apiKey: KEY, apiUrl: this.url, sandboxUrl: this.url, timeoutMs: 600_000, ...more });
  }

  /** Until a client that comes now and then comes again: the pool is full. */
  async rest(): Promise<void> {
    await Bun.sleep(REFILLED_MS + Math.random() * CHANCE_MS);
  }

  /** Takes what the pool has. For LIMITS.refillMs from now on no room is in the making; kill these later. */
  async emptyPool(): Promise<readonly Sandbox[]> {
    await this.rest();
    return await Promise.all(Array.from({ length: LIMITS.forkedSpares + 1 }, () => this.create()));
  }

  /** Its kernel gives itself a name by which we find it among all processes. */
  async roomOf(sandbox: Sandbox): Promise<RoomProcesses> {
    const name = sandbox.sandboxId.slice(-15);
    await run(sandbox, `with open("/proc/self/comm", "w") as file: file.write("${name}")`);
    const room = roomsBelow(this.top).find((one) => one.names.includes(name));
    if (room === undefined) throw new Error("The room of a sandbox was not found.");
    return room;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(
      () => [...below(this.top).map((one) => one.pid), this.top].forEach(killQuietly),
      STOP_GRACE_MS,
    );
    await this.#child.exited;
    clearTimeout(timer);
  }
}

export async function sandboxdOf(): Promise<Launched> {
  const bwrap = process.env["SANDPIPER_BWRAP"] ?? "";
  const python = process.env["SANDPIPER_PYTHON"] ?? "";
  return await launchSandboxd({ root: ROOT, bwrap, python });
}

/** Throws when the code did not end well. */
export async function run(sandbox: Sandbox, code: string): Promise<string> {
  const { error, logs, results } = await sandbox.runCode(code);
  if (error !== undefined) throw new Error(`${error.name}: ${error.value}`);
  return logs.stdout.join("") + results.map((one) => one.png ?? "").join("");
}

export async function print(sandbox: Sandbox): Promise<void> {
  if ((await run(sandbox, "print(1)")).trim() !== "1") throw new Error("The sandbox did not print.");
}

const PLOT = "import pandas as pd\npd.DataFrame({'a': [1, 3, 2], 'b': [2, 1, 4]}).plot();";
/** The first bytes of every PNG, in base64. */
const PNG = "iVBORw0KGgo";

export async function plot(sandbox: Sandbox): Promise<void> {
  if (!(await run(sandbox, PLOT)).startsWith(PNG)) throw new Error("The sandbox did not draw.");
}

export async function killAll(sandboxes: readonly Sandbox[]): Promise<void> {
  await Promise.all(sandboxes.map((one) => one.kill()));
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
