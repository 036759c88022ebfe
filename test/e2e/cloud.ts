// E2B's cloud as a test plays it: the sandbox server of this project as a process of its own, with a key.
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { ROOT } from "../../src/shared/config.ts";
import { allGone, descendantsOf } from "./processes.ts";
import { environment, PATIENCE_MS, type Settings } from "./sandpiper.ts";

const Sandboxes = z.array(
  z.object({
    sandboxID: z.string(),
    metadata: z.record(z.string(), z.string()),
    startedAt: z.string(),
    endAt: z.string(),
  }),
);

export type Cloud = AsyncDisposable & {
  readonly key: string;
  /** What a Sandpiper needs to use it. */
  readonly settings: Settings;
  /** Those that live, as E2B lists them. */
  readonly sandboxes: () => Promise<z.infer<typeof Sandboxes>>;
};

const Ready = z.object({ type: z.literal("ready"), port: z.number() });

export async function openCloud(): Promise<Cloud> {
  const key = `e2b_${randomBytes(20).toString("hex")}`;
  const ready = Promise.withResolvers<number>();
  const child = Bun.spawn([process.execPath, "--no-env-file", "src/sandboxd/server.ts"], {
    cwd: ROOT,
    env: environment("/nonexistent", { SANDPIPER_SANDBOXD_KEY: key, SANDPIPER_SANDBOXD_PORT: "0" }),
    stdio: ["ignore", "ignore", "inherit"],
    serialization: "json",
    ipc: (message: unknown) => {
      const parsed = Ready.safeParse(message);
      if (parsed.success) ready.resolve(parsed.data.port);
    },
  });
  void child.exited.then((code) => ready.reject(new Error(`The cloud ended with ${code}.`)));
  const url = `http://127.0.0.1:${await ready.promise}`;
  return {
    key,
    settings: { E2B_API_KEY: key, E2B_API_URL: url, E2B_SANDBOX_URL: url },
    sandboxes: async () => {
      const response = await fetch(`${url}/v2/sandboxes`, { headers: { "X-API-Key": key } });
      return Sandboxes.parse(await response.json());
    },
    [Symbol.asyncDispose]: async () => {
      const rooms = descendantsOf(child.pid);
      child.kill("SIGTERM");
      await child.exited;
      await allGone(rooms, PATIENCE_MS);
    },
  };
}
