// The board under kill -9: what is lost (nothing), done twice (nothing), left over (nothing).
import { runChaos, share, type Result } from "./chaos/run.ts";
import { FULL, SMALL, type Sizes } from "./chaos/sizes.ts";
import { isRefuted, toRows, whyVoid } from "./chaos/rows.ts";
import { printResults } from "./report.ts";

const SHOWN = 8;

function tell(result: Result): void {
  const by = (name: "core" | "worker") => result.kills.filter((kill) => kill.name === name);
  for (const name of ["worker", "core"] as const) {
    const kills = by(name);
    const what = name === "worker" ? "running jobs" : "unanswered messages";
    console.log(`${kills.length} kills of ${name}, ${share(kills)} % of them with ${what}`);
  }
  const holders = result.stops.filter((stop) => stop.name === "worker" && stop.held > 0);
  const robbed = holders.filter((stop) => stop.lost === stop.held).length;
  console.log(
    `${result.stops.length} stops longer than the lease; ${holders.length} of workers with jobs, which ${robbed} lost meanwhile`,
  );
  console.log(`${result.jobs} jobs on the board; ${result.unsure} messages stayed without an answer`);
  for (const [name, counts] of [
    ["attempts", result.outcomes],
    ["errors in the logs", result.errors],
    ["refusals", result.refusals],
  ] as const)
    console.log(`${name}: ${JSON.stringify(Object.fromEntries(counts))}`);
  for (const [name, found] of [...Object.entries(result.findings), ["problems", result.problems] as const])
    for (const sentence of found.slice(0, SHOWN)) console.log(`✗ ${name}: ${sentence}`);
}

async function main(sizes: Sizes): Promise<number> {
  console.log(JSON.stringify(sizes));
  const startedAt = performance.now();
  const result = await runChaos(sizes, (text) =>
    console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${text}`),
  );
  tell(result);
  const rows = toRows(result, sizes);
  const reasons = whyVoid(result);
  for (const reason of reasons) console.log(`VOID: ${reason}`);
  printResults("chaos", rows);
  if (isRefuted(result)) return 1;
  if (reasons.length > 0) return 2;
  return rows.every((row) => row.met) ? 0 : 1;
}

process.exit(await main(process.argv.includes("--small") ? SMALL : FULL));
