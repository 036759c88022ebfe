// How fast jobs are put on the board, against the bare table and the peers.
import { median, percentile } from "../report.ts";
import { startBunqueue } from "./engines/bunqueue.ts";
import type { Figures } from "./program.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import type { Workshop } from "./workshop.ts";

const IN_FLIGHT = 64;

export async function enqueue(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const one = (engine: string) => run(workshop, engine, sizes.enqueueOne, 1);
  const ours: number[] = [];
  const raw: number[] = [];
  const together: Figures[] = [];
  const plainjob: number[] = [];
  const bulk: number[] = [];
  const bunqueue: number[] = [];
  for (let round = 0; round < sizes.rounds; round += 1) {
    ours.push(rateOf(await one("ours")));
    raw.push(rateOf(await one("raw")));
    together.push(await run(workshop, "ours", sizes.enqueueMany, IN_FLIGHT));
    plainjob.push(rateOf(await one("plainjob")));
    bulk.push(rateOf(await run(workshop, "plainjob-bulk", sizes.enqueueMany, 1)));
    bunqueue.push(rateOf(await run(workshop, "bunqueue", sizes.enqueueOne, IN_FLIGHT)));
  }
  const oursTogether = median(together.map(rateOf));
  const ackP99Ms = percentile(
    together.flatMap((figures) => figures["waits"] ?? []),
    99,
  );
  return {
    enqueue_1_vs_raw: {
      value: median(ours) / median(raw),
      peers: { ours_per_s: median(ours), raw_per_s: median(raw) },
    },
    enqueue_64_vs_plainjob: {
      value: oursTogether / median(plainjob),
      peers: {
        ours_per_s: oursTogether,
        ours_ack_p99_ms: ackP99Ms,
        plainjob_add_per_s: median(plainjob),
        plainjob_add_many_64_per_s: median(bulk),
        bunqueue_durable_64_per_s: median(bunqueue),
      },
    },
  };
}

async function run(workshop: Workshop, engine: string, count: number, inFlight: number): Promise<Figures> {
  const home = workshop.home();
  const broker = engine === "bunqueue" ? await startBunqueue(workshop, home) : null;
  await using program = workshop.bun("enqueue", [engine, broker?.port ?? home, count, inFlight]);
  const { figures } = await program.next("done");
  await broker?.server.kill();
  workshop.discard(home);
  return figures;
}

const rateOf = (figures: Figures): number => figures["perSecond"]?.[0] ?? Number.NaN;
