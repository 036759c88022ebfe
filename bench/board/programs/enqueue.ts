// One process that only enqueues: warms up with a fifth, then measures. Arguments: engine, home or port, count, in flight.
import { openBunqueue } from "../engines/bunqueue.ts";
import { addAll, type Queue } from "../engines/engine.ts";
import { openOurs } from "../engines/ours.ts";
import { openPlainjob } from "../engines/plainjob.ts";
import { openRaw } from "../engines/raw.ts";

const OPEN: { readonly [engine: string]: (where: string) => Queue } = {
  ours: openOurs,
  raw: openRaw,
  plainjob: openPlainjob,
  bunqueue: (port) => openBunqueue(Number(port)),
};

/** What is handed in at once where an engine is asked to add in bulk. */
const BULK = 64;

const [engine = "", where = "", count = "", inFlight = ""] = process.argv.slice(2);
const queue = OPEN[engine.replace(/-bulk$/, "")]?.(where);
if (queue === undefined) throw new Error(`There is no engine ${engine}.`);
const isBulk = engine.endsWith("-bulk");
const add = isBulk ? () => queue.addMany(BULK) : queue.add;
const calls = isBulk ? Math.ceil(Number(count) / BULK) : Number(count);

await addAll(add, Math.ceil(calls / 5), Number(inFlight));
const startedAt = performance.now();
const waits = await addAll(add, calls, Number(inFlight));
const seconds = (performance.now() - startedAt) / 1_000;
const jobs = isBulk ? calls * BULK : calls;
await queue.close();
// Long messages take a while: who waits for it ends this program.
process.send?.({ type: "done", figures: { perSecond: [jobs / seconds], waits } });
