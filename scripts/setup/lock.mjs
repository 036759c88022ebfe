// One set-up at a time in one project folder: a folder as the lock, with its owner's name inside.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const POLL_MS = 50;
/** A lock without an owner's name belongs to a process that is just making it, or died doing so. */
const NAMELESS_MS = 5_000;

/** Runs `work` while holding the lock; `onWait` is called once when somebody else holds it. */
export async function withLock(path, work, onWait = () => {}) {
  let hasWaited = false;
  while (!acquire(path)) {
    if (!hasWaited) onWait();
    hasWaited = true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const release = () => rmSync(path, { recursive: true, force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

function acquire(path) {
  mkdirSync(dirname(path), { recursive: true });
  try {
    mkdirSync(path);
    writeFileSync(join(path, "owner"), identify(process.pid));
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  if (isStale(path)) discard(path);
  return false;
}

/** A lock is stale when its owner is gone: killed, or lost with the machine. */
export function isStale(path) {
  const owner = readOwner(path);
  if (owner !== null && owner !== "") return identify(Number.parseInt(owner, 10)) !== owner;
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && Date.now() - made > NAMELESS_MS;
}

/** Renamed before it is removed: of two that saw the stale lock, one moves it and the other finds nothing. */
function discard(path) {
  const aside = `${path}.${process.pid}.part`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  rmSync(aside, { recursive: true, force: true });
}

function readOwner(path) {
  try {
    return readFileSync(join(path, "owner"), "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

/** "pid start-time", where the system tells the start time (a pid alone may be another process after a reboot); "" if it is dead. */
function identify(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold spaces; the start time is the 20th field after it.
    return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return isAlive(pid) ? `${pid}` : "";
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}
