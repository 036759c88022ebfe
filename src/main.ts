// `sandpiper start`: sandboxd, core and worker as children; logs, restarts, and an end in the right order.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, rmSync, watch, writeFileSync, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { launchSandboxd } from "./sandboxd/launch.ts";
import { isAlive } from "./shared/alive.ts";
import { keepAlive, type Child } from "./shared/child.ts";
import {
  closeEnvironmentFile,
  loadConfig,
  readEnvironment,
  withChannels,
  withoutChannels,
  withoutKeys,
  type Config,
} from "./shared/config.ts";
import { coreLock, holdLock } from "./shared/db.ts";
import { AppError } from "./shared/errors.ts";
import { createLog, type Log } from "./shared/log.ts";
import { speakersOf } from "./shared/models.ts";
import { rotatedFile } from "./shared/rotate.ts";
import { aborted, stopSignal } from "./shared/stop.ts";
import { finishSwaps } from "./shared/swap.ts";

export type Running = {
  readonly config: Config;
  readonly port: number;
  /** Opens the dashboard once, within five minutes. */
  readonly link: string;
  /** Resolves when everything has ended. */
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
};

const FromChild = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), port: z.number().optional(), link: z.string().optional() }),
  z.object({ type: z.literal("failed"), reason: z.enum(["port-in-use", "running", "error"]), message: z.string() }),
]);
type FromChild = z.infer<typeof FromChild>;
type Ready = Extract<FromChild, { type: "ready" }>;

/** In .tools: what the owner has added to the rooms' Python. */
const PYTHON_ADDED = "python_added.json";

/** core ends last and quickly; the worker may have a job to finish or to hand back. */
const GRACE_MS = { worker: 8_000, sandboxd: 3_000, core: 2_000 } as const;

/** Starts everything and resolves when it is ready for work. Throws AppError with a sentence and a fix. */
export async function start(environment: Record<string, string | undefined>, signal: AbortSignal): Promise<Running> {
  const config = loadConfig(environment);
  // A restore that was cut off in the middle: its folders may bear other names at this moment.
  finishSwaps(config.home);
  // Core keeps the lock; asked beforehand, nothing has to be begun and ended again.
  const lock = holdLock(coreLock(config));
  if (lock === null) throw new AppError("conflict", "Sandpiper is running already in this folder.");
  lock.release();
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  mkdirSync(config.storageDir, { recursive: true, mode: 0o700 });
  const house = new House(config, environment, signal);
  try {
    const [core] = await Promise.all([house.openCore(), house.openWork()]);
    const port = core.port ?? config.port;
    return { config, port, link: core.link ?? "", stop: () => house.stop(), kill: house.kill };
  } catch (error) {
    await house.stop();
    throw error;
  }
}

/** The three children, in the order in which they need each other. */
class House {
  readonly #config: Config;
  readonly #base: Record<string, string>;
  readonly #withChannels: Record<string, string>;
  readonly #withKeys: Record<string, string>;
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #children = new Map<keyof typeof GRACE_MS, Child>();
  #watcher: FSWatcher | null = null;
  #corePort: number;
  #sandboxdPort: number;
  readonly #sandboxdKey = `e2b_${randomBytes(20).toString("hex")}`;

  constructor(config: Config, environment: Record<string, string | undefined>, signal: AbortSignal) {
    const told = {
      ...environment,
      SANDPIPER_SANDBOX: config.sandbox,
      SANDPIPER_SUPERVISED: "1",
      SANDPIPER_MODELS_SET: config.model.keysSet.join(","),
      // What runs on this machine is not asked by way of another one.
      NO_PROXY: [environment["NO_PROXY"] ?? environment["no_proxy"], "127.0.0.1,localhost"].filter(Boolean).join(","),
    };
    this.#config = config;
    this.#base = withoutKeys(told);
    this.#withChannels = withChannels(told);
    this.#withKeys = Object.fromEntries(
      Object.entries(withoutChannels(told)).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    this.#signal = signal;
    this.#corePort = config.port;
    this.#sandboxdPort = config.sandboxd.port;
    const file = rotatedFile(join(config.dataDir, "logs/main.jsonl"));
    this.#log = createLog("main", config.logLevel, file.append);
  }

