// The process table as a test sees it: who descends from whom, who is gone, what an environment holds.
import { readdirSync, readFileSync } from "node:fs";
import { until } from "./until.ts";

/** A process by its number and the time at which it began: numbers are used again. */
export type Process = { readonly pid: number; readonly startedAt: string; readonly command: string };

/** Every process below `pid`, not `pid` itself. */
export function descendantsOf(pid: number): Process[] {
  const parents = new Map<number, number[]>();
  for (const one of allPids()) {
    const parent = Number(statOf(one)?.[1]);
    parents.set(parent, [...(parents.get(parent) ?? []), one]);
  }
  const found: number[] = [];
  const next = [pid];
  for (let current = next.pop(); current !== undefined; current = next.pop()) {
    const children = parents.get(current) ?? [];
    found.push(...children);
    next.push(...children);
  }
  return found.flatMap((one) => processOf(one) ?? []);
}

/** Null when there is no such process, or only its remains that wait to be collected. */
export function processOf(pid: number): Process | null {
  const stat = statOf(pid);
  if (stat === null || stat[0] === "Z") return null;
  return { pid, startedAt: stat[19] ?? "", command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() };
}

export const isAlive = (process: Process): boolean => processOf(process.pid)?.startedAt === process.startedAt;

/** Throws with the commands of those that live on. */
export async function allGone(processes: readonly Process[], withinMs: number): Promise<void> {
  const alive = (): Process[] => processes.filter(isAlive);
  await until(
    () => alive().length === 0,
    withinMs,
    () =>
      `left: ${alive()
        .map((one) => one.command)
        .join(" | ")}`,
  );
}

/** The environment that a process was started with. */
export const environmentOf = (pid: number): string[] => read(`/proc/${pid}/environ`).split("\0");

/** State, parent … as proc(5) numbers them from 3 on; the name in parentheses may hold anything. */
function statOf(pid: number): string[] | null {
  const text = read(`/proc/${pid}/stat`);
  return text === "" ? null : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

const allPids = (): number[] => readdirSync("/proc").map(Number).filter(Number.isInteger);

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended meanwhile.
    return "";
  }
}
