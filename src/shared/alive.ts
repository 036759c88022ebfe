// Whether a process of this machine lives.
import { readFileSync } from "node:fs";

/** False also for a dead one that nobody has collected yet: where process 1 is no real init, it stays for ever. */
export function isAlive(pid: number): boolean {
  // 0 and negative numbers mean whole groups to kill(2).
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    // proc(5): the state follows the name, which is in parentheses and may hold anything.
    return /^[ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, ""));
  } catch {
    // No /proc on this system, or the process has gone this moment; the next look will tell.
    return false;
  }
}
