// The worker process: config → board → sandboxes → the loop. It does the jobs and never talks to people.
import { join } from "node:path";
import { identityOf } from "../shared/alive.ts";
import { systemClock } from "../shared/clock.ts";
import { loadConfig, type Config } from "../shared/config.ts";
import { openBoard } from "../shared/db.ts";
import { openReserve } from "../shared/disk.ts";
import { createLog } from "../shared/log.ts";
import { connectNudge } from "../shared/nudge.ts";
import { createReaper } from "../shared/reaper.ts";
import { aborted, stopSignal } from "../shared/stop.ts";
import { chosenModels } from "../shared/models.ts";
import { registerWorker } from "../shared/workers.ts";
import { openModel } from "./agent/models.ts";
import type { SandboxProvider } from "./e2b_client.ts";
import { handlers as ours, type Handlers } from "./handlers/index.ts";
import { createFloor } from "./floor.ts";
import { work } from "./loop.ts";
import { watchForStrangers } from "./pace.ts";
import { runJob, type Workplace } from "./run.ts";
import { createSandboxes } from "./sandboxes.ts";
import { createWake } from "./wake.ts";

function providerOf(config: Config): SandboxProvider {
  if (config.sandbox === "e2b") {
    const { apiKey, apiUrl, sandboxUrl, domain } = config.e2b;
    return { kind: "e2b", apiKey, apiUrl: apiUrl || null, sandboxUrl: sandboxUrl || null, domain: domain || null };
  }
  const url = `http://127.0.0.1:${config.sandboxd.port}`;
  return { kind: "local", apiKey: config.sandboxd.key, apiUrl: url, sandboxUrl: url, domain: null };
}

/** Works until it is told to stop. */
export async function main(handlers: Handlers): Promise<void> {
  const config = loadConfig();
  const log = createLog("worker", config.logLevel);
  const stop = stopSignal();
  const clock = systemClock;
  const options = { synchronous: config.synchronous, onFull: openReserve(config).release };
  const board = openBoard(join(config.dataDir, "jobs.db"), options);
  const wake = createWake();
  const workerId = `${process.pid}-${Bun.randomUUIDv7()}`;
  await registerWorker(board, { id: workerId, pid: process.pid, pidStarted: identityOf(process.pid) }, clock.now());
  const nudge = connectNudge(config.dataDir, workerId, wake.wake, stop);
  const sandboxes = createSandboxes(providerOf(config), workerId, config, board, log, clock);
  const models = () => chosenModels(config).map(openModel);
  const place: Workplace = { config, models, board, sandboxes, handlers, clock, log, nudge: nudge.send, stop };
  const reaper = createReaper(board, clock, log, wake.wake, config.leaseMs);
  void aborted(stop).then(wake.wake);
  const watching = [reaper.watch(stop), sandboxes.reap(stop)];
  const stopWatching = watchForStrangers(board, clock, wake.wake);
  log.info("worker-ready", { sandbox: config.sandbox });
  process.send?.({ type: "ready" });
  await work(
    {
      board,
      clock,
      log,
      workerId,
      concurrency: config.concurrency,
      leaseMs: config.leaseMs,
      run: (claim, controller, onEnding) => runJob(place, claim, controller, onEnding),
      nudge: nudge.send,
      wake,
      canClaim: createFloor(config, clock, log),
    },
    stop,
  );
  stopWatching();
  await Promise.all(watching);
  nudge.close();
  board.close();
}

if (import.meta.main) {
  await main(ours);
  process.exit(0);
}
