// Limits that the kernel keeps for a room as a whole, where this machine hands cgroups out (scope.sh). The watchdog is there in
// any case.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Beyond this the watchdog was too slow. The kernel knows no staff: it might kill the agent, and so comes second. */
const limitFor = (memoryBytes: number): number => Math.ceil(1.25 * memoryBytes) + 128 * 2 ** 20;
const REMOVE_TRIES = 20;
const REMOVE_PAUSE_MS = 25;

/** What a room may have in memory and, besides or in sum, on a swap disk. */
type Files = { readonly memory: string; readonly swap: string; readonly swapFor: (limit: number) => number };
const V1: Files = { memory: "memory.limit_in_bytes", swap: "memory.memsw.limit_in_bytes", swapFor: (limit) => limit };
const V2: Files = { memory: "memory.max", swap: "memory.swap.max", swapFor: () => 0 };

export type Cgroup = {
  /** Whoever writes its number here is in it, with all that it starts. */
  readonly procs: string;
  /** Once nobody is in it any more. */
  readonly remove: () => Promise<void>;
};

export class Cgroups {
  readonly #folder: string;
  readonly #files: Files;
  #next = 1;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#files = existsSync(join(folder, "cgroup.controllers")) ? V2 : V1;
    // What a server that was killed left. Another one may live beside us, with rooms that nobody is in yet.
    for (const name of readdirSync(folder)) if (isLeft(name)) removeQuietly(join(folder, name));
  }

  /** Null: this machine hands none out. `folder` is one in which we may make others, and nobody else does. */
  static find(folder: string): Cgroups | null {
    return folder !== "" && isWritable(folder) ? new Cgroups(folder) : null;
  }

  /** Null where it cannot be made, or does not say what was written into it. */
  create(memoryBytes: number, processes: number): Cgroup | null {
    const folder = join(this.#folder, `room-${process.pid}-${this.#next++}`);
    const { memory, swap, swapFor } = this.#files;
    const limit = limitFor(memoryBytes);
    try {
      mkdirSync(folder);
      writeFileSync(join(folder, memory), String(limit));
      const told = Number(readFileSync(join(folder, memory), "utf8"));
      if (!(told > 0 && told <= limit)) throw new Error("the limit was not taken");
      // Not every kernel counts these.
      const more = { [swap]: swapFor(limit), "pids.max": processes * 2 };
      for (const [name, value] of Object.entries(more))
        if (existsSync(join(folder, name))) writeFileSync(join(folder, name), String(value));
      return { procs: join(folder, "cgroup.procs"), remove: () => removeSoon(folder) };
    } catch {
      removeQuietly(folder);
      return null;
    }
  }
}

function isLeft(name: string): boolean {
  const owner = /^room-(\d+)-/.exec(name)?.[1];
  return owner !== undefined && !existsSync(`/proc/${owner}`);
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
