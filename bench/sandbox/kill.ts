// How fast a room is empty that does not want to be: a fork bomb goes off in it, of small processes or of such as have
// everything imported. Each of the latter keeps the kernel busy for milliseconds when it ends.
import type { Sandbox } from "@e2b/code-interpreter";
import { median, percentile } from "../report.ts";
import { below, insidersBelow, roomsBelow } from "./processes.ts";
import type { Measurements } from "../sections.ts";
import { Server } from "./server.ts";
import type { Sizes } from "./sizes.ts";

const BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass";
const KINDS = {
  kernels: (sandbox: Sandbox) => sandbox.runCode(BOMB),
  small: (sandbox: Sandbox) => sandbox.commands.run(`python3 -I -S -c '${BOMB}'`, { timeoutMs: 0 }),
} as const;
const LOUD = 100;
const WITHIN_MS = 20_000;

export async function kill(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launch();
  const figures: Record<keyof typeof KINDS, number[]> = { kernels: [], small: [] };
  for (let bomb = 0; bomb < sizes.kills; bomb += 1)
    for (const kind of ["kernels", "small"] as const) figures[kind].push(await killOne(server, KINDS[kind]));
  const p95 = { kernels: percentile(figures.kernels, 95), small: percentile(figures.small, 95) };
  const peers = { ...p95, kernels_p50: median(figures.kernels), small_p50: median(figures.small) };
  return { kill_to_empty_p95_ms: { value: Math.max(p95.kernels, p95.small), peers } };
}

async function killOne(server: Server, explode: (sandbox: Sandbox) => Promise<unknown>): Promise<number> {
  const sandbox = await server.create();
  const { joiner } = await server.roomOf(sandbox);
  await server.rest();
  const others = roomsBelow(server.top).filter((room) => room.joiner !== joiner);
  const known = new Set(others.flatMap((room) => room.all));
  const bomb = explode(sandbox).catch(() => "died");
  for (const giveUpAt = performance.now() + WITHIN_MS; below(joiner).length < LOUD; await Bun.sleep(20))
    if (performance.now() > giveUpAt) throw new Error("The fork bomb did not go off.");
  const startedAt = performance.now();
  await sandbox.kill();
  for (;;) {
    // A look takes milliseconds; what it does not find was not there when it began.
    const lookedAt = performance.now();
    if (insidersBelow(server.top).every((one) => known.has(one.pid))) {
      await bomb;
      return lookedAt - startedAt;
    }
    if (lookedAt - startedAt > WITHIN_MS) throw new Error("The fork bomb outlived its room.");
  }
}
