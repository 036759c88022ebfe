// What a room weighs by itself, and what a hundred of them take from this machine.
import type { Sandbox } from "@e2b/code-interpreter";
import { median } from "../report.ts";
import { machineBytes, privateMb, roomsBelow } from "./processes.ts";
import type { Measurements } from "../sections.ts";
import { killAll, plot, Server } from "./server.ts";
import type { Sizes } from "./sizes.ts";

const SETTLE_MS = 2_000;
const AT_ONCE = 4;

/** Every process of the room, with the joiner and bubblewrap. */
export async function weight(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launch();
  const sandboxes = await createMany(server, sizes.weighed);
  await Bun.sleep(SETTLE_MS);
  const idle = weigh(server);
  for (const one of sandboxes) await plot(one);
  await Bun.sleep(SETTLE_MS);
  // The spares are the lightest: nobody has drawn there.
  const drawn = weigh(server).slice(0, sizes.weighed);
  return {
    private_idle_mb: { value: median(idle), peers: { heaviest: idle[0] ?? Number.NaN } },
    private_after_plot_mb: { value: median(drawn), peers: { heaviest: drawn[0] ?? Number.NaN } },
  };
}

function weigh(server: Server): number[] {
  return roomsBelow(server.top)
    .map((room) => privateMb(room.all))
    .toSorted((a, b) => b - a);
}

export async function crowd(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launch();
  await server.rest();
  await Bun.sleep(SETTLE_MS);
  const before = machineBytes("MemAvailable");
  const sandboxes = await createMany(server, sizes.idle);
  await Bun.sleep(SETTLE_MS);
  const grown = (before - machineBytes("MemAvailable")) / 2 ** 30;
  const rooms = roomsBelow(server.top).length;
  await killAll(sandboxes);
  if (rooms < sizes.idle) throw new Error(`Of ${sizes.idle} rooms only ${rooms} were there.`);
  return { idle_100_growth_gib: { value: grown, peers: { rooms } } };
}

async function createMany(server: Server, count: number): Promise<Sandbox[]> {
  const made: Sandbox[] = [];
  while (made.length < count) {
    const next = Math.min(AT_ONCE, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: next }, () => server.create()))));
  }
  return made;
}
