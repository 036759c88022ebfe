// What a claim costs when the board remembers a great many finished jobs.
import { percentile } from "../report.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import type { Workshop } from "./workshop.ts";

export async function claim(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const home = workshop.home();
  const { finishedJobs, pendingJobs, claims } = sizes;
  await using program = workshop.bun("claim", [home, finishedJobs, pendingJobs, claims]);
  const { figures } = await program.next("done");
  const of = (name: string, percent: number): number => percentile(figures[name] ?? [], percent);
  const peersAt = (percent: number) => ({ durable: of("durable", percent), empty_history: of("empty", percent) });
  const [fileMb = 0] = figures["fileMb"] ?? [];
  return {
    claim_1m_p50_ms: { value: of("claims", 50), peers: { ...peersAt(50), file_mb: fileMb, finished: finishedJobs } },
    claim_1m_p99_ms: { value: of("claims", 99), peers: peersAt(99) },
  };
}
