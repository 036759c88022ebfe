// A real sandboxd in its own process, as the supervisor starts it, and E2B's own client to drive it.
import { setDefaultTimeout } from "bun:test";
import { Sandbox, type SandboxOpts } from "@e2b/code-interpreter";
import { ROOT } from "../../src/shared/config.ts";
import { launchSandboxd } from "../../src/sandboxd/launch.ts";

// A first room on a cold, busy disk imports pandas for seconds.
setDefaultTimeout(30_000);

const KEY = "key-of-the-test";

/** The two ways of starting Python in a room: what holds of one holds of the other. */
export const WAYS = [
  ["forked", { SANDPIPER_ROOMS: "" }],
  ["started inside", { SANDPIPER_ROOMS: "plain" }],
] as const;

export type TestServer = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly disconnect: () => void;
  readonly options: { readonly apiKey: string; readonly apiUrl: string; readonly sandboxUrl: string };
  readonly create: (options?: SandboxOpts) => Promise<Sandbox>;
};

export async function startServer(
  environment: Record<string, string> = {},
  tools: { readonly bwrap?: string; readonly python?: string } = {},
): Promise<TestServer> {
  const bwrap = tools.bwrap ?? process.env["SANDPIPER_BWRAP"] ?? "";
  const settings = { bwrap, python: tools.python ?? process.env["SANDPIPER_PYTHON"] ?? "" };
  const launch = await launchSandboxd({ root: ROOT, ...settings });
  const ready = Promise.withResolvers<number>();
  const child = Bun.spawn([...(environment["SANDPIPER_CGROUP"] === "" ? withoutCgroups(launch.argv) : launch.argv)], {
    cwd: ROOT,
    env: {
      ...process.env,
      ...environment,
      SANDPIPER_BWRAP: settings.bwrap,
      SANDPIPER_PYTHON: settings.python,
      SANDPIPER_LOG: "error",
      SANDPIPER_SANDBOXD_KEY: KEY,
      ...launch.env,
    },
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (message: unknown) => {
      if (typeof message === "object" && message !== null && "port" in message) ready.resolve(Number(message.port));
    },
  });
  void child.exited.then((code) => ready.reject(new Error(`sandboxd ended with ${code} before it was ready`)));
  const url = `http://127.0.0.1:${await ready.promise}`;
  const options = { apiKey: KEY, apiUrl: url, sandboxUrl: url };
  return {
    url,
    pid: child.pid,
    exited: child.exited,
    kill: (signal) => child.kill(signal),
    disconnect: () => child.disconnect(),
    options,
    create: async (more) => await Sandbox.create({ ...options, ...more }),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** As on a machine that hands out no cgroups: what root's yard found is taken away again. */
function withoutCgroups(argv: readonly string[]): readonly string[] {
  const command = argv.lastIndexOf("/srv/bun");
  return command < 0 ? argv : argv.toSpliced(command, 0, "/usr/bin/env", "--unset=SANDPIPER_CGROUP");
}

/** What E2B's client sends with every request to a port of a sandbox. */
export async function headersFor(server: TestServer, sandboxId: string, port: number): Promise<Record<string, string>> {
  const answer = await fetch(`${server.url}/sandboxes/${sandboxId}`, { headers: { "x-api-key": KEY } });
  const info: unknown = await answer.json();
  const token =
    typeof info === "object" && info !== null && "envdAccessToken" in info ? String(info.envdAccessToken) : "";
  return { "e2b-sandbox-id": sandboxId, "e2b-sandbox-port": String(port), "x-access-token": token };
}

/** The message with which the promise is rejected; it must be. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("It was expected to fail, but did not.");
}

/** Processes of a room whose command line holds the text; zombies do not count. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const name of new Bun.Glob("[0-9]*").scan({ cwd: "/proc", onlyFiles: false })) {
    const command = await Bun.file(`/proc/${name}/cmdline`)
      .text()
      .catch(() => "");
    if (command.replaceAll("\0", " ").includes(text)) found.push(Number(name));
  }
  return found;
}

/** Polls until the condition holds; throws after `limitMs`. */
export async function until(condition: () => Promise<boolean>, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It did not happen within ${limitMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
