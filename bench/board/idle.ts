// What core and worker cost when nobody asks for anything: started as `npm start` does it, read from /proc.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { usageOf } from "../processes.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import { BUN, type Workshop } from "./workshop.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
/** Nobody stays attentive for longer after the last thing that happened. */
const SETTLE_MS = 75_000;
const START_WITHIN_MS = 30_000;
const STOP_GRACE_MS = 10_000;
/** sandboxd is measured elsewhere (bench/main.ts). */
const COUNTED = /src\/(core\/server|worker\/worker)\.ts/;

export async function idle(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const home = workshop.home();
  const env = {
    ...process.env,
    SANDPIPER_HOME: home,
    SANDPIPER_PORT: "0",
    SANDPIPER_OPEN: "0",
    SANDPIPER_SANDBOX: "local",
  };
  await using program = workshop.start([...BUN, MAIN], { env, speaks: "none" });
  // It is written when everything is ready.
  for (
    const giveUpAt = performance.now() + START_WITHIN_MS;
    !existsSync(join(home, "data/server.json"));
    await Bun.sleep(50)
  )
    if (performance.now() > giveUpAt) throw new Error("Sandpiper did not start.");
  await Bun.sleep(SETTLE_MS);
  const before = cpuMs(program.pid);
  const startedAt = performance.now();
  await Bun.sleep(sizes.idleMs);
  const after = cpuMs(program.pid);
  const elapsedMs = performance.now() - startedAt;
  await program.stop(STOP_GRACE_MS);
  const percent = (name: string): number => (((after.get(name) ?? 0) - (before.get(name) ?? 0)) / elapsedMs) * 100;
  const peers = { core: percent("core/server"), worker: percent("worker/worker") };
  if (before.size !== 2 || after.size !== 2) throw new Error("core and worker were not both there.");
  return { idle_cpu_pct: { value: peers.core + peers.worker, peers } };
}

function cpuMs(root: number): Map<string, number> {
  return new Map(
    usageOf(root).flatMap((one): [string, number][] => {
      const name = COUNTED.exec(one.command)?.[1];
      return name === undefined ? [] : [[name, one.cpuMs]];
    }),
  );
}
