// From the wish for a sandbox to its first answer, as a client of the SDK sees it.
import type { Sandbox } from "@e2b/code-interpreter";
import { LIMITS } from "../../src/sandboxd/limits.ts";
import { median, percentile } from "../report.ts";
import type { PeerFigures } from "./peers.ts";
import type { Measurements } from "../sections.ts";
import { killAll, plot, print, sandboxdOf, Server, timed } from "./server.ts";
import type { Sizes } from "./sizes.ts";

const BURST = 10;

type Work = (sandbox: Sandbox) => Promise<void>;

async function createAnd(server: Server, work: Work): Promise<{ readonly ms: number; readonly sandbox: Sandbox }> {
  const startedAt = performance.now();
  const sandbox = await server.create();
  await work(sandbox);
  return { ms: performance.now() - startedAt, sandbox };
}

/** Pooled as a user would see it: between two there is time for the pool to fill. */
async function pooled(server: Server, count: number, work: Work): Promise<number[]> {
  const figures: number[] = [];
  while (figures.length < count) {
    await server.rest();
    const { ms, sandbox } = await createAnd(server, work);
    figures.push(ms);
    await sandbox.kill();
  }
  return figures;
}

export async function createPrint(sizes: Sizes, peers: PeerFigures): Promise<Measurements> {
  await using server = await Server.launch();
  await pooled(server, 5, print);
  const ready = await pooled(server, sizes.creates, print);
  const made: number[] = [];
  while (made.length < sizes.creates) {
    const others = await server.emptyPool();
    const emptiedAt = performance.now();
    const { ms, sandbox } = await createAnd(server, print);
    // Later than this the pool would have been filled while we measured.
    if (performance.now() - ms - emptiedAt < LIMITS.refillMs / 2) made.push(ms);
    await killAll([...others, sandbox]);
  }
  const others = { python3: peers.python3.print, ipykernel: peers.ipykernel.print };
  return {
    create_print_pooled_p50_ms: { value: median(ready), peers: { p95: percentile(ready, 95), ...others } },
    create_print_unpooled_p50_ms: { value: median(made), peers: { p95: percentile(made, 95), ...others } },
  };
}

export async function createPlot(sizes: Sizes, peers: PeerFigures): Promise<Measurements> {
  await using server = await Server.launch();
  await pooled(server, 3, plot);
  const figures = await pooled(server, sizes.plots, plot);
  const others = { python3: peers.python3.plot, ipykernel: peers.ipykernel.plot };
  return {
    create_plot_p50_ms: { value: median(figures), peers: others },
    create_plot_p95_ms: { value: percentile(figures, 95), peers: others },
  };
}

export async function burst(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launch();
  await pooled(server, 3, print);
  const figures: number[] = [];
  for (let burst = 0; burst < sizes.bursts; burst += 1) {
    const others = await server.emptyPool();
    const made = await Promise.all(Array.from({ length: BURST }, () => createAnd(server, print)));
    figures.push(...made.map(({ ms }) => ms));
    await killAll([...others, ...made.map(({ sandbox }) => sandbox)]);
  }
  return { burst10_empty_pool_p95_ms: { value: percentile(figures, 95), peers: { p50: median(figures) } } };
}

/** From the start of the process, the making of its yard included. */
export async function start(sizes: Sizes): Promise<Measurements> {
  const launched = await sandboxdOf();
  const figures: number[] = [];
  for (let start = 0; start < sizes.starts; start += 1) {
    const startedAt = performance.now();
    await using server = await Server.start(launched);
    await print(await server.create());
    figures.push(performance.now() - startedAt);
  }
  return { sandboxd_start_to_print_ms: { value: median(figures), peers: { worst: Math.max(...figures) } } };
}

export async function throughput(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launch();
  await pooled(server, 3, print);
  const perSecond = async (atOnce: number): Promise<number> => {
    let left = sizes.throughput;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const sandbox = await server.create();
        await print(sandbox);
        await sandbox.kill();
      }
    };
    const ms = await timed(() => Promise.all(Array.from({ length: atOnce }, worker)));
    return (sizes.throughput / ms) * 1_000;
  };
  const alone = await perSecond(1);
  await server.rest();
  return { create_print_kill_per_s: { value: await perSecond(4), peers: { one_at_a_time: alone } } };
}
