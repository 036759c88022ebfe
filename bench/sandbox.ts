// What a sandbox of this machine costs in milliseconds and megabytes, what it holds, and what it leaves behind: over HTTP
// with E2B's own client, beside Python without a sandbox, against its goals.
import { Workshop } from "./board/workshop.ts";
import { bombs } from "./sandbox/bombs.ts";
import { burst, createPlot, createPrint, start, throughput } from "./sandbox/create.ts";
import { cycles } from "./sandbox/cycles.ts";
import { kill } from "./sandbox/kill.ts";
import { measurePeers, NO_PEERS, type PeerFigures } from "./sandbox/peers.ts";
import { proxy } from "./sandbox/proxy.ts";
import { FULL, QUICK, type Sizes } from "./sandbox/sizes.ts";
import { crowd, weight } from "./sandbox/weight.ts";
import { runBench } from "./sections.ts";

// What we started hears that we are gone, and ends.
process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));

let peers: Promise<PeerFigures> | undefined;
const peersFor = async (sizes: Sizes): Promise<PeerFigures> => await (peers ??= measuredPeers(sizes));

async function measuredPeers(sizes: Sizes): Promise<PeerFigures> {
  await using workshop = new Workshop();
  try {
    return await measurePeers(workshop, sizes.peers);
  } catch (error) {
    console.error("peers failed:", error);
    return NO_PEERS;
  }
}

await runBench(
  {
    name: "sandbox",
    full: FULL,
    quick: QUICK,
    sections: {
      print: {
        measure: async (sizes) => await createPrint(sizes, await peersFor(sizes)),
        rows: {
          create_print_pooled_p50_ms: { limit: 30, unit: "ms" },
          create_print_unpooled_p50_ms: { limit: 75, unit: "ms" },
        },
      },
      plot: {
        measure: async (sizes) => await createPlot(sizes, await peersFor(sizes)),
        rows: { create_plot_p50_ms: { limit: 200, unit: "ms" }, create_plot_p95_ms: { limit: 300, unit: "ms" } },
      },
      burst: { measure: burst, rows: { burst10_empty_pool_p95_ms: { limit: 600, unit: "ms" } } },
      start: { measure: start, rows: { sandboxd_start_to_print_ms: { limit: 2_500, unit: "ms" } } },
      kill: { measure: kill, rows: { kill_to_empty_p95_ms: { limit: 50, unit: "ms" } } },
      weight: {
        measure: weight,
        rows: { private_idle_mb: { limit: 10, unit: "MB" }, private_after_plot_mb: { limit: 40, unit: "MB" } },
      },
      throughput: { measure: throughput, rows: { create_print_kill_per_s: { limit: 30, unit: "/s", bound: "least" } } },
      crowd: { measure: crowd, rows: { idle_100_growth_gib: { limit: 1.5, unit: "GiB" } } },
      bombs: {
        measure: bombs,
        rows: {
          memory_bomb_dead_ms: { limit: 250, unit: "ms" },
          memory_bomb_overshoot_pct: { limit: 25, unit: "%" },
          host_lag_p99_ms: { limit: 50, unit: "ms", bound: "below" },
        },
      },
      cycles: {
        measure: cycles,
        rows: { cycles_1000_leaks: { limit: 0, unit: "left" }, cycles_growth_mb: { limit: 20, unit: "MB" } },
      },
      proxy: {
        measure: proxy,
        rows: {
          proxy_added_p50_ms: { limit: 3, unit: "ms" },
          proxy_mb_per_s: { limit: 200, unit: "MB/s", bound: "least" },
          proxy_200_connections_failed: { limit: 0, unit: "connections" },
        },
      },
    },
  },
  process.argv.slice(2),
);
