// Whether a process of this machine lives.
import { readFileSync, readlinkSync } from "node:fs";
import { systemCode } from "./errors.ts";

/** False also for a dead one that nobody has collected yet: where process 1 is no real init, it stays for ever. */
export function isAlive(pid: number): boolean {
  // 0 and negative numbers mean whole groups to kill(2).
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
  return !isZombie(pid);
}

/** Tells this process from a later one with its pid, and from one of another container. Null where the system does not say. */
export function identityOf(pid: number): string | null {
  try {
    return `${readlinkSync("/proc/self/ns/pid")} ${fieldsOf(pid)[START_TIME] ?? ""}`;
  } catch {
    return null;
  }
}

/** Whether the process with this pid and identity lives. One of another container cannot be seen: it counts as alive. */
export function isSameAlive(pid: number, identity: string | null): boolean {
  const current = identityOf(pid);
  const [namespace] = (identity ?? "").split(" ");
  const [own] = (identityOf(process.pid) ?? "").split(" ");
  if (identity !== null && own !== "" && namespace !== own) return true;
  return isAlive(pid) && (identity === null || current === null || current === identity);
}

/** proc(5): the fields that follow the name, which is in parentheses and may hold anything. */
const fieldsOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
const STATE = 0;
const START_TIME = 19;

function isZombie(pid: number): boolean {
  try {
    return /^[ZX]/.test(fieldsOf(pid)[STATE] ?? "");
  } catch {
    // No /proc on this system, or the process has gone this moment; the next look will tell.
    return false;
  }
}
