// Every row of the job board's benchmark with its goal; a section that fails leaves its rows unmet, never out.
import { atLeast, atMost, below, type Peers, type Row } from "../report.ts";

type Goal = {
  readonly unit: string;
  readonly make: (name: string, value: number, unit: string, limit: number, peers?: Peers) => Row;
  readonly limit: number;
};

const GOALS = {
  enqueue_1_vs_raw: { make: atLeast, limit: 0.8, unit: "×" },
  enqueue_64_vs_plainjob: { make: atLeast, limit: 15, unit: "×" },
  drain_vs_plainjob: { make: atLeast, limit: 5, unit: "×" },
  drain_vs_bunqueue: { make: atLeast, limit: 8, unit: "×" },
  pickup_p50_ms: { make: atMost, limit: 3, unit: "ms" },
  pickup_p99_ms: { make: atMost, limit: 12, unit: "ms" },
  foreign_pickup_p50_ms: { make: atMost, limit: 15, unit: "ms" },
  foreign_pickup_p99_ms: { make: atMost, limit: 40, unit: "ms" },
  foreign_pickup_max_ms: { make: atMost, limit: 510, unit: "ms" },
  idle_cpu_pct: { make: atMost, limit: 0.6, unit: "%" },
  claim_1m_p50_ms: { make: atMost, limit: 0.1, unit: "ms" },
  claim_1m_p99_ms: { make: atMost, limit: 1, unit: "ms" },
  dead_worker_reclaim_p99_ms: { make: atMost, limit: 50, unit: "ms" },
  event_to_socket_p99_ms: { make: atMost, limit: 15, unit: "ms" },
  events_per_s: { make: atLeast, limit: 10_000, unit: "/s" },
  foreign_writer_wait_p99_ms: { make: atMost, limit: 25, unit: "ms" },
  busy_errors: { make: atMost, limit: 0, unit: "errors" },
  core_loop_lag_p99_ms: { make: below, limit: 50, unit: "ms" },
} as const satisfies { readonly [name: string]: Goal };

export type RowName = keyof typeof GOALS;
export type Measured = { readonly value: number; readonly peers?: Peers };
export type Measurements = { readonly [name in RowName]?: Measured };

/** A row that was not measured has NaN, which is null in JSON, and is not met. */
export function toRow(name: RowName, measured: Measured = { value: Number.NaN }): Row {
  const { make, limit, unit } = GOALS[name];
  return make(name, measured.value, unit, limit, measured.peers);
}
