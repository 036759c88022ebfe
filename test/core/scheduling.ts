// The part of core that has to do with schedules, at a clock of the test's own.
import { join } from "node:path";
import { createAuth, readToken } from "../../src/core/auth.ts";
import { answer, type Guard } from "../../src/core/http.ts";
import { createInbox } from "../../src/core/inbox.ts";
import { scheduleRoutes } from "../../src/core/schedule_routes.ts";
import { createTicker, type Ticker } from "../../src/core/ticker.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { createLog } from "../../src/shared/log.ts";
import { NOON } from "../shared/scheduled.ts";
import { temporaryFolder } from "../shared/temporary.ts";

type Init = Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> };

export type Scheduling = AsyncDisposable & {
  readonly home: string;
  readonly port: number;
  readonly board: Board;
  readonly ticker: Ticker;
  /** Noon at first; settable. */
  now: number;
  /** With the token, unless `headers` says otherwise. */
  readonly call: (path: string, init?: Init) => Promise<Response>;
  readonly post: (path: string, body: unknown) => Promise<Response>;
};

export function startScheduling(): Scheduling {
  const folder = temporaryFolder();
  const clock = { now: NOON };
  const now = () => clock.now;
  const config = loadConfig({ SANDPIPER_HOME: folder.path, SANDPIPER_MAX_UPLOAD_MB: "1" });
  const log = createLog("core", "error");
  const board = openBoard(join(config.dataDir, "jobs.db"));
  const token = readToken(config.dataDir);
  const ticker = createTicker(board, now, () => undefined, log);
  const inbox = createInbox(config, board, now, () => undefined);
  const guard: Guard = {
    auth: createAuth(board, token, now),
    log,
    port: () => server.port ?? 0,
    maxBodyBytes: 2 * config.maxUploadBytes,
  };
  const routes = scheduleRoutes({ board, inbox, now, schedulesChanged: () => void ticker.check() });
  const table: Record<string, Record<string, (request: Bun.BunRequest) => Promise<Response>>> = {};
  for (const route of routes)
    table[route.path] = { ...table[route.path], [route.method]: (request) => answer(guard, route, request) };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: { ...table, "/health": Response.json({ app: "sandpiper" }) },
  });
  const call: Scheduling["call"] = (path, init = {}) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${token}`, ...init.headers },
    });
  return {
    home: folder.path,
    port: server.port ?? 0,
    board,
    ticker,
    get now() {
      return clock.now;
    },
    set now(value) {
      clock.now = value;
    },
    call,
    post: (path, body) =>
      call(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      await ticker.close();
      board.close();
      folder[Symbol.dispose]();
    },
  };
}
