// Three writers at one file: a stranger in a tight loop, a process that enqueues, and a worker that drains. Then core's
// event loop while a worker writes as fast as it can.
import { openBoard } from "../../src/shared/db.ts";
import { percentile } from "../report.ts";
import type { Figures } from "./program.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import { boardFile, type Workshop } from "./workshop.ts";

const CONCURRENCY = 16;

export async function writers(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const home = workshop.home();
  openBoard(boardFile(home)).close();
  await using enqueuer = workshop.bun("core", [home, "enqueue", sizes.foreignWriterMs], ["--smol"]);
  await using worker = workshop.bun("worker", [home, "timed", CONCURRENCY, 0], ["--smol"]);
  await using stranger = workshop.foreign("loop", home, sizes.foreignWriterMs);
  const all = [enqueuer, worker, stranger];
  for (const program of all) await program.next("ready");
  for (const program of all) program.tell("go");
  const [enqueued, written] = await Promise.all([enqueuer.next("done"), stranger.next("done")]);
  worker.tell("tell");
  const drained = await worker.next("done");
  const ours = [...waitsOf(enqueued.figures), ...waitsOf(drained.figures)];
  const theirs = waitsOf(written.figures);
  const errors = [enqueued, drained, written].map(({ figures }) => figures["errors"]?.[0] ?? Number.NaN);
  const peers = {
    ours_p99_ms: percentile(ours, 99),
    foreign_p99_ms: percentile(theirs, 99),
    enqueue_p99_ms: percentile(waitsOf(enqueued.figures), 99),
    worker_p99_ms: percentile(waitsOf(drained.figures), 99),
    ours_max_ms: maxOf(ours),
    foreign_max_ms: maxOf(theirs),
    enqueue_per_s: perSecond(enqueued.figures, sizes),
    worker_units_per_s: perSecond(drained.figures, sizes),
    foreign_per_s: perSecond(written.figures, sizes),
  };
  return {
    foreign_writer_wait_p99_ms: { value: Math.max(peers.ours_p99_ms, peers.foreign_p99_ms), peers },
    busy_errors: { value: errors.reduce((sum, one) => sum + one, 0) },
  };
}

export async function lag(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const home = workshop.home();
  openBoard(boardFile(home)).close();
  await using core = workshop.bun("core", [home, "lag", sizes.lagMs], ["--smol"]);
  await using worker = workshop.bun("worker", [home, "busy", CONCURRENCY + 4, 0], ["--smol"]);
  await core.next("ready");
  await worker.next("ready");
  worker.tell("go");
  core.tell("go");
  const { figures } = await core.next("done");
  const of = (name: string): number[] => figures[name] ?? [];
  return {
    core_loop_lag_p99_ms: {
      value: percentile(of("lags"), 99),
      peers: {
        p50: percentile(of("lags"), 50),
        max: maxOf(of("lags")),
        enqueue_p99_ms: percentile(of("waits"), 99),
        enqueued: of("waits").length,
        events_read: of("events")[0] ?? Number.NaN,
      },
    },
  };
}

const waitsOf = (figures: Figures): readonly number[] => figures["waits"] ?? [];

const perSecond = (figures: Figures, sizes: Sizes): number => waitsOf(figures).length / (sizes.foreignWriterMs / 1_000);

const maxOf = (values: readonly number[]): number => values.reduce((max, one) => Math.max(max, one), 0);
