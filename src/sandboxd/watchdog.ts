// Memory and files of whole rooms, watched from outside: no limit that a process is given knows of all the others, of shared
// memory, or of what lies in a tmpfs.
import type { Log } from "../shared/log.ts";
import { LIMITS } from "./limits.ts";
import { diskUse, familyOf, killQuietly, memoryAtMost, memoryAvailable, memoryExactly } from "./processes.ts";
import type { Room } from "./room/room.ts";

/** Every place of a room that can be written. */
const MOUNTS = ["/", "/tmp", "/dev/shm", "/home/user"];

/** While something is asked of a room, or its memory grows; and otherwise. */
const BUSY_MS = 25;
const IDLE_MS = 250;
const GROWTH_BYTES = 4 * 2 ** 20;
/** What was measured exactly holds for so long, if the cheap upper bound does not grow towards the limit. */
const EXACT_MS = 500;
/** Killed so often within this time, a room is not worth keeping. */
const MOST_KILLS = 3;
const KILLS_MS = 2_000;

type Watched = {
  readonly room: Room;
  readonly staffBytes: number;
  nextLookAt: number;
  bound: number;
  exact: { readonly at: number; readonly bound: number; readonly bytes: number } | null;
  kills: number[];
  /** Those that were killed, and when: one that is on its way out is not killed for the same memory again. */
  readonly killed: Map<number, number>;
};

export class Watchdog {
  readonly #limitBytes: number;
  readonly #log: Log;
  readonly #watched = new Map<Room, Watched>();
  readonly #timer: Timer;

  constructor(limitBytes: number, log: Log) {
    this.#limitBytes = limitBytes;
    this.#log = log;
    this.#timer = setInterval(() => this.#look(), BUSY_MS);
  }

  /** Until it ends. Nothing of a user's has run in it yet. */
  watch(room: Room): void {
    const staffBytes = room.staff.reduce((sum, pid) => sum + memoryAtMost(pid), 0);
    this.#watched.set(room, { room, staffBytes, nextLookAt: 0, bound: 0, exact: null, kills: [], killed: new Map() });
    void room.ended.then(() => this.#watched.delete(room));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    for (const watched of this.#watched.values()) {
      // Rooms in reserve have nothing of a user's in them.
      if (watched.room.channel.isUntouched) continue;
      if (now >= watched.nextLookAt || watched.room.channel.isBusy) this.#judge(watched, now);
    }
    this.#sparesMachine(now);
  }

  #judge(watched: Watched, now: number): void {
    const { room } = watched;
    for (const [pid, at] of watched.killed) if (now - at > KILLS_MS) watched.killed.delete(pid);
    const family = familyOf(room.staff).filter((pid) => !watched.killed.has(pid));
    const disk = diskUse(room.pid, MOUNTS);
    // What the staff had from the beginning it shares with the zygote.
    const bound = family.reduce((sum, pid) => sum + memoryAtMost(pid), 0) - watched.staffBytes + disk.bytes;
    const isGrowing = Math.abs(bound - watched.bound) > GROWTH_BYTES;
    watched.bound = bound;
    watched.nextLookAt = now + (isGrowing ? BUSY_MS : IDLE_MS);
    if (disk.files > LIMITS.files) this.#end(room, "it made too many files");
    else if (bound > this.#limitBytes && this.#measure(watched, family, disk.bytes, now) > this.#limitBytes)
      this.#empty(watched, family, now, "room-over-memory");
  }

  /** As long as the bound has not come nearer to the limit by half of what was left, the last figure is good enough. */
  #measure(watched: Watched, family: readonly number[], diskBytes: number, now: number): number {
    const { exact, bound, room, staffBytes } = watched;
    if (exact !== null && now - exact.at < EXACT_MS && bound - exact.bound < (this.#limitBytes - exact.bytes) / 2)
      return exact.bytes;
    const own = family.filter((pid) => !room.staff.includes(pid));
    const ofStaff = room.staff.reduce((sum, pid) => sum + memoryAtMost(pid), 0) - staffBytes;
    // Who hides what it shares has it all counted.
    const bytes = own.reduce((sum, pid) => sum + (memoryExactly(pid) ?? memoryAtMost(pid)), ofStaff + diskBytes);
    watched.exact = { at: now, bound, bytes };
    return bytes;
  }

  /** Everything that runs in the room is killed but what the room is made of: files stay, and the next run begins anew. */
  #empty(watched: Watched, family: readonly number[], now: number, event: string): void {
    const { room } = watched;
    watched.exact = null;
    watched.kills = [...watched.kills.filter((at) => now - at < KILLS_MS), now];
    this.#log.warn(event, { pid: room.pid, mib: Math.round(watched.bound / 2 ** 20), kills: watched.kills.length });
    if (watched.kills.length > MOST_KILLS) {
      this.#end(room, "it used more memory than it may");
      return;
    }
    for (const pid of family)
      if (!room.staff.includes(pid)) {
        watched.killed.set(pid, now);
        killQuietly(pid);
      }
  }

  #end(room: Room, reason: string): void {
    this.#watched.delete(room);
    void room.close(new Error(`The sandbox was ended: ${reason}.`));
  }

  /** What the kernel keeps for a room (buffers of sockets and pipes) is counted nowhere; the machine must not die of it. */
  #sparesMachine(now: number): void {
    if (memoryAvailable() > LIMITS.machineFloorBytes) return;
    const busy = [...this.#watched.values()].filter(({ room }) => room.channel.isBusy);
    const [worst] = busy.toSorted((one, other) => other.bound - one.bound);
    if (worst !== undefined) this.#empty(worst, familyOf(worst.room.staff), now, "machine-short-of-memory");
  }
}
