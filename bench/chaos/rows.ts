// The run in figures, each beside its goal; and whether it proves anything at all.
import { atLeast, atMost, type Row } from "../report.ts";
import { share, type Result } from "./run.ts";
import type { Sizes } from "./sizes.ts";

/** With fewer kills that met a job the run proves nothing. */
const MIN_SHARE_PCT = 30;

export function toRows(result: Result, sizes: Sizes): Row[] {
  const { findings } = result;
  const of = (name: "core" | "worker") => share(result.kills.filter((kill) => kill.name === name));
  return [
    atLeast("kills", result.kills.length, "kills", sizes.kills),
    atLeast("kills_with_job_pct", share(result.kills), "%", MIN_SHARE_PCT, { worker: of("worker"), core: of("core") }),
    atLeast("stops_longer_than_lease", longStops(result, sizes), "stops", sizes.stops),
    atLeast("jobs_acknowledged", result.acknowledged, "jobs", sizes.jobs),
    atLeast("late_results_refused", result.lateResults, "results", 1),
    none("jobs_lost", findings.lost.length),
    none("jobs_done_twice", findings.doneTwice.length),
    none("results_of_nobody", findings.unfounded.length),
    none("attempts_beyond_max", findings.beyondMax.length),
    none("jobs_uninvited", findings.uninvited.length),
    none("stuck", result.stuck),
    atMost("drain_after_restart_s", result.drainMs / 1_000, "s", sizes.drainMs / 1_000),
    none("order_broken", findings.order.length),
    none("stories_malformed", findings.stories.length),
    none("events_missing", findings.events.length + result.disorders, "events"),
    none("mirror_mismatches", result.mismatches),
    none("integrity_problems", result.problems.length, "problems"),
    none("orphan_sandboxes", result.orphans, "sandboxes", { created: result.sandboxes }),
    none("open_sandbox_rows", result.openSandboxRows, "rows"),
    none("sandboxes_killed_early", findings.sandboxes.length, "sandboxes"),
    none("unclean_exits", result.uncleanExits, "processes"),
  ];
}

const none = (name: string, count: number, unit = "jobs", peers: Row["peers"] = {}): Row =>
  atMost(name, count, unit, 0, peers);

const longStops = (result: Result, sizes: Sizes): number =>
  result.stops.filter((stop) => stop.ms > sizes.leaseMs).length;

/** A proof of the contrary is one in any case. */
export function isRefuted(result: Result): boolean {
  const found = Object.values(result.findings).some((sentences) => sentences.length > 0);
  return found || result.problems.length + result.mismatches + result.stuck + result.orphans > 0;
}

/** Why the run says nothing about the board; nothing when it says something. */
export function whyVoid(result: Result): string[] {
  const idle = result.kills.filter((kill) => kill.ready === 0).length;
  const isRobbed = result.stops.some((stop) => stop.name === "worker" && stop.lost > 0);
  const reasons = [
    [share(result.kills) < MIN_SHARE_PCT, `only ${share(result.kills)} % of the kills met a process that held a job`],
    [idle > 0, `at ${idle} kills no job was waiting`],
    [!isRobbed, "no worker lost a job while it was stopped, so the fence was never tried"],
  ] as const;
  return reasons.flatMap(([isSo, why]) => (isSo ? [why] : []));
}
