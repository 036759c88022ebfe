// Memory bombs of several kinds against a room without cgroups: how far they get, when they are dead, and whether the
// server still answers meanwhile. It is asked from outside, so that our own delays count as its.
import { median, percentile } from "../report.ts";
import { below, machineBytes } from "./processes.ts";
import type { Measurements } from "../sections.ts";
import { print, Server, timed } from "./server.ts";
import type { Sizes } from "./sizes.ts";

const MIB = 2 ** 20;
const LIMIT_BYTES = 512 * MIB;
const ALLOWED_BYTES = 128 * MIB;
/** No bomb goes further than this, whoever stops it. */
const MOST_MIB = (4 * LIMIT_BYTES) / MIB;
const WITHIN_MS = 4_000;
const QUIET_MS = 1_500;
const PAUSE_MS = 3;
/** Everything that a room can fill, counted once: private pages, and those of shared mappings and tmpfs. */
const MEMORY = ["AnonPages", "Shmem"] as const;

const REST = "\nimport time\ntime.sleep(60)";
const KINDS = {
  anonymous: `kept = [bytes([1]) * 2**24 for _ in range(${MOST_MIB / 16})]`,
  shared: `import mmap\nkept, fill = [], bytes([1]) * 2**24\nfor _ in range(${MOST_MIB / 16}):\n    kept.append(mmap.mmap(-1, 2**24))\n    kept[-1].write(fill)`,
  tmpfs: `fill = bytes([1]) * 2**20\nfor place in ("/home/user", "/tmp", "/dev/shm"):\n    try:\n        with open(place + "/bomb", "wb", 0) as file:\n            while True: file.write(fill)\n    except OSError: pass`,
  processes: `import os\nfor _ in range(16):\n    if os.fork() == 0:\n        kept = [bytes([1]) * 2**24 for _ in range(${MOST_MIB / 256})]\n        import time\n        time.sleep(60)`,
} as const;
type Kind = keyof typeof KINDS;

type Outcome = {
  /** From the moment at which the machine has given it its limit; 0: it never had. NaN: it lived on. */
  readonly deadMs: number;
  readonly peakBytes: number;
  readonly lags: readonly number[];
};

export async function bombs(sizes: Sizes): Promise<Measurements> {
  await using server = await Server.launchWithoutCgroups({ SANDPIPER_MEMORY_MB: String(LIMIT_BYTES / MIB) });
  await print(await server.create());
  await server.rest();
  const quiet = await lagsWhile(server, Bun.sleep(QUIET_MS));
  const dead: Record<string, number> = {};
  const over: Record<string, number> = {};
  const lag: Record<string, number> = { quiet: percentile(quiet, 99) };
  for (const kind of ["anonymous", "shared", "tmpfs", "processes"] as const) {
    const outcomes: Outcome[] = [];
    for (let bomb = 0; bomb < sizes.bombs; bomb += 1) outcomes.push(await explode(server, kind));
    dead[kind] = median(outcomes.map((one) => one.deadMs));
    over[kind] = Math.max(...outcomes.map((one) => overshootPercent(one.peakBytes)));
    lag[kind] = percentile(
      outcomes.flatMap((one) => one.lags),
      99,
    );
  }
  return {
    memory_bomb_dead_ms: { value: Math.max(...Object.values(dead)), peers: shown(dead) },
    memory_bomb_overshoot_pct: { value: Math.max(...Object.values(over)), peers: over },
    host_lag_p99_ms: { value: Math.max(...Object.values(lag)), peers: lag },
  };
}

/** What is not dead after a while is ended by us. */
async function explode(server: Server, kind: Kind): Promise<Outcome> {
  const sandbox = await server.create();
  const { joiner, kernel, all } = await server.roomOf(sandbox);
  const staff = new Set(all.filter((pid) => pid !== kernel));
  await server.rest();
  const before = machineBytes(...MEMORY);
  const ended = sandbox.runCode(KINDS[kind] + REST).then(
    ({ error }) => error !== undefined,
    () => true,
  );
  const isOver = endOf(ended);
  // The room itself may go on, with its files: what runs in it must be gone, or within the limit again.
  const isEmpty = (): boolean => below(joiner).every(({ pid }) => staff.has(pid));
  const watch = async (): Promise<Omit<Outcome, "lags">> => {
    let [used, peakBytes, crossedAt] = [0, 0, Number.NaN];
    for (const startedAt = performance.now(); !isOver() || (used > LIMIT_BYTES && !isEmpty());) {
      used = machineBytes(...MEMORY) - before;
      peakBytes = Math.max(peakBytes, used);
      const now = performance.now();
      if (used > LIMIT_BYTES && Number.isNaN(crossedAt)) crossedAt = now;
      if (now - startedAt > WITHIN_MS) return { deadMs: Number.NaN, peakBytes };
      await Bun.sleep(1);
    }
    return { deadMs: Number.isNaN(crossedAt) ? 0 : performance.now() - crossedAt, peakBytes };
  };
  const outcome = watch();
  const lags = await lagsWhile(server, outcome);
  await sandbox.kill();
  await server.rest();
  return { ...(await outcome), lags };
}

/** Each is one question to the server and its answer; no room has to do with it. */
async function lagsWhile(server: Server, work: Promise<unknown>): Promise<number[]> {
  const isOver = endOf(work);
  const lags: number[] = [];
  while (!isOver()) {
    lags.push(
      await timed(async () => await (await fetch(`${server.url}/sandboxes`, { headers: server.headers })).text()),
    );
    await Bun.sleep(PAUSE_MS);
  }
  return lags;
}

function overshootPercent(peakBytes: number): number {
  return Math.max(0, ((peakBytes - ALLOWED_BYTES) / LIMIT_BYTES - 1) * 100);
}

function shown(figures: Readonly<Record<string, number>>): Record<string, number | string> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, inWords(value)]));
}

function inWords(deadMs: number): number | string {
  return Number.isNaN(deadMs) ? `lived on for ${WITHIN_MS} ms` : deadMs;
}

function endOf(work: Promise<unknown>): () => boolean {
  let isOver = false;
  const end = () => (isOver = true);
  work.then(end, end);
  return () => isOver;
}
