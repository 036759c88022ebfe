// What the job board does in a second and in how many milliseconds, beside its peers and against its goals.
import { claim } from "./board/claim.ts";
import { death } from "./board/death.ts";
import { drain } from "./board/drain.ts";
import { enqueue } from "./board/enqueue.ts";
import { events } from "./board/events.ts";
import { foreign } from "./board/foreign.ts";
import { idle } from "./board/idle.ts";
import { pickup } from "./board/pickup.ts";
import { FULL, QUICK } from "./board/sizes.ts";
import { lag, writers } from "./board/writers.ts";
import { inWorkshop } from "./board/workshop.ts";
import { runBench } from "./sections.ts";

await runBench(
  {
    name: "board",
    full: FULL,
    quick: QUICK,
    sections: {
      enqueue: {
        measure: inWorkshop(enqueue),
        rows: {
          enqueue_1_vs_raw: { limit: 0.8, unit: "×", bound: "least" },
          enqueue_64_vs_plainjob: { limit: 15, unit: "×", bound: "least" },
        },
      },
      drain: {
        measure: inWorkshop(drain),
        rows: {
          drain_vs_plainjob: { limit: 5, unit: "×", bound: "least" },
          drain_vs_bunqueue: { limit: 8, unit: "×", bound: "least" },
        },
      },
      pickup: {
        measure: inWorkshop(pickup),
        rows: { pickup_p50_ms: { limit: 3, unit: "ms" }, pickup_p99_ms: { limit: 12, unit: "ms" } },
      },
      claim: {
        measure: inWorkshop(claim),
        rows: { claim_1m_p50_ms: { limit: 0.1, unit: "ms" }, claim_1m_p99_ms: { limit: 1, unit: "ms" } },
      },
      foreign: {
        measure: inWorkshop(foreign),
        rows: {
          foreign_pickup_p50_ms: { limit: 15, unit: "ms" },
          foreign_pickup_p99_ms: { limit: 40, unit: "ms" },
          foreign_pickup_max_ms: { limit: 510, unit: "ms" },
        },
      },
      death: { measure: inWorkshop(death), rows: { dead_worker_reclaim_p99_ms: { limit: 50, unit: "ms" } } },
      events: {
        measure: inWorkshop(events),
        rows: {
          event_to_socket_p99_ms: { limit: 15, unit: "ms" },
          events_per_s: { limit: 10_000, unit: "/s", bound: "least" },
        },
      },
      writers: {
        measure: inWorkshop(writers),
        rows: { foreign_writer_wait_p99_ms: { limit: 25, unit: "ms" }, busy_errors: { limit: 0, unit: "errors" } },
      },
      lag: { measure: inWorkshop(lag), rows: { core_loop_lag_p99_ms: { limit: 50, unit: "ms", bound: "below" } } },
      idle: { measure: inWorkshop(idle), rows: { idle_cpu_pct: { limit: 0.6, unit: "%" } } },
    },
  },
  process.argv.slice(2),
);
