// Limits that the kernel keeps for a room as a whole, where this machine hands cgroups out: version 1 to root, version 2 where
// it is delegated. The watchdog is there in any case.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Beyond this the watchdog was too slow. The kernel knows no staff: it might kill the agent, and so comes second. */
const limitFor = (memoryBytes: number): number => Math.ceil(1.25 * memoryBytes) + 128 * 2 ** 20;
const REMOVE_TRIES = 20;
const REMOVE_PAUSE_MS = 25;

const FILES = { v1: { memory: "memory.limit_in_bytes" }, v2: { memory: "memory.max" } } as const;

export type Cgroup = {
  /** Whoever writes its number here is in it, with all that it starts. */
  readonly procs: string;
  /** Once nobody is in it any more. */
  readonly remove: () => Promise<void>;
};

export class Cgroups {
  readonly #folder: string;
  readonly #version: keyof typeof FILES;
  #next = 1;

  private constructor(folder: string, version: keyof typeof FILES) {
    this.#folder = folder;
    this.#version = version;
    // What a server that was killed left; one that is in use stays.
    for (const name of readdirSync(folder)) if (name.startsWith("room-")) removeQuietly(join(folder, name));
  }

  /** Null: this machine hands none out. `folder` is one that root has made for us. */
  static find(folder: string): Cgroups | null {
    if (folder !== "" && isWritable(folder)) return new Cgroups(folder, "v1");
    const delegated = delegatedFolder();
    return delegated === null ? null : new Cgroups(delegated, "v2");
  }

  /** Null where it cannot be made, or does not say what was written into it. */
  create(memoryBytes: number, processes: number): Cgroup | null {
    const folder = join(this.#folder, `room-${process.pid}-${this.#next++}`);
    const limit = limitFor(memoryBytes);
    try {
      mkdirSync(folder);
      const memory = join(folder, FILES[this.#version].memory);
      writeFileSync(memory, String(limit));
      const told = Number(readFileSync(memory, "utf8"));
      if (!(told > 0 && told <= limit)) throw new Error("the limit was not taken");
      if (existsSync(join(folder, "pids.max"))) writeFileSync(join(folder, "pids.max"), String(processes * 2));
      return { procs: join(folder, "cgroup.procs"), remove: () => removeSoon(folder) };
    } catch {
      removeQuietly(folder);
      return null;
    }
  }
}

/** Our own, if the memory of its children may be limited: nobody may be in it besides them. */
function delegatedFolder(): string | null {
  try {
    const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "";
    const parent = join("/sys/fs/cgroup", own, "..");
    const controllers = readFileSync(join(parent, "cgroup.subtree_control"), "utf8").split(/\s+/);
    const isEmpty = readFileSync(join(parent, "cgroup.procs"), "utf8").trim() === "";
    return controllers.includes("memory") && isEmpty && isWritable(parent) ? parent : null;
  } catch {
    return null;
  }
}

function isWritable(folder: string): boolean {
  const probe = join(folder, `probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

/** Its last process may still be on its way out. */
async function removeSoon(folder: string): Promise<void> {
  for (let tries = 0; tries < REMOVE_TRIES && !removeQuietly(folder); tries += 1) await Bun.sleep(REMOVE_PAUSE_MS);
}

function removeQuietly(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}
