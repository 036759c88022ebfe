// What a sandbox of this machine costs in milliseconds and megabytes, what it holds, and what it leaves behind: over HTTP
// with E2B's own client, beside Python without a sandbox, against its goals.
import { loadavg } from "node:os";
import { Workshop } from "./board/workshop.ts";
import { printResults, type Row } from "./report.ts";
import { bombs } from "./sandbox/bombs.ts";
import { burst, createPlot, createPrint, start, throughput } from "./sandbox/create.ts";
import { cycles } from "./sandbox/cycles.ts";
import { kill } from "./sandbox/kill.ts";
import { measurePeers, NO_PEERS, type PeerFigures } from "./sandbox/peers.ts";
import { proxy } from "./sandbox/proxy.ts";
import { toRow, type Measurements, type RowName } from "./sandbox/rows.ts";
import { FULL, QUICK, type Sizes } from "./sandbox/sizes.ts";
import { crowd, weight } from "./sandbox/weight.ts";

type Section = {
  readonly measure: (sizes: Sizes, peers: PeerFigures) => Promise<Measurements>;
  readonly rows: readonly RowName[];
  /** Is measured beside programs that are no sandbox. */
  readonly hasPeers?: true;
};

const SECTIONS: { readonly [name: string]: Section } = {
  print: {
    measure: createPrint,
    rows: ["create_print_pooled_p50_ms", "create_print_unpooled_p50_ms"],
    hasPeers: true,
  },
  plot: { measure: createPlot, rows: ["create_plot_p50_ms", "create_plot_p95_ms"], hasPeers: true },
  burst: { measure: burst, rows: ["burst10_empty_pool_p95_ms"] },
  start: { measure: start, rows: ["sandboxd_start_to_print_ms"] },
  kill: { measure: kill, rows: ["kill_to_empty_p95_ms"] },
  weight: { measure: weight, rows: ["private_idle_mb", "private_after_plot_mb"] },
  throughput: { measure: throughput, rows: ["create_print_kill_per_s"] },
  crowd: { measure: crowd, rows: ["idle_100_growth_gib"] },
  bombs: { measure: bombs, rows: ["memory_bomb_dead_ms", "memory_bomb_overshoot_pct", "host_lag_p99_ms"] },
  cycles: { measure: cycles, rows: ["cycles_1000_leaks", "cycles_growth_mb"] },
  proxy: { measure: proxy, rows: ["proxy_added_p50_ms", "proxy_mb_per_s", "proxy_200_connections_failed"] },
};

async function measure(name: string, section: Section, sizes: Sizes, peers: PeerFigures): Promise<Row[]> {
  const [load = 0] = loadavg();
  const startedAt = performance.now();
  let measured: Measurements = {};
  let reason = "";
  try {
    measured = await section.measure(sizes, peers);
  } catch (error) {
    // The other sections can still be measured; these rows are shown as missed.
    console.error(`${name} failed:`, error);
    reason = error instanceof Error ? error.message : String(error);
    process.exitCode = 1;
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${name}: ${seconds} s, load before ${load.toFixed(2)}, after ${(loadavg()[0] ?? 0).toFixed(2)}`);
  const missed = { value: Number.NaN, peers: { reason } };
  const rows = section.rows.map((row) => toRow(row, measured[row] ?? missed));
  for (const row of rows) console.log(`  ${row.name} ${row.value} ${row.unit} ${JSON.stringify(row.peers)}`);
  return rows;
}

async function peersFor(sections: readonly Section[], sizes: Sizes): Promise<PeerFigures> {
  if (!sections.some((section) => section.hasPeers)) return NO_PEERS;
  await using workshop = new Workshop();
  try {
    return await measurePeers(workshop, sizes.peers);
  } catch (error) {
    console.error("peers failed:", error);
    return NO_PEERS;
  }
}

// What we started hears that we are gone, and ends.
process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));
const isQuick = process.argv.includes("--quick");
const sizes = isQuick ? QUICK : FULL;
/** Names of sections; none means all. */
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
console.log(`${isQuick ? "quick" : "full"}: ${JSON.stringify(sizes)}`);
const sections = Object.entries(SECTIONS).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const peers = await peersFor(
  sections.map(([, section]) => section),
  sizes,
);
const rows: Row[] = [];
for (const [name, section] of sections) rows.push(...(await measure(name, section, sizes, peers)));
printResults("sandbox", rows);
