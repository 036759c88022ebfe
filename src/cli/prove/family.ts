// The processes that a room is made of, as this machine numbers them: found by a mark in a command line, and then upwards.
import { readdirSync, readFileSync } from "node:fs";
import type { Sandbox } from "@e2b/code-interpreter";

export type Family = {
  readonly mark: string;
  /** The kernel's process, its agent, process 1 of the room, and who waits for it outside. */
  readonly kernel: number;
  readonly agent: number;
  readonly init: number;
  readonly bwrap: number;
  /** Only of a room that was forked. */
  readonly joiner: number | null;
  readonly zygote: number | null;
};

const FIND_MS = 5_000;
const LOOK_MS = 20;

/** Leaves three processes in the room that do what they can to outlive it. */
export async function familyOf(sandbox: Sandbox): Promise<Family> {
  const mark = `7${process.pid}${Math.floor(Math.random() * 1e9)}`;
  const { error } = await sandbox.runCode(`
import os, signal, subprocess
subprocess.Popen(["sleep", "${mark}"])
subprocess.Popen(["setsid", "nohup", "sh", "-c", "trap '' TERM HUP INT; (sleep ${mark} &) ; while :; do sleep ${mark}; done"])`);
  if (error !== undefined) throw new Error(error.traceback);
  let marked: number[] = [];
  await until(async () => (marked = marksOf(mark)).length >= 3, FIND_MS);
  const child = marked.find((pid) => nameOf(parentOf(pid)).startsWith("python"));
  if (child === undefined) throw new Error("the room's kernel was not found");
  const kernel = parentOf(child);
  const agent = parentOf(kernel);
  const above = parentOf(agent);
  if (nameOf(above) === "bwrap") return { mark, kernel, agent, init: agent, bwrap: above, joiner: null, zygote: null };
  const bwrap = pids().find((pid) => parentOf(pid) === above && nameOf(pid) === "bwrap") ?? 0;
  const init = pids().find((pid) => parentOf(pid) === bwrap) ?? 0;
  return { mark, kernel, agent, init, bwrap, joiner: above, zygote: parentOf(above) };
}

/** Processes that are left of it; one that has ended and is not yet buried does not count. */
export function leftOf(family: Family): number[] {
  const own = [family.kernel, family.agent, family.init, family.bwrap, family.joiner ?? 0];
  return [...new Set([...own.filter((pid) => pid > 0 && isAlive(pid)), ...marksOf(family.mark)])];
}

/** Whether nothing of it is left within two seconds. */
export async function isGone(family: Family): Promise<boolean> {
  return await until(async () => leftOf(family).length === 0, 2_000).then(
    () => true,
    () => false,
  );
}

/** Ends what should not be there any more. */
export function sweepUp(family: Family): void {
  for (const pid of leftOf(family)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It went with one of the others.
    }
  }
}

export async function until(condition: () => Promise<boolean>, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`it did not happen within ${limitMs / 1_000} s`);
    await Bun.sleep(LOOK_MS);
  }
}

function marksOf(mark: string): number[] {
  return pids().filter((pid) => read(pid, "cmdline").includes(mark) && isAlive(pid));
}

function pids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

const parentOf = (pid: number): number => Number(/^PPid:\t(\d+)/m.exec(read(pid, "status"))?.[1] ?? 0);
const nameOf = (pid: number): string => /^Name:\t(.*)/m.exec(read(pid, "status"))?.[1] ?? "";

function isAlive(pid: number): boolean {
  const state = /^State:\t(\w)/m.exec(read(pid, "status"))?.[1];
  return state !== undefined && state !== "Z" && state !== "X";
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
