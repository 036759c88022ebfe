// How much a sandbox uses, read from the process table of this machine: every process in the room's pid namespace.
import { readdirSync, readFileSync, readlinkSync, statfsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { LIMITS } from "./limits.ts";

/** One point in E2B's form. Processor use is the mean over the life of the room's processes. */
export async function measure(pid: number, memoryBytes: number): Promise<object> {
  const namespace = namespaceOf(pid);
  const pids = namespace === null ? [] : allPids().filter((one) => namespaceOf(one) === namespace);
  const now = Date.now();
  return {
    timestamp: new Date(now).toISOString(),
    timestampUnix: Math.floor(now / 1_000),
    cpuCount: availableParallelism(),
    cpuUsedPct: pids.reduce((sum, one) => sum + processorPercent(one), 0),
    memTotal: memoryBytes,
    memUsed: pids.reduce((sum, one) => sum + memoryOf(one), 0),
    memCache: 0,
    diskTotal: LIMITS.homeBytes,
    diskUsed: diskUsed(pid),
  };
}

function allPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // Ended meanwhile, or another user's.
    return null;
  }
}

function memoryOf(pid: number): number {
  const status = read(`/proc/${pid}/status`);
  const own = ["RssAnon", "RssShmem"].map((name) => new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? "0");
  return own.reduce((sum, kilobytes) => sum + Number(kilobytes) * 1_024, 0);
}

/** Ticks are hundredths of a second on every Linux that Bun runs on. */
function processorPercent(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  const [user, system, started] = [11, 12, 19].map((index) => Number(fields[index] ?? 0) / 100);
  const uptime = Number(read("/proc/uptime").split(" ")[0] ?? 0);
  const age = uptime - (started ?? 0);
  return age > 0 ? Math.round((((user ?? 0) + (system ?? 0)) / age) * 100) : 0;
}

function diskUsed(pid: number): number {
  try {
    const disk = statfsSync(`/proc/${pid}/root/home/user`);
    return (disk.blocks - disk.bfree) * disk.bsize;
  } catch {
    // The agent hides its root from everybody but this user's own tracer.
    return 0;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
