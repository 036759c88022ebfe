// A real core in a folder of the test's own, and a client that can say anything to it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { temporaryFolder } from "../shared/temporary.ts";

const ROOT = join(import.meta.dir, "../..");
const Ready = z.object({ type: z.literal("ready"), port: z.number(), link: z.string() });

type Init = Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> };

export type Core = AsyncDisposable & {
  readonly home: string;
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly token: string;
  /** The pairing link that it made at its start. */
  readonly link: string;
  /** A connection of the test's own to core's board. */
  readonly board: Board;
  /** With the token, unless `headers` says otherwise. */
  readonly call: (path: string, init?: Init) => Promise<Response>;
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>;
  readonly kill: (signal: "SIGTERM" | "SIGKILL") => Promise<void>;
};

/** Starts `src/core/server.ts` and waits until it is ready. */
export async function startCore(settings: Record<string, string> = {}, home?: string): Promise<Core> {
  const folder = home === undefined ? temporaryFolder() : null;
  const place = folder?.path ?? home ?? "";
  const { promise, resolve, reject } = Promise.withResolvers<z.infer<typeof Ready>>();
  const child = Bun.spawn([process.execPath, "--no-env-file", join(ROOT, "src/core/server.ts")], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", SANDPIPER_HOME: place, SANDPIPER_PORT: "0", ...settings },
    stdout: "ignore",
    stderr: "inherit",
    serialization: "json",
    ipc: (message: unknown) => {
      const ready = Ready.safeParse(message);
      if (ready.success) resolve(ready.data);
      else reject(new Error(JSON.stringify(message)));
    },
    onExit: () => reject(new Error("core has ended.")),
  });
  const { port, link } = await promise;
  const token = readFileSync(join(place, "data/token"), "utf8").trim();
  const board = openBoard(join(place, "data/jobs.db"));
  const url = `http://127.0.0.1:${port}`;
  const call: Core["call"] = (path, init = {}) =>
    fetch(url + path, { redirect: "manual", ...init, headers: { Authorization: `Bearer ${token}`, ...init.headers } });
  const kill = async (signal: "SIGTERM" | "SIGKILL") => {
    child.kill(signal);
    await child.exited;
  };
  return {
    home: place,
    pid: child.pid,
    port,
    url,
    token,
    link,
    board,
    call,
    post: (path, body, headers = {}) =>
      call(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", ...headers },
      }),
    kill,
    [Symbol.asyncDispose]: async () => {
      board.close();
      await kill("SIGTERM");
      folder?.[Symbol.dispose]();
    },
  };
}

/** What was answered, byte for byte, to a request that `fetch` would never send. */
export async function sendRaw(port: number, request: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_socket, bytes) => void (answer += bytes.toString("latin1")),
      close: () => resolve(answer),
      error: () => resolve(answer),
    },
  });
  socket.write(request);
  return promise;
}

const Refusal = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string().min(10) }) });

/** Status and code of a refusal in the form that every refusal has. */
export async function refusalOf(response: Response): Promise<{ status: number; code: string; message: string }> {
  const { error } = Refusal.parse(await response.json());
  return { status: response.status, ...error };
}
