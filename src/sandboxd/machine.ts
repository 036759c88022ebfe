// The memory of this machine as a whole.
import { statfsSync } from "node:fs";
import { kibibytes, read } from "./processes.ts";

/** As the kernel counts memory. */
const PAGE = statfsSync("/proc").bsize;

export type MachineMemory = {
  /** Bytes that programs on this machine can still have. */
  readonly available: number;
  /**
   * Bytes that are in no file and no process's own: what the kernel needs itself, and all that is shared. 0 where the machine
   * does not tell.
   */
  readonly elsewhere: number;
};

export function machineMemory(): MachineMemory {
  const told = read("/proc/meminfo");
  const of = (name: string): number => kibibytes(told, name);
  const zones = read("/proc/zoneinfo");
  // What was just freed each processor keeps for a while, up to gigabytes, and nothing of meminfo says so.
  const kept = [...zones.matchAll(/^ +count: +(\d+)$/gm)].reduce((sum, [, pages]) => sum + Number(pages) * PAGE, 0);
  const placed = ["MemFree", "Buffers", "Cached", "SwapCached", "AnonPages", "SReclaimable", "PageTables"];
  // Shared memory is among what is cached.
  const elsewhere = placed.reduce((rest, name) => rest - of(name), of("MemTotal") + of("Shmem") - kept);
  return { available: of("MemAvailable") + kept, elsewhere: zones === "" ? 0 : elsewhere };
}
