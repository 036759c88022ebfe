// How fast a room is empty that does not want to be: a fork bomb goes off in it.
import { median, percentile } from "../report.ts";
import { below, insidersBelow, roomsBelow } from "./processes.ts";
import type { Measurements } from "./rows.ts";
import { Server } from "./server.ts";
import type { Sizes } from "./sizes.ts";

const BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass";
const LOUD = 60;
const WITHIN_MS = 20_000;

export async function kill(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launch();
  const figures: number[] = [];
  for (let bomb = 0; bomb < sizes.kills; bomb += 1) figures.push(await killOne(server));
  return { kill_to_empty_p95_ms: { value: percentile(figures, 95), peers: { p50: median(figures) } } };
}

async function killOne(server: Server): Promise<number> {
  const sandbox = await server.create();
  const { joiner } = await server.roomOf(sandbox);
  await server.rest();
  const others = roomsBelow(server.top).filter((room) => room.joiner !== joiner);
  const known = new Set(others.flatMap((room) => room.all));
  const bomb = sandbox.runCode(BOMB).catch(() => "died");
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
