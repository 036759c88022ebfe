// What a tree of processes costs, read from /proc.
import { readdirSync, readFileSync } from "node:fs";

export type Usage = { readonly pid: number; readonly command: string; readonly pssMb: number; readonly cpuMs: number };

/** USER_HZ, which is 100 on every Linux that Bun runs on. */
const TICK_MS = 10;

/** The process and everything below it; a process that ends while we look is left out. */
export function usageOf(root: number): Usage[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : "";
    const parent = fieldsOf(stat)[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === root) return true;
    return false;
  };
  return [...parents.keys()].filter(isBelow).map(usage);
}

function usage(pid: number): Usage {
  const pss = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? "0";
  const fields = fieldsOf(read(`/proc/${pid}/stat`));
  const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() || read(`/proc/${pid}/comm`).trim();
  return {
    pid,
    command,
    pssMb: Number(pss) / 1024,
    cpuMs: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS,
  };
}

/** The fields of /proc/PID/stat after the name, which may hold spaces: state, ppid, … utime is [11], stime [12]. */
const fieldsOf = (stat: string): string[] => stat.slice(stat.lastIndexOf(")") + 2).split(" ");

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
