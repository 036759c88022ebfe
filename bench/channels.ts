// What the channels cost and what they hold, over the wire and under kill -9, against their goals.
import { loadavg } from "node:os";
import { Workshop } from "./board/workshop.ts";
import { idle } from "./channels/idle.ts";
import { latency } from "./channels/latency.ts";
import { toRow, type Measurements, type RowName } from "./channels/rows.ts";
import { FULL, QUICK, type Sizes } from "./channels/sizes.ts";
import { stormOnTelegram, stormOnWhatsApp } from "./channels/storm.ts";
import { webhooks } from "./channels/webhooks.ts";
import { printResults, type Row } from "./report.ts";

type Section = {
  readonly measure: (workshop: Workshop, sizes: Sizes) => Promise<Measurements>;
  readonly rows: readonly RowName[];
};

const SECTIONS: { readonly [name: string]: Section } = {
  webhooks: { measure: webhooks, rows: ["webhooks_2000_lost", "webhook_p99_ms"] },
  latency: { measure: latency, rows: ["update_to_row_p95_ms", "result_to_api_p95_ms"] },
  idle: { measure: idle, rows: ["telegram_idle_mb"] },
  chaos_telegram: {
    measure: stormOnTelegram,
    rows: ["chaos_lost_telegram", "chaos_duplicates_telegram", "chaos_orphans_pct_telegram"],
  },
  chaos_whatsapp: {
    measure: stormOnWhatsApp,
    rows: ["chaos_lost_whatsapp", "chaos_duplicates_whatsapp", "chaos_orphans_pct_whatsapp"],
  },
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
printResults("channels", rows);
