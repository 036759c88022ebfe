// How a benchmark of several sections runs: each by itself, those that fail with their rows unmet, never out.
import { loadavg } from "node:os";
import { atLeast, atMost, below, printResults, type Peers, type Row } from "./report.ts";

export type Measured = { readonly value: number; readonly peers?: Peers };
/** By the rows' names. */
export type Measurements = { readonly [row: string]: Measured };
const BOUNDS = { most: atMost, least: atLeast, below } as const;
/** What a value must not exceed (`most`), must reach, or must stay below. */
export type Goal = { readonly limit: number; readonly unit: string; readonly bound?: keyof typeof BOUNDS };

export type Section<Sizes> = {
  readonly measure: (sizes: Sizes) => Promise<Measurements>;
  readonly rows: { readonly [row: string]: Goal };
};

export type Bench<Sizes> = {
  readonly name: string;
  readonly sections: { readonly [section: string]: Section<Sizes> };
  readonly full: Sizes;
  readonly quick: Sizes;
};

/** Arguments: `--quick`, and names of sections; none means all. */
export async function runBench<Sizes>(bench: Bench<Sizes>, args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const sizes = isQuick ? bench.quick : bench.full;
  const wanted = args.filter((argument) => !argument.startsWith("--"));
  console.log(`${isQuick ? "quick" : "full"}: ${JSON.stringify(sizes)}`);
  const rows: Row[] = [];
  for (const [name, section] of Object.entries(bench.sections))
    if (wanted.length === 0 || wanted.includes(name)) rows.push(...(await measure(name, section, sizes)));
  printResults(bench.name, rows);
}

async function measure<Sizes>(name: string, section: Section<Sizes>, sizes: Sizes): Promise<Row[]> {
  const [load = 0] = loadavg();
  const startedAt = performance.now();
  let measured: Measurements = {};
  let reason = "it was not measured";
  try {
    measured = await section.measure(sizes);
  } catch (error) {
    console.error(`${name} failed:`, error);
    reason = error instanceof Error ? error.message : String(error);
    process.exitCode = 1;
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${name}: ${seconds} s, load before ${load.toFixed(2)}, after ${(loadavg()[0] ?? 0).toFixed(2)}`);
  const rows = Object.entries(section.rows).map(([row, { limit, unit, bound = "most" }]) => {
    const { value, peers } = measured[row] ?? { value: Number.NaN, peers: { reason } };
    return BOUNDS[bound](row, value, unit, limit, peers);
  });
  for (const row of rows) console.log(`  ${row.name} ${row.value} ${row.unit} ${JSON.stringify(row.peers)}`);
  return rows;
}
