// What the channels cost and what they hold, over the wire and under kill -9, against their goals.
import { idle } from "./channels/idle.ts";
import { latency } from "./channels/latency.ts";
import { FULL, QUICK } from "./channels/sizes.ts";
import { stormOnTelegram, stormOnWhatsApp } from "./channels/storm.ts";
import { webhooks } from "./channels/webhooks.ts";
import { inWorkshop } from "./board/workshop.ts";
import { runBench } from "./sections.ts";

await runBench(
  {
    name: "channels",
    full: FULL,
    quick: QUICK,
    sections: {
      webhooks: {
        measure: inWorkshop(webhooks),
        rows: {
          webhooks_2000_lost: { limit: 0, unit: "messages" },
          webhook_p99_ms: { limit: 50, unit: "ms", bound: "below" },
        },
      },
      latency: {
        measure: inWorkshop(latency),
        rows: { update_to_row_p95_ms: { limit: 10, unit: "ms" }, result_to_api_p95_ms: { limit: 20, unit: "ms" } },
      },
      idle: { measure: inWorkshop(idle), rows: { telegram_idle_mb: { limit: 15, unit: "MB" } } },
      chaos_telegram: {
        measure: inWorkshop(stormOnTelegram),
        rows: {
          chaos_lost_telegram: { limit: 0, unit: "answers" },
          chaos_duplicates_telegram: { limit: 0, unit: "answers" },
          chaos_orphans_pct_telegram: { limit: 1, unit: "%" },
        },
      },
      chaos_whatsapp: {
        measure: inWorkshop(stormOnWhatsApp),
        rows: {
          chaos_lost_whatsapp: { limit: 0, unit: "answers" },
          chaos_duplicates_whatsapp: { limit: 0, unit: "answers" },
          chaos_orphans_pct_whatsapp: { limit: 1, unit: "%" },
        },
      },
    },
  },
  process.argv.slice(2),
);
