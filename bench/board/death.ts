// From the SIGKILL of a worker that holds a job to the job being there for others, beside a real core.
import { openBoard, type Board } from "../../src/shared/db.ts";
import { enqueueJob, readRun } from "../../src/shared/jobs.ts";
import { percentile } from "../report.ts";
import { newJob } from "./engines/ours.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import { boardFile, type Workshop } from "./workshop.ts";

const GIVE_UP_MS = 60_000;

export async function death(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const home = workshop.home();
  const board = openBoard(boardFile(home));
  const core = await workshop.core(home);
  // The same job dies again and again.
  const jobId = await enqueueJob(board, newJob({ maxAttempts: sizes.kills + 1 }), Date.now());
  const samples: number[] = [];
  for (let index = 0; index < sizes.kills; index += 1) {
    const worker = workshop.bun("worker", [home, "hold", 1, 0], ["--smol"]);
    await worker.next("ready");
    worker.tell("go");
    await worker.next("started");
    const startedAt = performance.now();
    void worker.kill();
    samples.push(await claimableAfter(board, jobId, startedAt));
  }
  await core.program.kill();
  board.close();
  return {
    dead_worker_reclaim_p99_ms: {
      value: percentile(samples, 99),
      peers: { p50: percentile(samples, 50), max: Math.max(...samples), kills: samples.length },
    },
  };
}

async function claimableAfter(board: Board, jobId: string, startedAt: number): Promise<number> {
  for (;;) {
    const state = board.read((tx) => readRun(tx, jobId))?.state;
    const elapsedMs = performance.now() - startedAt;
    if (state === "ready") return elapsedMs;
    if (state !== "running" || elapsedMs > GIVE_UP_MS) throw new Error(`The job is ${state ?? "gone"}, not ready.`);
    await Bun.sleep(1);
  }
}
