// `sandpiper start`: sandboxd, core and worker as children; logs, restarts, and an end in the right order.
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { launchSandboxd } from "./sandboxd/launch.ts";
import { keepAlive, type Child } from "./shared/child.ts";
import { loadConfig, readEnvironment, withoutKeys, type Config } from "./shared/config.ts";
import { AppError } from "./shared/errors.ts";
import { createLog, type Log } from "./shared/log.ts";
import { rotatedFile } from "./shared/rotate.ts";
import { aborted, stopSignal } from "./shared/stop.ts";

export type Running = {
  readonly config: Config;
  readonly url: string;
  /** Opens the dashboard once, within five minutes. */
  readonly link: string;
  /** Resolves when everything has ended. */
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
};

const FromChild = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), port: z.number().optional(), link: z.string().optional() }),
  z.object({ type: z.literal("failed"), reason: z.enum(["port-in-use", "error"]), message: z.string() }),
]);
type FromChild = z.infer<typeof FromChild>;
type Ready = Extract<FromChild, { type: "ready" }>;

/** core ends last and quickly; the worker may have a job to finish or to hand back. */
const GRACE_MS = { worker: 8_000, sandboxd: 3_000, core: 2_000 } as const;

/** Starts everything and resolves when it is ready for work. Throws AppError with a sentence and a fix. */
export async function start(environment: Record<string, string | undefined>, signal: AbortSignal): Promise<Running> {
  const config = loadConfig(environment);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  mkdirSync(config.storageDir, { recursive: true, mode: 0o700 });
  const house = new House(config, environment, signal);
  try {
    const [core] = await Promise.all([house.openCore(), house.openWork()]);
    const port = core.port ?? config.port;
    const server = join(config.dataDir, "server.json");
    writeFileSync(server, JSON.stringify({ port, pid: process.pid }), { mode: 0o600 });
    const stop = async () => {
      await house.stop();
      rmSync(server, { force: true });
    };
    return { config, url: `http://localhost:${port}`, link: core.link ?? "", stop, kill: house.kill };
  } catch (error) {
    await house.stop();
    throw error;
  }
}

/** The three children, in the order in which they need each other. */
class House {
  readonly #config: Config;
  readonly #base: Record<string, string>;
  readonly #withKeys: Record<string, string>;
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #children = new Map<keyof typeof GRACE_MS, Child>();
  #sandboxdPort: number;
  readonly #sandboxdKey = `e2b_${randomBytes(20).toString("hex")}`;

  constructor(config: Config, environment: Record<string, string | undefined>, signal: AbortSignal) {
    const told = { ...environment, SANDPIPER_SANDBOX: config.sandbox, SANDPIPER_SUPERVISED: "1" };
    this.#config = config;
    this.#base = withoutKeys(told);
    this.#withKeys = Object.fromEntries(
      Object.entries(told).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    this.#signal = signal;
    this.#sandboxdPort = config.sandboxd.port;
    const file = rotatedFile(join(config.dataDir, "logs/main.jsonl"));
    this.#log = createLog("main", config.logLevel, file.append);
  }

  openCore(): Promise<Ready> {
    return this.#open("core", () => this.#bun("src/core/server.ts", this.#base));
  }

  async openWork(): Promise<void> {
    if (this.#config.sandbox === "local") {
      const { root, bwrap, python } = this.#config;
      const launch = await launchSandboxd({ root, bwrap, python });
      const ready = await this.#open("sandboxd", () => ({
        argv: launch.argv,
        env: { ...this.#base, ...this.#address(), ...launch.env },
        cwd: root,
      }));
      this.#sandboxdPort = ready.port ?? this.#sandboxdPort;
    }
    await this.#open("worker", () => this.#bun("src/worker/worker.ts", { ...this.#withKeys, ...this.#address() }));
  }

  async stop(): Promise<void> {
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
        if (!parsed.success) return;
        if (parsed.data.type === "ready") resolve(parsed.data);
        else reject(startFailure(this.#config, parsed.data));
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

function startFailure(config: Config, failed: Extract<FromChild, { type: "failed" }>): AppError {
  if (failed.reason !== "port-in-use") return new AppError("internal", failed.message);
  return new AppError(
    "conflict",
    `Port ${config.port} is in use. Stop the program that has it, or choose another: SANDPIPER_PORT=4748 npm start`,
  );
}

/** True if the thing on our port is a Sandpiper. */
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
  const environment = readEnvironment();
  const stop = stopSignal();
  let running: Running;
  try {
    running = await start(environment, stop);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (stop.aborted) return 0;
    const config = error.code === "conflict" ? loadConfig(environment) : null;
    if (config !== null && (await isSandpiperThere(config.port)))
      console.error(
        `Sandpiper is running already: http://localhost:${config.port} (a new link for a browser: bun run link)`,
      );
    else console.error(error.message);
    return 1;
  }
  const { config } = running;
  for (const warning of config.warnings) console.error(`! ${warning}`);
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
  return 0;
}

if (import.meta.main) process.exit(await main());
