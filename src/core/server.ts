// The core process: config → board → inbox, auth, live → Bun.serve. It talks to people and never runs code.
import { join } from "node:path";
import type { Server } from "bun";
import packageJson from "../../package.json" with { type: "json" };
import { systemClock } from "../shared/clock.ts";
import { loadConfig, type Config } from "../shared/config.ts";
import { coreLock, holdLock, openBoard, type Board } from "../shared/db.ts";
import { openReserve, type Reserve } from "../shared/disk.ts";
import { AppError, systemCode } from "../shared/errors.ts";
import { createLog } from "../shared/log.ts";
import { listenForNudges } from "../shared/nudge.ts";
import { createReaper } from "../shared/reaper.ts";
import { aborted, stopSignal } from "../shared/stop.ts";
import { createAuth, readToken } from "./auth.ts";
import { takeCare } from "./caretaker.ts";
import { admit, answer, failure, type Guard, type Route } from "./http.ts";
import { CHANNELS } from "./channels/index.ts";
import { createInbox } from "./inbox.ts";
import { createLive, type Follower, type Live } from "./live.ts";
import { createMessenger } from "./messenger.ts";
import { createPages, type Pages } from "./pages.ts";
import { createRoutes, type Desk } from "./routes.ts";
import { createTicker } from "./ticker.ts";

const { version } = packageJson;
/** Room for a form's own lines around the files. */
const FORM_BYTES = 2 ** 20;

async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLog("core", config.logLevel);
  const stop = stopSignal();
  const { board, reserve, close } = openEstate(config);
  const auth = createAuth(board, readToken(config.dataDir), systemClock.now);
  let server: Server<Follower> | null = null;
  const port = () => server?.port ?? config.port;

  const live = createLive(board, auth, log, port, version);
  const hear = () => {
    live.pump();
    messenger.pump();
  };
  const tellAll = () => {
    nudge.send();
    hear();
  };
  const reaper = createReaper(board, systemClock, log, tellAll, config.leaseMs);
  const nudge = listenForNudges(config.dataDir, hear, (workerId) => {
    reaper.suspect(workerId).catch((error: unknown) => log.error("reaper-failed", { error }));
  });
  const inbox = createInbox(config, board, systemClock.now, tellAll);
  const messenger = createMessenger({ config, board, inbox, log, ...systemClock, port, tellAll }, CHANNELS);
  const ticker = createTicker(board, systemClock.now, tellAll, log);
  const guard: Guard = { auth, log, port, maxBodyBytes: config.maxUploadBytes + FORM_BYTES };
  const desk = {
    config,
    board,
    auth,
    inbox,
    version,
    port,
    now: systemClock.now,
    isWorkerThere: nudge.isConnected,
    nudge: tellAll,
    channels: messenger,
    schedulesChanged: () => void ticker.check(),
  };

  server = listen(guard, desk, live);
  const link = `http://localhost:${port()}/#pair=${await auth.newPairing()}`;
  log.info("core-ready", { port: port() });
  process.send?.({ type: "ready", port: port(), link });

  const chores = [
    reaper.watch(stop),
    reserve.keep(),
    takeCare({ board, config, reserve, clock: systemClock, log, onPruned: hear }, stop),
  ];
  await aborted(stop);
  live.close();
  await messenger.close();
  await server.stop(true);
  nudge.close();
  await Promise.all([...chores, ticker.close()]);
  close();
}

function listen(guard: Guard, desk: Desk, live: Live): Server<Follower> {
  const { port, root } = desk.config;
  return Bun.serve<Follower>({
    hostname: "127.0.0.1",
    port,
    // Bun's page for developers would show our source to whoever provokes an error.
    development: false,
    idleTimeout: 120,
    // core/http.ts has the limit, and answers with a sentence where Bun would answer with nothing.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    routes: serveRoutes(guard, createRoutes(desk)),
    fetch: (request, self) => serveRest(guard, createPages(root), request, self),
    websocket: live.handler,
  });
}

/** The board and what belongs to it, for this core alone: a second one would answer the same people twice. */
function openEstate(config: Config): { board: Board; reserve: Reserve; close: () => void } {
  const lock = holdLock(coreLock(config));
  if (lock === null) throw new AppError("conflict", "Sandpiper is running already in this folder.");
  const reserve = openReserve(config);
  const options = { synchronous: config.synchronous, onFull: reserve.release };
  const board = openBoard(join(config.dataDir, "jobs.db"), options);
  const close = () => {
    board.close();
    lock.release();
  };
  return { board, reserve, close };
}

type Handlers = { [method in Route["method"]]?: (request: Bun.BunRequest) => Promise<Response> };

function serveRoutes(guard: Guard, routes: readonly Route[]): Record<string, Handlers> {
  const table: Record<string, Handlers> = {};
  for (const route of routes) {
    table[route.path] = {
      ...table[route.path],
      [route.method]: (request: Bun.BunRequest) => answer(guard, route, request),
    };
  }
  return table;
}

async function serveRest(
  guard: Guard,
  pages: Pages,
  request: Request,
  server: Server<Follower>,
): Promise<Response | undefined> {
  try {
    // First of all: the address of a request with a broken Host cannot even be read.
    admit(guard, { auth: "none", method: "GET" }, request);
    const { pathname } = new URL(request.url);
    if (pathname === "/api/live" && request.method === "GET") {
      // A page of another origin always names itself here; a program names none.
      const data: Follower = { cookies: request.headers.get("cookie"), sent: null, deadline: null };
      if (server.upgrade(request, { data })) return undefined;
      throw new AppError("bad_request", "This address is for WebSockets.");
    }
    if (pathname.startsWith("/api/"))
      throw new AppError("not_found", `There is no ${request.method} ${pathname}. See /api/openapi.json.`);
    const page = request.method === "GET" ? await pages.serve(pathname, request) : null;
    if (page === null) throw new AppError("not_found", `There is no page ${pathname}.`);
    return page;
  } catch (error) {
    return failure(guard.log, error, request);
  }
}

try {
  await main();
} catch (error) {
  const isTaken = systemCode(error) === "EADDRINUSE";
  const message = error instanceof AppError ? error.message : String(error);
  const isRunning = error instanceof AppError && error.code === "conflict";
  process.send?.({ type: "failed", reason: isTaken ? "port-in-use" : isRunning ? "running" : "error", message });
  createLog("core").error("core-failed", { error });
  process.exit(1);
}
process.exit(0);
