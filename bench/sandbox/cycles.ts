// A long life: sandboxes come and go, parts of some are killed, and nothing of it may stay behind.
import { readdirSync, readlinkSync } from "node:fs";
import { below, killQuietly, read, roomsBelow, rssMb, zygoteBelow } from "./processes.ts";
import type { Measurements } from "../sections.ts";
import { print, run, Server } from "./server.ts";
import type { Sizes } from "./sizes.ts";

const WARM_UP = 100;
const AT_ONCE = 3;
const SETTLE_WITHIN_MS = 20_000;
const PARTS = ["kernel", "agent", "bwrap", "joiner", "zygote"] as const;

const THINGS = ["processes", "fds", "mounts", "files", "cgroups"] as const;
type Things = { readonly [name in (typeof THINGS)[number]]: number };

export async function cycles(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launchReaped();
  const failures = new Map<string, number>();
  const fail = (where: string) => void failures.set(where, (failures.get(where) ?? 0) + 1);
  // What is compiled and cached once is there now.
  await repeat(WARM_UP, async () => await cycle(server, null, fail));
  await server.rest();
  const before = thingsOf(server);
  const rssBefore = rssMb(server.pid);
  const every = Math.floor(sizes.cycles / sizes.murders);
  await repeat(sizes.cycles, async (index) => {
    const victim = index % every === 0 ? (PARTS[(index / every) % PARTS.length] ?? null) : null;
    await cycle(server, victim, fail);
  });
  const after = await settled(server, before);
  const grown = rssMb(server.pid) - rssBefore;
  const leaks = Object.fromEntries(THINGS.map((name) => [name, Math.max(0, after[name] - before[name])]));
  const sum = Object.values(leaks).reduce((all, one) => all + one, 0);
  const peers = { ...leaks, cycles: sizes.cycles, murders: sizes.murders, ...Object.fromEntries(failures) };
  return {
    cycles_1000_leaks: { value: sum, peers },
    cycles_growth_mb: { value: grown, peers: { before: rssBefore, cycles: sizes.cycles } },
  };
}

/** What is asked of a sandbox whose part is killed may fail; a new sandbox may not. */
async function cycle(server: Server, victim: (typeof PARTS)[number] | null, fail: (where: string) => void) {
  let step = "create";
  try {
    const sandbox = await server.create();
    step = victim === null ? "run" : `run_without_${victim}`;
    const work = victim === null ? print(sandbox) : run(sandbox, "import time\ntime.sleep(0.2)");
    if (victim !== null) {
      work.catch(() => undefined);
      await Bun.sleep(Math.random() * 100);
      murder(server, victim);
    }
    await work.catch(() => fail(step));
    step = "kill";
    await sandbox.kill();
  } catch {
    fail(step);
  }
}

/** Of a room by chance, be it in use or a spare. */
function murder(server: Server, victim: (typeof PARTS)[number]): void {
  const rooms = roomsBelow(server.top);
  const room = rooms[Math.floor(Math.random() * rooms.length)];
  const pid = victim === "zygote" ? zygoteBelow(server.top) : room?.[victim];
  if (pid !== undefined) killQuietly(pid);
}

async function repeat(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Nothing more than before, or what is there when we have waited long enough. */
async function settled(server: Server, before: Things): Promise<Things> {
  const giveUpAt = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const now = thingsOf(server);
    const isMore = THINGS.some((name) => now[name] > before[name]);
    if ((!isMore && now.processes === before.processes) || performance.now() > giveUpAt) return now;
    await Bun.sleep(200);
  }
}

/** The server's processes, orphans included; of itself its descriptors, its mounts, the files of its /tmp and its rooms' cgroups. */
function thingsOf({ top, pid }: Server): Things {
  return {
    processes: below(top).length,
    fds: descriptorsOf(pid).length,
    mounts: read(`/proc/${pid}/mountinfo`).split("\n").length,
    files: readdirSync(`/proc/${pid}/root/tmp`, { recursive: true }).length,
    cgroups: cgroupsOf(pid).length,
  };
}

function cgroupsOf(pid: number): string[] {
  const folder = /(?:^|\0)SANDPIPER_CGROUP=([^\0]+)/.exec(read(`/proc/${pid}/environ`))?.[1];
  return folder === undefined ? [] : readdirSync(folder).filter((name) => name.startsWith("room-"));
}

/** But those of the connections that our own client keeps open. */
function descriptorsOf(pid: number): string[] {
  const lines = read(`/proc/${pid}/net/tcp`).trim().split("\n").slice(1);
  const connections = new Set(lines.map((line) => `socket:[${line.trim().split(/\s+/)[9] ?? ""}]`));
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${name}`);
      return connections.has(target) ? [] : [target];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}
