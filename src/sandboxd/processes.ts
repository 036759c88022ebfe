// The processes of a room as this machine sees them. What is read is the kernel's word: nothing from inside is believed, and
// no path of a room is opened.
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";

const KIB = 2 ** 10;
/** A process with a longer table of what it has mapped is not read to its end. */
const MAPS_BYTES = 256 * KIB;

/** From these on down: every process whose parents lead here. A room's orphans become children of its process 1. */
export function familyOf(roots: readonly number[]): number[] {
  const seen = new Set(roots);
  // A set may grow while it is walked.
  for (const pid of seen) for (const child of childrenOf(pid)) seen.add(child);
  return [...seen];
}

function childrenOf(pid: number): number[] {
  return tasksOf(pid).flatMap((task) => numbers(read(`/proc/${pid}/task/${task}/children`)));
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

const numbers = (text: string): number[] => text.split(" ").filter(Boolean).map(Number);

/**
 * Bytes that this process has in memory and not in files, with the tables that the kernel keeps for them, at most: what it
 * shares with others is counted whole. Cheap.
 */
export function memoryAtMost(pid: number): number {
  const status = read(`/proc/${pid}/status`);
  return ["RssAnon", "RssShmem", "VmPTE"].reduce((sum, name) => sum + kibibytes(status, name), 0);
}

/** The same, of what is shared only its part; null: it may not be looked at. Milliseconds for a large process, beside others. */
export async function memoryExactly(pid: number): Promise<Memory | null> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  if (rollup === "") return null;
  const own = kibibytes(rollup, "Pss_Anon") + kibibytes(read(`/proc/${pid}/status`), "VmPTE");
  return { own, shared: kibibytes(rollup, "Pss_Shmem") };
}

export type Memory = { readonly own: number; readonly shared: number };

export function kibibytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * KIB;
}

export type DiskUse = { readonly bytes: number; readonly files: number };

/** What lies on these mounts of the room; nothing for one that cannot be asked. */
export function diskUse(pid: number, mounts: readonly string[]): DiskUse {
  const uses = mounts.map((mount): DiskUse => {
    try {
      const disk = statfsSync(`/proc/${pid}/root${mount}`);
      return { bytes: (disk.blocks - disk.bfree) * disk.bsize, files: disk.files - disk.ffree };
    } catch {
      return { bytes: 0, files: 0 };
    }
  });
  return {
    bytes: uses.reduce((sum, { bytes }) => sum + bytes, 0),
    files: uses.reduce((sum, { files }) => sum + files, 0),
  };
}

/** Hundredths of a second that it has had of a processor, on every Linux that Bun runs on. */
export function processorTicks(pid: number): { readonly used: number; readonly startedAt: number } {
  const stat = read(`/proc/${pid}/stat`);
  // After the name, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { used: Number(fields[11] ?? 0) + Number(fields[12] ?? 0), startedAt: Number(fields[19] ?? 0) };
}

/** Sockets of the room in which this process is, also those in flight, and those closed before all was read. */
export function socketsOf(pid: number): number {
  return Number(/^sockets: used (\d+)$/m.exec(read(`/proc/${pid}/net/sockstat`))?.[1] ?? 0);
}

/**
 * Whether it may have shared memory without a file, of which only what it last touched is seen in any process. Null: it may
 * not be looked at.
 */
export async function mayShareUnseen(pid: number): Promise<boolean | null> {
  const maps = await readStart(`/proc/${pid}/maps`, MAPS_BYTES);
  return maps === null ? null : maps.length === MAPS_BYTES || maps.includes("/dev/zero (deleted)");
}

/** Null: it may not be read. */
async function readStart(path: string, bytes: number): Promise<Buffer | null> {
  const start = Buffer.alloc(bytes);
  let length = 0;
  try {
    await using file = await open(path, "r");
    for (let got = -1; got !== 0 && length < bytes; length += got)
      got = (await file.read(start, length, bytes - length, null)).bytesRead;
    return start.subarray(0, length);
  } catch {
    return null;
  }
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
