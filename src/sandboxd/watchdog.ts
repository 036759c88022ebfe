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
/** And for so many times what it took: who has much to be looked at gets no more of this machine's time than others. */
const EXACT_PAUSE = 3;
/** Killed so often within this time, a room is not worth keeping. */
const MOST_KILLS = 3;
const KILLS_MS = 2_000;

/** Whenever the machine has so much of a room's limit less, rooms whose memory no cgroup counts are looked at standing still. */
const STEP = 1 / 4;
/** And in any case so often while they are busy: what one takes, others may give back meanwhile. */
const STILL_EVERY_MS = 2_000;
/** Its agent may be removing all files of a full room on a busy machine; one that needs longer was stopped itself. */
const STILL_MS = 10_000;
/** More than a socket can hold. */
const SOCKET_BYTES = 32 * 2 ** 20;

type Exact = {
  readonly until: number;
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
  /** The least that this machine had elsewhere since the room began: more may have become the room's. */
  elsewhere: number;
  diskBytes: number;
  isStill: boolean;
  /** While it is busy; nothing but this machine's memory asks for it otherwise. */
  nextStillAt: number;
  isMeasured: boolean;
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
    const before = { room, hasCgroup, staffBytes, elsewhere, isStill: false, nextStillAt: 0, isMeasured: false };
    const nothing = { diskBytes: 0, nextLookAt: 0, bound: 0, exact: null, kills: [], killed: new Map() };
    this.#watched.set(room, { ...before, ...nothing });
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
    const isShorter = machine.available < this.#available - STEP * this.#limitBytes;
    this.#available = isShorter ? machine.available : Math.max(this.#available, machine.available);
    const elsewhere = this.#elsewhere(machine);
    for (const watched of this.#watched.values()) watched.elsewhere = Math.min(watched.elsewhere, elsewhere);
    for (const watched of used) {
      if (!watched.room.channel.isBusy) watched.nextStillAt = now + STILL_EVERY_MS;
      if (!watched.hasCgroup && !watched.isStill && (isShorter || now >= watched.nextStillAt))
        void this.#judgeStill(watched);
    }
    this.#sparesMachine(machine);
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
      clearTimeout(tooLate);
      await this.#judgeAtRest(watched);
    } catch {
      // It has ended meanwhile.
    } finally {
      clearTimeout(tooLate);
      void room.channel.tell({ op: "continueAll" });
      watched.isStill = false;
      watched.nextStillAt = performance.now() + STILL_EVERY_MS;
    }
  }

  async #judgeAtRest(watched: Watched): Promise<void> {
    const { room } = watched;
    const family = this.#family(watched);
    watched.diskBytes = diskUse(room.pid, MOUNTS).bytes;
    watched.bound = this.#atMost(watched, family);
    watched.exact = null;
    const elsewhere = this.#elsewhere(machineMemory()) - watched.elsewhere;
    // Nearly every room: what is cheap to know is enough.
    if (watched.bound + Math.max(elsewhere, 0) <= this.#limitBytes) return;
    const { bytes, shared } = await this.#measure(watched, family);
    if (bytes + Math.min(await mostUnseen(room, family), elsewhere - shared) > this.#limitBytes)
      this.#emptyOf(watched, family);
  }

  /** All its processes but those that are on their way out. */
  #family({ room, killed }: Watched): number[] {
    const now = performance.now();
    for (const [pid, at] of killed) if (now - at > KILLS_MS) killed.delete(pid);
    return familyOf(room.staff).filter((pid) => !killed.has(pid));
  }

  /** Files of rooms are counted by themselves. */
  #elsewhere({ elsewhere }: MachineMemory): number {
    return [...this.#watched.values()].reduce((rest, { diskBytes }) => rest - diskBytes, elsewhere);
  }

  #judge(watched: Watched, now: number): void {
    const { room } = watched;
    const family = this.#family(watched);
    const disk = diskUse(room.pid, MOUNTS);
    watched.diskBytes = disk.bytes;
    const bound = this.#atMost(watched, family);
    const isGrowing = Math.abs(bound - watched.bound) > GROWTH_BYTES;
    watched.bound = bound;
    watched.nextLookAt = now + (isGrowing ? BUSY_MS : IDLE_MS);
    if (disk.files > LIMITS.files) this.#end(room, "it made too many files");
    else if (bound > this.#limitBytes && !watched.isMeasured) void this.#judgeExactly(watched, family);
  }

  /** What the staff had from the beginning it shares with the zygote. */
  #atMost({ staffBytes, diskBytes }: Watched, family: readonly number[]): number {
    return family.reduce((sum, pid) => sum + memoryAtMost(pid), 0) - staffBytes + diskBytes;
  }

  async #judgeExactly(watched: Watched, family: readonly number[]): Promise<void> {
    watched.isMeasured = true;
    const { bytes } = await this.#measure(watched, family);
    watched.isMeasured = false;
    if (bytes > this.#limitBytes) this.#emptyOf(watched, family);
  }

  /** Who was killed while it was measured is not there any more, and what runs in the room now is innocent. */
  #emptyOf(watched: Watched, measured: readonly number[]): void {
    if (!measured.some((pid) => watched.killed.has(pid))) this.#empty(watched, "room-over-memory");
  }

  /** As long as the bound has not come nearer to the limit by half of what was left, the last figure is good enough. */
  async #measure(watched: Watched, family: readonly number[]): Promise<Exact> {
    const { exact, bound, room, staffBytes, diskBytes } = watched;
    const from = performance.now();
    if (exact !== null && from < exact.until && bound - exact.bound < (this.#limitBytes - exact.bytes) / 2)
      return exact;
    let [ofOthers, shared] = [0, 0];
    for (const pid of family)
      if (!room.staff.includes(pid)) {
        // Who hides what it shares has it all counted.
        const one = (await memoryExactly(pid)) ?? { own: memoryAtMost(pid), shared: 0 };
        ofOthers += one.own;
        shared += one.shared;
      }
    const ofStaff = room.staff.reduce((sum, pid) => sum + memoryAtMost(pid), 0) - staffBytes;
    const to = performance.now();
    const until = to + Math.max(EXACT_MS, EXACT_PAUSE * (to - from));
    return (watched.exact = { until, bound, bytes: ofStaff + diskBytes + ofOthers + shared, shared });
  }

  /** Everything that runs in the room is killed but what the room is made of: files stay, and the next run begins anew. */
  #empty(watched: Watched, event: string): void {
    const { room } = watched;
    if (!this.#watched.has(room)) return;
    const now = performance.now();
    watched.exact = null;
    watched.kills = [...watched.kills.filter((at) => now - at < KILLS_MS), now];
    this.#log.warn(event, { pid: room.pid, mib: Math.round(watched.bound / 2 ** 20), kills: watched.kills.length });
    if (watched.kills.length > MOST_KILLS) {
      this.#end(room, "it used more memory than it may");
      return;
    }
    for (const pid of this.#family(watched))
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
  #sparesMachine({ available }: MachineMemory): void {
    if (available > LIMITS.machineFloorBytes) return;
    const busy = [...this.#watched.values()].filter(({ room }) => room.channel.isBusy);
    const [worst] = busy.toSorted((one, other) => other.bound - one.bound);
    if (worst !== undefined) this.#empty(worst, "machine-short-of-memory");
  }
}

/** What of this machine's memory elsewhere may be a room's; a browser shares unseen memory in any case. */
async function mostUnseen({ pid, profile, staff }: Room, family: readonly number[]): Promise<number> {
  if (profile === "browser") return Number.POSITIVE_INFINITY;
  for (const one of family) if ((await mayShareUnseen(one)) ?? !staff.includes(one)) return Number.POSITIVE_INFINITY;
  return socketsOf(pid) * SOCKET_BYTES;
}
