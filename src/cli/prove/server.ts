// A sandboxd for the prover alone, started as the product starts it, and E2B's own client to drive it.
import { Sandbox, type SandboxOpts } from "@e2b/code-interpreter";
import { launchSandboxd } from "../../sandboxd/launch.ts";
import type { Config } from "../../shared/config.ts";
import { AppError } from "../../shared/errors.ts";

/** How Python is started in a room: as the product prefers, or always inside. */
export type Way = "forked" | "plain";

export type ServerOptions = {
  readonly config: Config;
  readonly way: Way;
  /** The project whose sandboxd is started. */
  readonly root: string;
  readonly folder: string;
  readonly secrets: Readonly<Record<string, string>>;
};

export type ProvedServer = AsyncDisposable & {
  readonly port: number;
  readonly pid: number;
  readonly key: string;
  /** Whether it was started in a yard. */
  readonly hasYard: boolean;
  readonly exited: Promise<number>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly create: (options?: SandboxOpts, template?: string) => Promise<Sandbox>;
};

/** A room is to reach its limit soon, and this machine to be left in peace. */
export const MEMORY_MIB = 512;

const START_MS = 30_000;

/** Throws AppError `unavailable` when it does not start. */
export async function startServer({ config, way, root, folder, secrets }: ServerOptions): Promise<ProvedServer> {
  const { bwrap, python } = config;
  const launch = await launchSandboxd({ root, bwrap, python }, ["src/sandboxd/server.ts", secrets["argv"] ?? ""]);
  const key = secrets["key"] ?? "";
  const ready = Promise.withResolvers<number>();
  const child = Bun.spawn([...launch.argv], {
    cwd: root,
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: `${folder}/home`,
      SANDPIPER_HOME: folder,
      SANDPIPER_BWRAP: bwrap,
      SANDPIPER_PYTHON: python,
      SANDPIPER_MEMORY_MB: String(MEMORY_MIB),
      SANDPIPER_ROOMS: way === "plain" ? "plain" : "",
      SANDPIPER_SANDBOXD_KEY: key,
      // Rooms that are made to break are no news.
      SANDPIPER_LOG: "error",
      PROOF_SECRET: secrets["environment"] ?? "",
      ...launch.env,
    },
    stdio: ["ignore", "ignore", "pipe"],
    ipc: (message: unknown) => {
      if (typeof message === "object" && message !== null && "port" in message) ready.resolve(Number(message.port));
    },
  });
  const said = new Response(child.stderr).text();
  const timer = setTimeout(() => ready.reject(new Error("it did not say that it was ready")), START_MS);
  void child.exited.then((code) => ready.reject(new Error(`it ended with ${code}`)));
  try {
    const port = await ready.promise;
    const url = `http://127.0.0.1:${port}`;
    const options = { apiKey: key, apiUrl: url, sandboxUrl: url, timeoutMs: 300_000 };
    return {
      port,
      pid: child.pid,
      key,
      hasYard: launch.env["HOME"] !== undefined,
      exited: child.exited,
      kill: (signal) => child.kill(signal),
      create: async (more, template = "base") => await Sandbox.create(template, { ...options, ...more }),
      [Symbol.asyncDispose]: async () => {
        child.kill("SIGTERM");
        await child.exited;
      },
    };
  } catch (cause) {
    child.kill("SIGKILL");
    throw new AppError(
      "unavailable",
      "The sandbox server that was to be attacked could not be started. Run: npm run doctor",
      {
        cause,
        detail: (await said).slice(-2_000),
      },
    );
  } finally {
    clearTimeout(timer);
  }
}
