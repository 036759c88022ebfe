// A sandbox server whose rooms may have a network, and the world outside of it: one server on loopback that stands for every
// public address. networked.ts PORT
import { connect } from "node:net";
import type { World } from "../../../src/sandboxd/egress/dial.ts";
import { startSandboxd } from "../../../src/sandboxd/server.ts";
import { loadConfig } from "../../../src/shared/config.ts";
import { createLog } from "../../../src/shared/log.ts";

const PUBLIC = "93.184.216.34";
const HELD_MS = 1_500;
const MEGABYTE = new Uint8Array(1e6).fill(7);
const port = Number(process.argv[2]);

async function answer(request: Request): Promise<Response> {
  const [, kind, megabytes] = new URL(request.url).pathname.split("/");
  if (kind === "held") await Bun.sleep(HELD_MS);
  if (kind !== "large") return new Response("hello");
  let left = Number(megabytes);
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    left -= 1;
    if (left < 0) controller.close();
    else controller.enqueue(MEGABYTE);
  };
  return new Response(new ReadableStream({ pull }));
}

const world: World = {
  resolve: async () => [PUBLIC],
  dial: async () => {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return socket;
  },
  secure: async () => {
    throw new Error("Nothing is asked over TLS here.");
  },
  isRefused: () => null,
};

const web = Bun.serve({ hostname: "127.0.0.1", port, idleTimeout: 0, fetch: answer });
const disconnected = Promise.withResolvers<void>();
process.once("disconnect", disconnected.resolve).once("SIGTERM", disconnected.resolve);
await using sandboxd = await startSandboxd(loadConfig(), createLog("sandboxd", "error"), { keepsSpares: false, world });
process.send?.({ type: "ready", port: sandboxd.port });
await disconnected.promise;
await Promise.all([web.stop(true), sandboxd[Symbol.asyncDispose]()]);
process.exit(0);