  async openCore(): Promise<Ready> {
    const ready = await this.#open("core", () =>
      this.#bun("src/core/server.ts", { ...this.#withChannels, SANDPIPER_PORT: String(this.#corePort) }),
    );
    // Started again it must be found where it was, also where any port would have done.
    this.#corePort = ready.port ?? this.#corePort;
    return ready;
  }

  async openWork(): Promise<void> {
    if (this.#config.sandbox === "local") {
      const { root, bwrap, python } = this.#config;
      const launch = await launchSandboxd({ root, bwrap, python });
      // Known before anybody listens, so that the worker need not wait for it and a restart is found again.
      if (this.#sandboxdPort === 0) this.#sandboxdPort = freePort();
      const sandboxd = this.#open("sandboxd", () => ({
        argv: launch.argv,
        env: { ...this.#base, ...this.#address(), ...launch.env },
        cwd: root,
      }));
      await Promise.all([sandboxd, this.#openWorker()]);
      this.#renewOnChange(root);
    } else await this.#openWorker();
  }

  /** What was added to Python is seen by the next sandboxd: a room's mounts do not follow what changes below them. */
  #renewOnChange(root: string): void {
    const folder = join(root, ".tools");
    if (!existsSync(folder)) return;
    const watcher = watch(folder, (_event, file) => {
      if (file === PYTHON_ADDED) this.#children.get("sandboxd")?.signal("SIGHUP");
    });
    this.#watcher = watcher;
  }

  #openWorker(): Promise<Ready> {
    return this.#open("worker", () => this.#bun("src/worker/worker.ts", { ...this.#withKeys, ...this.#address() }));
  }

  async stop(): Promise<void> {
    this.#watcher?.close();
    for (const name of ["worker", "sandboxd", "core"] as const) await this.#children.get(name)?.stop(GRACE_MS[name]);
  }

  readonly kill = (): void => this.#children.forEach((child) => child.kill());

  #address(): Record<string, string> {
    return { SANDPIPER_SANDBOXD_PORT: String(this.#sandboxdPort), SANDPIPER_SANDBOXD_KEY: this.#sandboxdKey };
  }

  #bun(file: string, env: Record<string, string>) {
    return {
      argv: [process.execPath, "--no-env-file", "--smol", join(this.#config.root, file)],
      env,
      cwd: this.#config.root,
    };
  }

  /** Resolves with the child's first `ready`; later ones (after a restart) are only logged. */
  #open(name: keyof typeof GRACE_MS, command: Parameters<typeof keepAlive>[0]["command"]): Promise<Ready> {
    const { promise, resolve, reject } = Promise.withResolvers<Ready>();
    const file = rotatedFile(join(this.#config.dataDir, `logs/${name}.jsonl`));
    const last: string[] = [];
    let isDecided = false;
    const child = keepAlive({
      name,
      command,
      onLine: (line) => {
        file.append(line);
        last.push(line);
        if (last.length > 5) last.shift();
      },
      onMessage: (message) => {
        const parsed = FromChild.safeParse(message);
        // It may fail again while the first failure is still being looked into.
        if (!parsed.success || isDecided) return;
        isDecided = true;
        if (parsed.data.type === "ready") resolve(parsed.data);
        else resolve(failStart(this.#config, parsed.data));
      },
      onExit: (exit) => {
        if (exit.isWanted) return;
        this.#log.error("child-died", { child: name, ...exit });
        reject(
          new AppError(
            "internal",
            `${name} did not start. The log in data/logs/${name}.jsonl says why:\n${last.join("\n")}`,
          ),
        );
      },
    });
    this.#children.set(name, child);
    void aborted(this.#signal).then(() => reject(new AppError("cancelled", "Stopped while starting.")));
    return promise;
  }
}

/** One that nobody listens on at this moment. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

async function failStart(config: Config, failed: Extract<FromChild, { type: "failed" }>): Promise<never> {
  if (failed.reason !== "port-in-use")
    throw new AppError(failed.reason === "running" ? "conflict" : "internal", failed.message);
  if (await isSandpiperThere(config.port)) throw alreadyRunning(config.port);
  throw new AppError(
    "conflict",
    `Port ${config.port} is in use. Stop the program that has it, or choose another: SANDPIPER_PORT=4748 npm start`,
  );
}

const alreadyRunning = (port: number): AppError =>
  new AppError(
    "conflict",
    `Sandpiper is running already: http://localhost:${port} (a new link for a browser: bun run link)`,
  );

const ServerFile = z.object({ port: z.number(), pid: z.number() });
const serverFile = (config: Config): string => join(config.dataDir, "server.json");

/** The port of the Sandpiper that `npm start` keeps running for this folder; null when there is none. */
export async function findRunning(config: Config): Promise<number | null> {
  const file = Bun.file(serverFile(config));
  // One that was killed leaves the file behind.
  const found = (await file.exists()) ? ServerFile.safeParse(await file.json().catch(() => null)) : null;
  if (found?.success !== true || !isAlive(found.data.pid)) return null;
  return (await isSandpiperThere(found.data.port)) ? found.data.port : null;
}

/** True if the thing on this port is a Sandpiper. */
async function isSandpiperThere(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1_000) }).catch(
    () => null,
  );
  const body: unknown = response?.ok === true ? await response.json().catch(() => null) : null;
  return z.object({ app: z.literal("sandpiper") }).safeParse(body).success;
}

function openInBrowser(config: Config, environment: Record<string, string | undefined>, url: string): void {
  const hasDesktop = process.platform === "darwin" || Boolean(environment["DISPLAY"] ?? environment["WAYLAND_DISPLAY"]);
  if (!config.openBrowser || !hasDesktop) return;
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  if (Bun.which(opener) !== null) Bun.spawn([opener, url], { stdio: ["ignore", "ignore", "ignore"] }).unref();
}

async function main(): Promise<number> {
  if (closeEnvironmentFile())
    console.error("! .env could be read by others. It is now readable by its owner alone (0600).");
  const environment = readEnvironment();
  const stop = stopSignal();
  let running: Running;
  try {
    // Before anything is begun: two of them in one folder would take each other's sockets and sandboxes away.
    const port = await findRunning(loadConfig(environment));
    if (port !== null) throw alreadyRunning(port);
    running = await start(environment, stop);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (stop.aborted) return 0;
    console.error(error.message);
    return 1;
  }
  const { config } = running;
  const server = serverFile(config);
  writeFileSync(server, JSON.stringify({ port: running.port, pid: process.pid }), { mode: 0o600 });
  const { problem } = speakersOf(config);
  for (const warning of [...config.warnings, ...(problem === null ? [] : [problem])]) console.error(`! ${warning}`);
  if (config.sandbox === "e2b")
    console.log("Code runs in E2B's cloud: files that you send are copied there for the time of a job.");
  console.log(
    `Ready in ${(performance.now() / 1_000).toFixed(2)} s.\n\n  ${running.link}\n\nThe link opens the dashboard in one browser, within five minutes. Ctrl+C stops.`,
  );
  openInBrowser(config, environment, running.link);
  await aborted(stop);
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, running.kill);
  console.log("Stopping …");
  await running.stop();
  rmSync(server, { force: true });
  return 0;
}

if (import.meta.main) process.exit(await main());
