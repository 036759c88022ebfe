// sandboxd: the sealed rooms of this machine behind E2B's protocol, on one loopback port.
import { randomBytes } from "node:crypto";
import { loadConfig, type Config } from "../shared/config.ts";
import { AppError, toAppError } from "../shared/errors.ts";
import { createLog, type Log } from "../shared/log.ts";
import { Cgroups } from "./cgroups.ts";
import { controlRoutes, type Control } from "./control.ts";
import { realWorld, type World } from "./egress/dial.ts";
import { envdRoutes } from "./envd/routes.ts";
import { isSignedBy } from "./envd/signature.ts";
import { interpreterRoutes } from "./interpreter/routes.ts";
import { Pool } from "./pool.ts";
import { RoomError } from "./room/channel.ts";
import type { Profile } from "./room/seccomp.ts";
import { Rooms } from "./rooms.ts";
import { Sandboxes } from "./sandboxes.ts";
import { findTools } from "./tools.ts";
import { Watchdog } from "./watchdog.ts";
import { failure, failureOf, failureOfRoom, json } from "./wire.ts";

const ENVD_PORT = 49983;
const INTERPRETER_PORT = 49999;

export type Sandboxd = AsyncDisposable & { readonly port: number; readonly isIdle: () => boolean };

const RENEW_WITHIN_MS = 600_000;
const LOOK_MS = 200;

/** `keepsSpares`: some rooms are always ready. `world`: another one than the real, for tests. */
export async function startSandboxd(
  config: Config,
  log: Log,
  options: { readonly keepsSpares: boolean; readonly world?: World } = { keepsSpares: true },
): Promise<Sandboxd> {
  const tools = findTools(config);
  const memoryBytes = config.sandboxMemoryBytes;
  const mayFork = config.sandboxd.rooms !== "plain";
  const watchdog = new Watchdog(memoryBytes, log);
  const cgroups = Cgroups.find(config.sandboxd.cgroup);
  const rooms = await Rooms.start({ tools, memoryBytes, mayFork, watchdog, cgroups, log });
  const pool = new Pool({ rooms, isKept: options.keepsSpares, log });
  const take = async (profile: Profile) => await (profile === "browser" ? rooms.makeForBrowser() : pool.take());
  const sandboxes = new Sandboxes(take, options.world ?? realWorld(), log);
  // Without a key nobody may create a sandbox; a random one means just that.
  const key = config.sandboxd.key || randomBytes(24).toString("hex");
  const control = { sandboxes, key, memoryBytes };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: config.sandboxd.port,
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: async (request) => await answer(control, request, log),
    error: () => failure(500, "Something went wrong inside the sandbox server. The log has the details."),
  });
  pool.fill();
  return {
    port: server.port ?? 0,
    isIdle: () => sandboxes.list().length === 0 && server.pendingRequests === 0,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([sandboxes.killAll(), pool.close()]);
      await rooms.close();
      watchdog.close();
      await server.stop(true);
    },
  };
}

async function answer(control: Control, request: Request, log: Log): Promise<Response> {
  const url = new URL(request.url);
  try {
    const id = request.headers.get("e2b-sandbox-id");
    if (id === null && isSigned(url)) return await signedRoute(control, request, url);
    if (id === null) return await controlRoutes(control, request, url);
    return await sandboxRoutes(control, id, request, url);
  } catch (error) {
    if (error instanceof RoomError) return failureOfRoom(error);
    const known = toAppError(error);
    if (known.code === "internal" || known.code === "unavailable")
      log.error("request-failed", { path: url.pathname, error });
    return failureOf(known);
  }
}

/** A signed URL names no sandbox: the one whose token made the signature is meant. */
async function signedRoute({ sandboxes }: Control, request: Request, url: URL): Promise<Response> {
  const sandbox = sandboxes.list().find((one) => isSignedBy(one, request.method, url));
  return sandbox === undefined ? failure(401, "invalid signature") : await envdRoutes(sandbox, request, url);
}

function isSigned(url: URL): boolean {
  return url.pathname === "/files" && url.searchParams.has("signature");
}

async function sandboxRoutes(control: Control, id: string, request: Request, url: URL): Promise<Response> {
  const sandbox = control.sandboxes.find(id);
  if (sandbox === undefined)
    return json({ sandboxId: id.slice(0, 64), message: "The sandbox was not found", code: 502 }, 502);
  const port = Number(request.headers.get("e2b-sandbox-port"));
  if (port === ENVD_PORT) return await envdRoutes(sandbox, request, url);
  if (port === INTERPRETER_PORT) return await interpreterRoutes(sandbox, request, url.pathname);
  return json({ sandboxId: id, message: "The sandbox is running but port is not open", port, code: 502 }, 502);
}

async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLog("sandboxd", config.logLevel);
  const stop = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.resolve(signal));
  if (process.send !== undefined) process.once("disconnect", () => stop.resolve("disconnect"));
  await using sandboxd = await startSandboxd(config, log);
  log.info("sandboxd-started", { port: sandboxd.port });
  process.send?.({ type: "ready", port: sandboxd.port });
  process.once("SIGHUP", () => void whenIdle(sandboxd, log).then(() => stop.resolve("SIGHUP")));
  log.info("sandboxd-stopping", { reason: await stop.promise });
}

/** Packages were added or removed: the next one sees them. Nobody's sandbox is ended for that, unless it stays for long. */
async function whenIdle(sandboxd: Sandboxd, log: Log): Promise<void> {
  log.info("sandboxd-renewing", {});
  for (const end = performance.now() + RENEW_WITHIN_MS; !sandboxd.isIdle() && performance.now() < end;)
    await Bun.sleep(LOOK_MS);
}

if (import.meta.main) {
  try {
    await main();
    process.exit(0);
  } catch (error) {
    createLog("sandboxd").error("sandboxd-failed", { error: error instanceof AppError ? error.message : error });
    process.exit(1);
  }
}
