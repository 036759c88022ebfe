// Every row of the sandbox's benchmark with its goal; a section that fails leaves its rows unmet, never out.
import { atLeast, atMost, below, type Peers, type Row } from "../report.ts";

type Goal = {
  readonly unit: string;
  readonly make: (name: string, value: number, unit: string, limit: number, peers?: Peers) => Row;
  readonly limit: number;
};

const GOALS = {
  create_print_pooled_p50_ms: { make: atMost, limit: 30, unit: "ms" },
  create_print_unpooled_p50_ms: { make: atMost, limit: 75, unit: "ms" },
  create_plot_p50_ms: { make: atMost, limit: 200, unit: "ms" },
  create_plot_p95_ms: { make: atMost, limit: 300, unit: "ms" },
  burst10_empty_pool_p95_ms: { make: atMost, limit: 600, unit: "ms" },
  sandboxd_start_to_print_ms: { make: atMost, limit: 2_500, unit: "ms" },
  kill_to_empty_p95_ms: { make: atMost, limit: 50, unit: "ms" },
  private_idle_mb: { make: atMost, limit: 10, unit: "MB" },
  private_after_plot_mb: { make: atMost, limit: 40, unit: "MB" },
  create_print_kill_per_s: { make: atLeast, limit: 30, unit: "/s" },
  idle_100_growth_gib: { make: atMost, limit: 1.5, unit: "GiB" },
  memory_bomb_dead_ms: { make: atMost, limit: 250, unit: "ms" },
  /** Of the limit; 128 MiB are taken off beforehand. */
  memory_bomb_overshoot_pct: { make: atMost, limit: 25, unit: "%" },
  host_lag_p99_ms: { make: below, limit: 50, unit: "ms" },
  cycles_1000_leaks: { make: atMost, limit: 0, unit: "left" },
  cycles_growth_mb: { make: atMost, limit: 20, unit: "MB" },
  proxy_added_p50_ms: { make: atMost, limit: 3, unit: "ms" },
  proxy_mb_per_s: { make: atLeast, limit: 200, unit: "MB/s" },
  proxy_200_connections_failed: { make: atMost, limit: 0, unit: "connections" },
} as const satisfies { readonly [name: string]: Goal };

export type RowName = keyof typeof GOALS;
export type Measured = { readonly value: number; readonly peers?: Peers };
export type Measurements = { readonly [name in RowName]?: Measured };

/** A row that was not measured has NaN, which is null in JSON, and is not met. */
export function toRow(name: RowName, measured: Measured = { value: Number.NaN }): Row {
  const { make, limit, unit } = GOALS[name];
  return make(name, measured.value, unit, limit, measured.peers);
}
