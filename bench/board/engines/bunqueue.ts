// bunqueue's TCP server and client, durable jobs (its default loses acknowledged ones), synchronous=FULL.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Queue as Client } from "bunqueue/client";
import type { Program } from "../program.ts";
import { BUN, freePort, type Workshop } from "../workshop.ts";
import { INPUT, JOB_TYPE, type Queue } from "./engine.ts";

const ROOT = join(import.meta.dir, "../../..");
export const QUEUE_NAME = "jobs";
const START_WITHIN_MS = 10_000;

/** Starts its server, as its documentation does, on a free port; resolves when it accepts connections. */
export async function startBunqueue(
  workshop: Workshop,
  home: string,
): Promise<{ readonly server: Program; readonly port: number }> {
  const port = freePort();
  const preload = join(import.meta.dir, "../programs/bunqueue_full.ts");
  const main = join(ROOT, "node_modules/bunqueue/dist/main.js");
  const httpPort = freePort();
  const file = join(home, "bunqueue.db");
  const env = {
    ...process.env,
    HOST: "127.0.0.1",
    TCP_PORT: String(port),
    HTTP_PORT: String(httpPort),
    BUNQUEUE_DATA_PATH: file,
    // It refuses the 10,001st request of a client within a minute.
    RATE_LIMIT_MAX_REQUESTS: "1000000000",
    LOG_LEVEL: "error",
  };
  const server = workshop.start([...BUN, "--preload", preload, main], { env, speaks: "none" });
  // Its HTTP server opens last.
  for (const giveUpAt = performance.now() + START_WITHIN_MS; !(await isHealthy(httpPort)); await Bun.sleep(20))
    if (performance.now() > giveUpAt) throw new Error("bunqueue did not start.");
  if (!existsSync(file)) throw new Error("bunqueue keeps its jobs in memory only.");
  return { server, port };
}

async function isHealthy(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null);
  return response?.ok === true;
}

const newJob = () => ({ name: JOB_TYPE, data: INPUT, opts: { durable: true } });

export function openBunqueue(port: number): Queue {
  const client = new Client(QUEUE_NAME, { connection: { host: "127.0.0.1", port } });
  return {
    add: () => client.add(JOB_TYPE, INPUT, { durable: true }),
    addMany: (count) => client.addBulk(Array.from({ length: count }, newJob)),
    close: () => client.close(),
  };
}
