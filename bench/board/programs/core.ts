// Plays core: puts jobs on the board and reads what is new as its live feed does. Arguments: home, mode, how long (ms).
// `enqueue` puts them there one after the other; `lag` puts 20 a second there and watches its own event loop.
import { openBoard } from "../../../src/shared/db.ts";
import { eventsAfter } from "../../../src/shared/events.ts";
import { enqueueJob } from "../../../src/shared/jobs.ts";
import { listenForNudges } from "../../../src/shared/nudge.ts";
import { newJob } from "../engines/ours.ts";
import { newTally, timedBoard } from "../timed_board.ts";
import { boardFile } from "../workshop.ts";

const [home = "", mode = "", forMs = ""] = process.argv.slice(2);
const TICK_MS = 5;
const ENQUEUE_EVERY_MS = 50;
/** As src/core/live.ts reads them. */
const BATCH = 100;

const tally = newTally();
const board = timedBoard(openBoard(boardFile(home)), tally);
let sent = 0;
let events = 0;

const pump = (): void => {
  const found = board.read((tx) => eventsAfter(tx, sent, BATCH));
  for (const event of found) {
    events += JSON.stringify(event).length > 0 ? 1 : 0;
    sent = event.seq;
  }
  if (found.length === BATCH) setImmediate(pump);
};
const nudge = listenForNudges(`${home}/data`, pump, () => undefined);

const enqueue = async (): Promise<void> => {
  await enqueueJob(board, newJob(), Date.now());
  nudge.send();
};

/** How late each tick came. Ticks that could not come at all while the loop was held are counted as late as they were. */
function watchLoop(lags: number[]): () => void {
  let expected = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    for (let late = now - expected; late > 0; late -= TICK_MS) lags.push(late);
    if (now <= expected) lags.push(0);
    expected = now + TICK_MS;
  }, TICK_MS);
  return () => clearInterval(timer);
}

const endOf = (): number => performance.now() + Number(forMs);

const MODES: { readonly [mode: string]: () => Promise<Record<string, number[]>> } = {
  enqueue: async () => {
    // A failure is in the tally, and the next one is tried.
    for (const end = endOf(); performance.now() < end;) await enqueue().catch(() => undefined);
    return {};
  },
  lag: async () => {
    const lags: number[] = [];
    const stop = watchLoop(lags);
    const writing = setInterval(() => void enqueue(), ENQUEUE_EVERY_MS);
    await Bun.sleep(Number(forMs));
    clearInterval(writing);
    stop();
    return { lags, events: [events] };
  },
};

process.once("message", () => {
  void MODES[mode]?.().then((figures) =>
    process.send?.({ type: "done", figures: { ...figures, waits: tally.waits, errors: [tally.busyErrors] } }),
  );
});
process.send?.({ type: "ready" });
