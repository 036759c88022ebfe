// Our worker process as src/worker/worker.ts composes it, with a handler of the benchmark's in place of sandboxes.
// Arguments: home, behaviour, concurrency, count. It begins when it is told "go".
import { identityOf } from "../../../src/shared/alive.ts";
import { recordEvents, settleJob, type Claim } from "../../../src/shared/claims.ts";
import { systemClock } from "../../../src/shared/clock.ts";
import { openBoard } from "../../../src/shared/db.ts";
import { createLog } from "../../../src/shared/log.ts";
import { connectNudge } from "../../../src/shared/nudge.ts";
import { createReaper } from "../../../src/shared/reaper.ts";
import { aborted, stopSignal } from "../../../src/shared/stop.ts";
import type { JobEventBody } from "../../../src/shared/types.ts";
import { registerWorker } from "../../../src/shared/workers.ts";
import { work, type Shift } from "../../../src/worker/loop.ts";
import { watchForStrangers } from "../../../src/worker/pace.ts";
import { createWake } from "../../../src/worker/wake.ts";
import { newTally, timedBoard } from "../timed_board.ts";
import { boardFile, stamp } from "../workshop.ts";

const [home = "", behaviour = "", concurrency = "", count = ""] = process.argv.slice(2);
/** Events of one commit, and jobs that write them, where events come as fast as they can: 16 jobs × 20 commits/s × 32. */
const BATCH = 32;
const WRITERS = 16;
/** Between two events of a steady stream: 50 to 100 a second. */
const steadyPause = (): Promise<void> => Bun.sleep(10 + Math.random() * 10);

const stop = stopSignal();
const clock = systemClock;
const tally = newTally();
const opened = openBoard(boardFile(home));
const board = behaviour === "timed" ? timedBoard(opened, tally) : opened;
// As quiet as the peers.
const log = createLog("worker", "warn");
const wake = createWake();
const workerId = `${process.pid}-${Bun.randomUUIDv7()}`;
await registerWorker(opened, { id: workerId, pid: process.pid, pidStarted: identityOf(process.pid) }, clock.now());
const nudge = connectNudge(`${home}/data`, workerId, wake.wake, stop);
const reaper = createReaper(opened, clock, log, wake.wake);
void aborted(stop).then(wake.wake);

let startedAt = 0;
let settled = 0;

async function settle(claim: Claim, onEnding: () => void): Promise<void> {
  const output = { stdout: "", text: "", artifacts: [] };
  onEnding();
  const isOurs = await settleJob(board, claim, { output, error: null }, clock.now());
  if (!isOurs) throw new Error("The claim was lost.");
  nudge.send();
  settled += 1;
  if (settled === Number(count)) process.send?.({ type: "done", figures: { ms: [performance.now() - startedAt] } });
}

/** Pieces of output as a job's report hands them in; neighbours differ in their stream, or they would be one. */
async function tell(claim: Claim, events: number): Promise<void> {
  const bodies = Array.from({ length: events }, (_, index): JobEventBody => ({
    kind: "output-delta",
    stream: index % 2 === 0 ? "stdout" : "stderr",
    text: String(stamp()),
  }));
  await recordEvents(board, claim, bodies, clock.now());
  nudge.send();
}

const forEver = (controller: AbortController): Promise<void> => aborted(controller.signal);

const settleNow: Shift["run"] = (claim, _controller, onEnding) => settle(claim, onEnding);

const BEHAVIOURS: { readonly [name: string]: Shift["run"] } = {
  settle: settleNow,
  timed: settleNow,
  pickup: (claim, _controller, onEnding) => {
    process.send?.({ type: "started", at: stamp() });
    return settle(claim, onEnding);
  },
  hold: (_claim, controller) => {
    process.send?.({ type: "started", at: stamp() });
    return forEver(controller);
  },
  steady: async (claim, controller) => {
    while (!controller.signal.aborted) {
      await tell(claim, 1);
      await steadyPause();
    }
  },
  flood: async (claim, controller) => {
    for (let left = Number(count) / WRITERS; left > 0; left -= BATCH) await tell(claim, Math.min(BATCH, left));
    // A job that ends forgets its pieces.
    await forEver(controller);
  },
  busy: async (claim, controller, onEnding) => {
    writing += 1;
    if (writing > WRITERS) await settle(claim, onEnding);
    else while (!controller.signal.aborted) await tell(claim, 4);
  },
};
let writing = 0;

const run = BEHAVIOURS[behaviour];
if (run === undefined) throw new Error(`There is no behaviour ${behaviour}.`);
const go = new Promise<void>((resolve) => {
  process.on("message", (message) => {
    if (message === "go") resolve();
    else process.send?.({ type: "done", figures: { waits: tally.waits, errors: [tally.busyErrors] } });
  });
});
process.send?.({ type: "ready" });
await go;
const watching = reaper.watch(stop);
const stopWatching = watchForStrangers(board, clock, wake.wake);
startedAt = performance.now();
await work(
  {
    board,
    clock,
    log,
    workerId,
    concurrency: Number(concurrency),
    run,
    nudge: nudge.send,
    wake,
    canClaim: () => true,
  },
  stop,
);
stopWatching();
await watching;
process.exit(0);
