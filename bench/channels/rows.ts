// Every row of the channels' benchmark with its goal; a section that fails leaves its rows unmet, never out.
import { atMost, below, type Peers, type Row } from "../report.ts";

type Goal = {
  readonly unit: string;
  readonly make: (name: string, value: number, unit: string, limit: number, peers?: Peers) => Row;
  readonly limit: number;
};

const GOALS = {
  webhooks_2000_lost: { make: atMost, limit: 0, unit: "messages" },
  webhook_p99_ms: { make: below, limit: 50, unit: "ms" },
  update_to_row_p95_ms: { make: atMost, limit: 10, unit: "ms" },
  result_to_api_p95_ms: { make: atMost, limit: 20, unit: "ms" },
  telegram_idle_mb: { make: atMost, limit: 15, unit: "MB" },
  chaos_lost_telegram: { make: atMost, limit: 0, unit: "answers" },
  chaos_duplicates_telegram: { make: atMost, limit: 0, unit: "answers" },
  chaos_orphans_pct_telegram: { make: atMost, limit: 1, unit: "%" },
  chaos_lost_whatsapp: { make: atMost, limit: 0, unit: "answers" },
  chaos_duplicates_whatsapp: { make: atMost, limit: 0, unit: "answers" },
  chaos_orphans_pct_whatsapp: { make: atMost, limit: 1, unit: "%" },
} as const satisfies { readonly [name: string]: Goal };

export type RowName = keyof typeof GOALS;
export type Measured = { readonly value: number; readonly peers?: Peers };
export type Measurements = { readonly [name in RowName]?: Measured };

/** A row that was not measured has NaN, which is null in JSON, and is not met. */
export function toRow(name: RowName, measured: Measured = { value: Number.NaN }): Row {
  const { make, limit, unit } = GOALS[name];
  return make(name, measured.value, unit, limit, measured.peers);
}
