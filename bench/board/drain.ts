// How fast one worker process empties the board of jobs that do nothing, with everything that a job needs written.
import { listenForNudges } from "../../src/shared/nudge.ts";
import { median } from "../report.ts";
import { openBunqueue, startBunqueue } from "./engines/bunqueue.ts";
import type { Queue } from "./engines/engine.ts";
import { openOurs } from "./engines/ours.ts";
import { openPlainjob } from "./engines/plainjob.ts";
import type { Program } from "./program.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import type { Workshop } from "./workshop.ts";

const CONCURRENCY = 16;
/** Handed in at once while the line is filled. */
const BULK = 500;

export async function drain(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const ours: number[] = [];
  const plainjob: number[] = [];
  const bunqueue: number[] = [];
  for (let round = 0; round < sizes.rounds; round += 1) {
    ours.push(await drainOurs(workshop, sizes.drainJobs));
    plainjob.push(await drainPlainjob(workshop, sizes.drainJobs));
    ours.push(await drainOurs(workshop, sizes.drainJobs));
    bunqueue.push(await drainBunqueue(workshop, sizes.drainJobs));
  }
  const peers = { ours_per_s: median(ours), plainjob_per_s: median(plainjob), bunqueue_per_s: median(bunqueue) };
  return {
    drain_vs_plainjob: { value: peers.ours_per_s / peers.plainjob_per_s, peers },
    drain_vs_bunqueue: { value: peers.ours_per_s / peers.bunqueue_per_s, peers },
  };
}

async function drainOurs(workshop: Workshop, count: number): Promise<number> {
  const home = workshop.home();
  await fill(openOurs(home), count);
  const nudge = listenForNudges(`${home}/data`, ignore, ignore);
  await using worker = workshop.bun("worker", [home, "settle", CONCURRENCY, count], ["--smol"]);
  const perSecond = await race(worker, count);
  nudge.close();
  return perSecond;
}

async function drainPlainjob(workshop: Workshop, count: number): Promise<number> {
  const home = workshop.home();
  await fill(openPlainjob(home), count);
  await using worker = workshop.bun("plainjob_worker", [home, count]);
  return await race(worker, count);
}

async function drainBunqueue(workshop: Workshop, count: number): Promise<number> {
  const { server, port } = await startBunqueue(workshop, workshop.home());
  await using worker = workshop.bun("bunqueue_worker", [port, count]);
  await fill(openBunqueue(port), count);
  const perSecond = await race(worker, count);
  await worker.kill();
  await server.kill();
  return perSecond;
}

/** From the word to begin to the last completion that is on the disk. */
async function race(worker: Program, count: number): Promise<number> {
  await worker.next("ready");
  worker.tell("go");
  const { figures } = await worker.next("done");
  return count / ((figures["ms"]?.[0] ?? Number.NaN) / 1_000);
}

async function fill(queue: Queue, count: number): Promise<void> {
  for (let left = count; left > 0; left -= BULK) await queue.addMany(Math.min(BULK, left));
  await queue.close();
}

const ignore = () => undefined;
