// From the call that enqueues to the handler that starts in another process, on a board that was idle.
import { openBoard } from "../../src/shared/db.ts";
import { enqueueJob } from "../../src/shared/jobs.ts";
import { listenForNudges } from "../../src/shared/nudge.ts";
import { percentile } from "../report.ts";
import { openBunqueue, startBunqueue } from "./engines/bunqueue.ts";
import { newJob } from "./engines/ours.ts";
import { openPlainjob } from "./engines/plainjob.ts";
import type { Program } from "./program.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import { boardFile, idleMoment, stamp, type Workshop } from "./workshop.ts";

const CONCURRENCY = 16;

export async function pickup(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const ours: number[] = [];
  const plainjob: number[] = [];
  const bunqueue: number[] = [];
  for (let round = 0; round < sizes.rounds; round += 1) {
    ours.push(...(await pickupOurs(workshop, sizes.pickups)));
    plainjob.push(...(await pickupPlainjob(workshop, sizes.peerPickups)));
    bunqueue.push(...(await pickupBunqueue(workshop, sizes.peerPickups)));
  }
  const peersAt = (percent: number) => ({
    plainjob_poll_5ms: percentile(plainjob, percent),
    bunqueue_long_poll: percentile(bunqueue, percent),
  });
  return {
    pickup_p50_ms: { value: percentile(ours, 50), peers: peersAt(50) },
    pickup_p99_ms: { value: percentile(ours, 99), peers: { ...peersAt(99), samples: ours.length } },
  };
}

async function pickupOurs(workshop: Workshop, count: number): Promise<number[]> {
  const home = workshop.home();
  const board = openBoard(boardFile(home));
  const nudge = listenForNudges(`${home}/data`, ignore, ignore);
  await using worker = workshop.bun("worker", [home, "pickup", CONCURRENCY, 0], ["--smol"]);
  const add = async () => {
    await enqueueJob(board, newJob(), Date.now());
    nudge.send();
  };
  const samples = await sample(worker, add, count);
  nudge.close();
  board.close();
  return samples;
}

async function pickupPlainjob(workshop: Workshop, count: number): Promise<number[]> {
  const home = workshop.home();
  const queue = openPlainjob(home);
  await using worker = workshop.bun("plainjob_worker", [home]);
  const samples = await sample(worker, queue.add, count);
  await queue.close();
  return samples;
}

async function pickupBunqueue(workshop: Workshop, count: number): Promise<number[]> {
  const { server, port } = await startBunqueue(workshop, workshop.home());
  const queue = openBunqueue(port);
  await using worker = workshop.bun("bunqueue_worker", [port]);
  const samples = await sample(worker, queue.add, count);
  await worker.kill();
  await queue.close();
  await server.kill();
  return samples;
}

/** The first ones, when nothing is compiled yet, are not counted for anybody. */
const WARM_UP = 10;

async function sample(worker: Program, add: () => unknown, count: number): Promise<number[]> {
  await worker.next("ready");
  worker.tell("go");
  const samples: number[] = [];
  for (let index = -WARM_UP; index < count; index += 1) {
    await idleMoment();
    const before = stamp();
    await add();
    const { at } = await worker.next("started");
    if (index >= 0) samples.push(at - before);
  }
  return samples;
}

const ignore = () => undefined;
