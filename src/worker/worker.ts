// The worker process: claim → run → settle, side by side up to a limit, until told to stop.
import { join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import { loadConfig, type Config } from "../shared/config.ts";
import { openBoard } from "../shared/db.ts";
import { AppError, toAppError } from "../shared/errors.ts";
import { cancelAsked, claimJobs, handBackJob, heartbeat, reclaimJobs, type Claim } from "../shared/jobs.ts";
import { createLog } from "../shared/log.ts";
import { connectNudge } from "../shared/nudge.ts";
import { aborted, stopSignal } from "../shared/stop.ts";
import type { SandboxProvider } from "./e2b_client.ts";
import { runJob, type Workplace } from "./run.ts";
import { createSandboxes, isWorkerAlive } from "./sandboxes.ts";
import { createWake } from "./wake.ts";

/** The net under the nudge: a row that nobody announced waits this long at most. */
const POLL_MS = 500;
const HEARTBEAT_MS = 5_000;
/** Running jobs may finish for this long after a stop; then they go back to the board. */
const STOP_GRACE_MS = 3_000;

type Running = { readonly claim: Claim; readonly controller: AbortController; readonly done: Promise<void> };

/** Runs until `stop` aborts; then nothing is running any more. */
async function work(
  place: Workplace,
  workerId: string,
  stop: AbortSignal,
  wake: ReturnType<typeof createWake>,
): Promise<void> {
  const running = new Map<string, Running>();
  const start = (claim: Claim) => {
    const controller = new AbortController();
    const done = runJob(place, claim, controller)
      .catch((error: unknown) => place.log.error("job-unsettled", { job: claim.jobId, error }))
      .finally(() => {
        running.delete(claim.jobId);
        wake.wake();
      });
    running.set(claim.jobId, { claim, controller, done });
    place.log.info("job-claimed", { job: claim.jobId, attempt: claim.attempt, type: claim.type });
  };
  const beat = setInterval(() => void keepAlive(place, running), HEARTBEAT_MS);
  while (!stop.aborted) {
    const free = place.config.concurrency - running.size;
    const claims = free > 0 ? await claimJobs(place.board, workerId, free, place.clock.now()) : [];
    claims.forEach(start);
    if (claims.length > 0) place.nudge();
    stopCancelled(place, running);
    await wake.wait(POLL_MS, stop);
  }
  clearInterval(beat);
  await finish(place, running);
}

function stopCancelled(place: Workplace, running: ReadonlyMap<string, Running>): void {
  const claims = [...running.values()].map((one) => one.claim);
  if (claims.length === 0) return;
  for (const jobId of cancelAsked(place.board, claims)) running.get(jobId)?.controller.abort(cancelled());
}

async function keepAlive(place: Workplace, running: ReadonlyMap<string, Running>): Promise<void> {
  try {
    const claims = [...running.values()].map((one) => one.claim);
    if (claims.length > 0) {
      const { stop } = await heartbeat(place.board, claims, place.clock.now());
      for (const jobId of stop) running.get(jobId)?.controller.abort(cancelled());
    }
    await reclaim(place);
  } catch (error) {
    place.log.error("heartbeat-failed", { error });
  }
}

async function reclaim(place: Workplace): Promise<void> {
  const jobs = await reclaimJobs(place.board, isWorkerAlive, place.clock.now());
  if (jobs.length > 0) place.log.warn("jobs-reclaimed", { jobs });
}

async function finish(place: Workplace, running: ReadonlyMap<string, Running>): Promise<void> {
  const all = [...running.values()];
  await Promise.race([Promise.all(all.map((one) => one.done)), Bun.sleep(STOP_GRACE_MS)]);
  const left = [...running.values()];
  for (const { claim, controller } of left) {
    await handBackJob(place.board, claim);
    controller.abort(new AppError("unavailable", "Sandpiper was stopped; the job goes on at the next start."));
  }
  await Promise.all(left.map((one) => one.done));
}

const cancelled = () => new AppError("cancelled", "You stopped this.");

function providerOf(config: Config): SandboxProvider {
  if (config.sandbox === "e2b") {
    const { apiKey, apiUrl, sandboxUrl, domain } = config.e2b;
    return { kind: "e2b", apiKey, apiUrl: apiUrl || null, sandboxUrl: sandboxUrl || null, domain: domain || null };
  }
  const url = `http://127.0.0.1:${config.sandboxd.port}`;
  return { kind: "local", apiKey: config.sandboxd.key, apiUrl: url, sandboxUrl: url, domain: null };
}

async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLog("worker", config.logLevel);
  const stop = stopSignal();
  const board = openBoard(join(config.dataDir, "jobs.db"));
  const wake = createWake();
  const nudge = connectNudge(config.dataDir, wake.wake, stop);
  const clock = systemClock;
  const workerId = `${process.pid}-${Bun.randomUUIDv7()}`;
  const sandboxes = createSandboxes(providerOf(config), workerId, config, board, log, clock);
  const place: Workplace = { config, board, sandboxes, clock, log, nudge: nudge.send, stop };
  void aborted(stop).then(wake.wake);
  await reclaim(place);
  sandboxes.killOrphans(stop).then(
    (count) => void (count > 0 && log.warn("orphans-killed", { count })),
    (error: unknown) => log.warn("orphans-unknown", { error: toAppError(error) }),
  );
  log.info("worker-ready", { sandbox: config.sandbox });
  process.send?.({ type: "ready" });
  await work(place, workerId, stop, wake);
  nudge.close();
  board.close();
}

await main();
process.exit(0);
