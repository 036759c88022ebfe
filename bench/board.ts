// What the job board does in a second and in how many milliseconds, beside its peers and against its goals.
import { loadavg } from "node:os";
import { claim } from "./board/claim.ts";
import { death } from "./board/death.ts";
import { drain } from "./board/drain.ts";
import { enqueue } from "./board/enqueue.ts";
import { events } from "./board/events.ts";
import { foreign } from "./board/foreign.ts";
import { idle } from "./board/idle.ts";
import { pickup } from "./board/pickup.ts";
import { toRow, type Measurements, type RowName } from "./board/rows.ts";
import { FULL, QUICK, type Sizes } from "./board/sizes.ts";
import { Workshop } from "./board/workshop.ts";
import { lag, writers } from "./board/writers.ts";
import { printResults, type Row } from "./report.ts";

type Section = {
  readonly measure: (workshop: Workshop, sizes: Sizes) => Promise<Measurements>;
  readonly rows: readonly RowName[];
};

const SECTIONS: { readonly [name: string]: Section } = {
  enqueue: { measure: enqueue, rows: ["enqueue_1_vs_raw", "enqueue_64_vs_plainjob"] },
  drain: { measure: drain, rows: ["drain_vs_plainjob", "drain_vs_bunqueue"] },
  pickup: { measure: pickup, rows: ["pickup_p50_ms", "pickup_p99_ms"] },
  claim: { measure: claim, rows: ["claim_1m_p50_ms", "claim_1m_p99_ms"] },
  foreign: {
    measure: foreign,
    rows: ["foreign_pickup_p50_ms", "foreign_pickup_p99_ms", "foreign_pickup_max_ms"],
  },
  death: { measure: death, rows: ["dead_worker_reclaim_p99_ms"] },
  events: { measure: events, rows: ["event_to_socket_p99_ms", "events_per_s"] },
  writers: { measure: writers, rows: ["foreign_writer_wait_p99_ms", "busy_errors"] },
  lag: { measure: lag, rows: ["core_loop_lag_p99_ms"] },
  idle: { measure: idle, rows: ["idle_cpu_pct"] },
};

async function measure(name: string, section: Section, sizes: Sizes): Promise<Row[]> {
  const [load = 0] = loadavg();
  const startedAt = performance.now();
  let measured: Measurements = {};
  const workshop = new Workshop();
  const end = () => void workshop[Symbol.asyncDispose]().finally(() => process.exit(130));
  process.once("SIGINT", end).once("SIGTERM", end);
  try {
    measured = await section.measure(workshop, sizes);
  } catch (error) {
    // The other sections can still be measured; these rows are shown as missed.
    console.error(`${name} failed:`, error);
    process.exitCode = 1;
  } finally {
    process.off("SIGINT", end).off("SIGTERM", end);
    await workshop[Symbol.asyncDispose]();
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${name}: ${seconds} s, load before ${load.toFixed(2)}, after ${(loadavg()[0] ?? 0).toFixed(2)}`);
  const rows = section.rows.map((row) => toRow(row, measured[row]));
  for (const row of rows) console.log(`  ${row.name} ${row.value} ${row.unit} ${JSON.stringify(row.peers)}`);
  return rows;
}

const isQuick = process.argv.includes("--quick");
const sizes = isQuick ? QUICK : FULL;
/** Names of sections; none means all. */
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
console.log(`${isQuick ? "quick" : "full"}: ${JSON.stringify(sizes)}`);
const rows: Row[] = [];
for (const [name, section] of Object.entries(SECTIONS))
  if (wanted.length === 0 || wanted.includes(name)) rows.push(...(await measure(name, section, sizes)));
printResults("board", rows);
