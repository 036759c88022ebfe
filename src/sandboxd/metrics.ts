// How much a sandbox uses, read from the process table of this machine.
import { availableParallelism } from "node:os";
import { LIMITS } from "./limits.ts";
import { diskUse, familyOf, memoryAtMost, processorTicks, read } from "./processes.ts";
import type { Room } from "./room/room.ts";

/** One point in E2B's form. Processor use is the mean over the life of the room's processes. */
export function measure({ pid, staff }: Room, memoryBytes: number): object {
  const pids = familyOf(staff);
  const now = Date.now();
  return {
    timestamp: new Date(now).toISOString(),
    timestampUnix: Math.floor(now / 1_000),
    cpuCount: availableParallelism(),
    cpuUsedPct: pids.reduce((sum, one) => sum + processorPercent(one), 0),
    memTotal: memoryBytes,
    memUsed: pids.reduce((sum, one) => sum + memoryAtMost(one), 0),
    memCache: 0,
    diskTotal: LIMITS.homeBytes,
    diskUsed: diskUse(pid, ["/home/user"]).bytes,
  };
}

function processorPercent(pid: number): number {
  const { used, startedAt } = processorTicks(pid);
  const age = Number(read("/proc/uptime").split(" ")[0] ?? 0) - startedAt / 100;
  return age > 0 ? Math.round(used / age) : 0;
}
