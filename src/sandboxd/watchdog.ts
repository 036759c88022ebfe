// Memory and files of whole rooms, watched from outside: no limit that a process is given knows of all the others, of shared
// memory, or of what lies in a tmpfs.
import type { Log } from "../shared/log.ts";
import { LIMITS } from "./limits.ts";
import { machineMemory, type MachineMemory } from "./machine.ts";
import { diskUse, familyOf, killQuietly, mayShareUnseen, memoryAtMost, memoryExactly, socketsOf } from "./processes.ts";
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

/** Whenever the machine has so much of a room's limit less, rooms whose memory no cgroup counts are looked at standing still. */
const STEP = 1 / 4;
/** Its agent is as slow as everything in it; one that needs longer was stopped itself. */
const STILL_MS = 3_000;
/** More than a socket can hold. */
const SOCKET_BYTES = 32 * 2 ** 20;

type Exact = {
  readonly at: number;
  readonly bound: number;
  readonly bytes: number;
  /** Of these, what lies in shared memory that a process has before it. */
  readonly shared: number;
};

type Watched = {
  readonly room: Room;
  /** The kernel counts all its memory, also what is seen nowhere. */
  readonly hasCgroup: boolean;
  readonly staffBytes: number;
  /** What this machine had elsewhere when the room began. */
  readonly elsewhere: number;
  diskBytes: number;
  isStill: boolean;
  nextLookAt: number;
  bound: number;
  exact: Exact | null;
  kills: number[];
  /** Those that were killed, and when: one that is on its way out is not killed for the same memory again. */
  readonly killed: Map<number, number>;
};

export class Watchdog {
  readonly #limitBytes: number;
  readonly #log: Log;
  readonly #watched = new Map<Room, Watched>();
  readonly #timer: Timer;
  #available = 0;

  constructor(limitBytes: number, log: Log) {
    this.#limitBytes = limitBytes;
    this.#log = log;
    this.#timer = setInterval(() => this.#look(), BUSY_MS);
  }

  /** Until it ends. Nothing of a user's has run in it yet. */
  watch(room: Room, hasCgroup: boolean): void {
    const staffBytes = room.staff.reduce((sum, pid) => sum + memoryAtMost(pid), 0);
    const elsewhere = this.#elsewhere(machineMemory());
    const before = { room, hasCgroup, staffBytes, elsewhere, diskBytes: 0, isStill: false, nextLookAt: 0, bound: 0 };
    this.#watched.set(room, { ...before, exact: null, kills: [], killed: new Map() });
    void room.ended.then(() => this.#watched.delete(room));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    // Rooms in reserve have nothing of a user's in them.
    const used = [...this.#watched.values()].filter(({ room }) => !room.channel.isUntouched);
    if (used.length === 0) return;
    for (const watched of used) if (now >= watched.nextLookAt || watched.room.channel.isBusy) this.#judge(watched, now);
    const machine = machineMemory();
    if (machine.available < this.#available - STEP * this.#limitBytes) {
      this.#available = machine.available;
      for (const watched of used) if (!watched.hasCgroup && !watched.isStill) void this.#judgeStill(watched);
    }
    this.#available = Math.max(this.#available, machine.available);
    this.#sparesMachine(machine, now);
  }

  /**
   * Counts what no look at running processes finds. All of them are stopped at one instant, as whoever forks and ends is gone
   * before it is counted. What this machine has elsewhere since the room began is the room's as far as it can be.
   */
  async #judgeStill(watched: Watched): Promise<void> {
    const { room } = watched;
    const tooLate = setTimeout(() => this.#end(room, "its processes could not be stopped"), STILL_MS);
    watched.isStill = true;
    try {
      await room.channel.request({ op: "stopAll" });
      const now = performance.now();
      const family = this.#family(watched, now);
      watched.diskBytes = diskUse(room.pid, MOUNTS).bytes;
      watched.exact = null;
      const { bytes, shared } = this.#measure(watched, family, now);
      const elsewhere = this.#elsewhere(machineMemory()) - watched.elsewhere;
      if (bytes + Math.min(mostUnseen(room, family), elsewhere - shared) > this.#limitBytes)
        this.#empty(watched, family, now, "room-over-memory");
      await room.channel.tell({ op: "continueAll" });
    } catch {
      // It has ended meanwhile.
    } finally {
      clearTimeout(tooLate);
      watched.isStill = false;
    }
  }

  /** All its processes but those that are on their way out. */
  #family({ room, killed }: Watched, now: number): number[] {
    for (const [pid, at] of killed) if (now - at > KILLS_MS) killed.delete(pid);
    return familyOf(room.staff).filter((pid) => !killed.has(pid));
  }

  /** Files of rooms are counted by themselves. */
  #elsewhere({ elsewhere }: MachineMemory): number {
    return [...this.#watched.values()].reduce((rest, { diskBytes }) => rest - diskBytes, elsewhere);
  }

  #judge(watched: Watched, now: number): void {
    const { room } = watched;
    const family = this.#family(watched, now);
    const disk = diskUse(room.pid, MOUNTS);
    watched.diskBytes = disk.bytes;
    // What the staff had from the beginning it shares with the zygote.
    const bound = family.reduce((sum, pid) => sum + memoryAtMost(pid), 0) - watched.staffBytes + disk.bytes;
    const isGrowing = Math.abs(bound - watched.bound) > GROWTH_BYTES;
    watched.bound = bound;
    watched.nextLookAt = now + (isGrowing ? BUSY_MS : IDLE_MS);
    if (disk.files > LIMITS.files) this.#end(room, "it made too many files");
    else if (bound > this.#limitBytes && this.#measure(watched, family, now).bytes > this.#limitBytes)
      this.#empty(watched, family, now, "room-over-memory");
  }

  /** As long as the bound has not come nearer to the limit by half of what was left, the last figure is good enough. */
  #measure(watched: Watched, family: readonly number[], now: number): Exact {
    const { exact, bound, room, staffBytes, diskBytes } = watched;
    if (exact !== null && now - exact.at < EXACT_MS && bound - exact.bound < (this.#limitBytes - exact.bytes) / 2)
      return exact;
    const own = family.filter((pid) => !room.staff.includes(pid));
    const ofStaff = room.staff.reduce((sum, pid) => sum + memoryAtMost(pid), 0) - staffBytes;
    // Who hides what it shares has it all counted.
    const all = own.map((pid) => memoryExactly(pid) ?? { own: memoryAtMost(pid), shared: 0 });
    const shared = all.reduce((sum, one) => sum + one.shared, 0);
    const bytes = all.reduce((sum, one) => sum + one.own, ofStaff + diskBytes + shared);
    return (watched.exact = { at: now, bound, bytes, shared });
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

  /** Not all that the kernel keeps for a room is counted; the machine must not die of it. */
  #sparesMachine({ available }: MachineMemory, now: number): void {
    if (available > LIMITS.machineFloorBytes) return;
    const busy = [...this.#watched.values()].filter(({ room }) => room.channel.isBusy);
    const [worst] = busy.toSorted((one, other) => other.bound - one.bound);
    if (worst !== undefined) this.#empty(worst, familyOf(worst.room.staff), now, "machine-short-of-memory");
  }
}

/** What of this machine's memory elsewhere may be a room's; a browser shares unseen memory in any case. */
function mostUnseen({ pid, profile, staff }: Room, family: readonly number[]): number {
  const mayShare = profile === "browser" || family.some((one) => mayShareUnseen(one) ?? !staff.includes(one));
  return mayShare ? Number.POSITIVE_INFINITY : socketsOf(pid) * SOCKET_BYTES;
}
