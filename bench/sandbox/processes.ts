// Which processes belong to a sandbox server and to each of its rooms, read from /proc.
import { readdirSync, readFileSync } from "node:fs";

export type Process = {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly command: string;
  /** Its number in each pid namespace, ours first: more than one for what is in a room. */
  readonly numbers: readonly number[];
};

/** All processes below this one, but those that only wait to be reaped. */
export function below(root: number): Process[] {
  return descendants(allProcesses(), root);
}

function descendants(processes: readonly Process[], root: number): Process[] {
  const children = Map.groupBy(processes, (one) => one.parent);
  const found: Process[] = [];
  const look = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      look(child.pid);
    }
  };
  look(root);
  return found;
}

export type RoomProcesses = {
  /** In T0 bubblewrap itself. */
  readonly joiner: number;
  readonly bwrap: number | undefined;
  readonly agent: number | undefined;
  readonly kernel: number | undefined;
  readonly names: readonly string[];
  readonly all: readonly number[];
};

/** Those of every room below this process; `all` begins with the joiner. */
export function roomsBelow(root: number): RoomProcesses[] {
  const processes = below(root);
  const inside = new Set(processes.filter(isInside));
  const isJoiner = (one: Process): boolean =>
    !inside.has(one) &&
    processes.some((child) => child.parent === one.pid && inside.has(child) && child.name !== "bwrap");
  return processes.filter(isJoiner).map((joiner) => {
    const mine = descendants(processes, joiner.pid);
    const agent = mine.find((one) => one.parent === joiner.pid && inside.has(one));
    return {
      joiner: joiner.pid,
      bwrap: mine.find((one) => one.parent === joiner.pid && !inside.has(one))?.pid,
      agent: agent?.pid,
      kernel: mine.find((one) => one.parent === agent?.pid)?.pid,
      names: mine.map((one) => one.name),
      all: [joiner.pid, ...mine.map((one) => one.pid)],
    };
  });
}

/** Whatever is in any room below this process. */
export function insidersBelow(root: number): Process[] {
  return below(root).filter(isInside);
}

const isInside = (one: Process): boolean => one.numbers.length > DEPTH;

export function zygoteBelow(root: number): number | undefined {
  const zygotes = below(root).filter((one) => one.command.includes("sandpiper.zygote"));
  // The joiners bear its name.
  return zygotes.find((one) => !zygotes.some((other) => other.pid === one.parent))?.pid;
}

/** Private_Clean and Private_Dirty of all these together. Throws where another user's memory may not be read. */
export function privateMb(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => {
    const lines = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm);
    return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
  });
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024;
}

/** A line of /proc/meminfo, in bytes. */
export function machineBytes(...names: readonly string[]): number {
  const text = readFileSync("/proc/meminfo", "utf8");
  const values = names.map((name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]));
  return values.reduce((sum, one) => sum + one, 0) * 1024;
}

export function rssMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "NaN") / 1024;
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended in this very moment.
  }
}

export function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function allProcesses(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const status = read(`/proc/${name}/status`);
      const field = (key: string): string => new RegExp(`^${key}:\\t(.*)$`, "m").exec(status)?.[1] ?? "";
      if (status === "" || field("State").startsWith("Z")) return [];
      const command = read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
      const numbers = numbersOf(status);
      return [{ pid: Number(name), parent: Number(field("PPid")), name: field("Name"), command, numbers }];
    });
}

/** In how many pid namespaces we are. */
const DEPTH = numbersOf(read("/proc/self/status")).length;

function numbersOf(status: string): number[] {
  return (/^NSpid:\t(.*)$/m.exec(status)?.[1] ?? "").split("\t").map(Number);
}
