// From the call with which a program that is not ours writes a row to the handler that starts, beside a real core.
import { openBoard } from "../../src/shared/db.ts";
import { percentile } from "../report.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import { boardFile, type Workshop } from "./workshop.ts";

const CONCURRENCY = 16;
/** Longer than anybody stays attentive. */
const QUIET_MS = 71_000;
/** Never in step with a poll. */
const activeMoment = (): Promise<void> => Bun.sleep(100 + Math.random() * 300);

export async function foreign(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const home = workshop.home();
  openBoard(boardFile(home)).close();
  const core = await workshop.core(home);
  await using worker = workshop.bun("worker", [home, "pickup", CONCURRENCY, 0], ["--smol"]);
  await worker.next("ready");
  await using stranger = workshop.foreign("ask", home);
  await stranger.next("ready");
  worker.tell("go");
  const sample = async (): Promise<number> => {
    stranger.tell("insert");
    const [inserted, started] = await Promise.all([stranger.next("inserted"), worker.next("started")]);
    return started.at - inserted.at;
  };
  const firsts = [await sample()];
  const active: number[] = [];
  while (active.length < sizes.foreignPickups) {
    await activeMoment();
    active.push(await sample());
  }
  while (firsts.length <= sizes.quietPickups) {
    await Bun.sleep(QUIET_MS + Math.random() * 500);
    firsts.push(await sample());
  }
  await core.program.kill();
  return {
    foreign_pickup_p50_ms: { value: percentile(active, 50), peers: { samples: active.length } },
    foreign_pickup_p99_ms: { value: percentile(active, 99), peers: { max_ms: Math.max(...active) } },
    foreign_pickup_max_ms: {
      value: Math.max(...active, ...firsts),
      peers: Object.fromEntries(firsts.map((ms, index) => [index === 0 ? "first_ms" : `after_quiet_${index}_ms`, ms])),
    },
  };
}
