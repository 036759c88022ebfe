// Makes rooms with an interpreter in them: forked from the zygote where there is one, else with Python started inside.
import { toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { pause } from "../shared/stop.ts";
import { openInterpreter } from "./interpreter/interpreter.ts";
import { LIMITS, ROOM_LIMITS } from "./limits.ts";
import { FontList } from "./room/fonts.ts";
import { openRoom, type Room } from "./room/room.ts";
import type { Profile } from "./room/seccomp.ts";
import { isYard, Zygote } from "./room/zygote.ts";
import type { Quarters } from "./sandboxes.ts";
import type { Tools } from "./tools.ts";
import type { Cgroup, Cgroups } from "./cgroups.ts";
import type { Watchdog } from "./watchdog.ts";

export type RoomsOptions = {
  readonly tools: Tools;
  readonly memoryBytes: number;
  /** Off: Python is always started inside. */
  readonly mayFork: boolean;
  readonly watchdog: Watchdog;
  /** Null: this machine hands none out. */
  readonly cgroups: Cgroups | null;
  readonly log: Log;
};

const PRELOADED = ["numpy", "pandas", "matplotlib.pyplot"];
/** A cgroup can go once the last process of its room has been seen off. */
const MOST_LEAVE_MS = 1_000;
/** It ended, or no room could be had from it, so often in a row: this machine does not want it. */
const MOST_FAILURES = 5;
/** What kept it from working may pass. */
const TRY_AGAIN_MS = 600_000;

export class Rooms {
  readonly #options: RoomsOptions;
  readonly #fonts = new FontList();
  readonly #stop = new AbortController();
  /** Rooms whose cgroup is still there; each resolves when it is not. */
  readonly #leaving = new Set<Promise<void>>();
  /** The one that is to be asked; null: there is none, or none any more. */
  #zygote: Zygote | null = null;
  #failures = 0;

  private constructor(options: RoomsOptions) {
    this.#options = options;
  }

  /** Resolves at once: what is asked for before the zygote is ready waits for it, for a while. */
  static async start(options: RoomsOptions): Promise<Rooms> {
    const rooms = new Rooms(options);
    if (options.mayFork && isYard()) await rooms.#startZygote();
    return rooms;
  }

  /** Whether a room costs little time and memory. */
  get isFast(): boolean {
    return this.#zygote !== null;
  }

  /** Throws AppError `unavailable` when this machine cannot make a room. */
  async make(): Promise<Quarters> {
    const zygote = this.#zygote;
    if (zygote !== null) {
      const failures = this.#failures;
      try {
        await Promise.race([zygote.ready, tooLong(LIMITS.startMs)]);
        const quarters = await this.#fork(zygote);
        this.#failures = 0;
        return quarters;
      } catch (error) {
        this.#options.log.warn("room-not-forked", { error });
        // All that were in the making when it died failed of one thing, which is counted where it is replaced.
        if (!(await hasDied(zygote))) this.#doubt(zygote, failures);
      }
    }
    return await this.#startInside();
  }

  /** Nothing is imported ahead, and none is kept in reserve. Throws AppError `unavailable`. */
  async makeForBrowser(): Promise<Quarters> {
    const room = await this.#open("browser");
    return { room, interpreter: await openInterpreter(room.channel), preloaded: Promise.resolve() };
  }

  /** Of rooms that have ended nothing is left then. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#zygote?.stop();
    // One that was being made at this moment ends with this process.
    await Promise.race([Promise.all(this.#leaving), Bun.sleep(MOST_LEAVE_MS)]);
  }

  async #startZygote(): Promise<void> {
    const { tools, log } = this.#options;
    try {
      const zygote = await Zygote.start(tools, log);
      this.#zygote = zygote;
      void zygote.ended.then(() => this.#replace(zygote));
    } catch (error) {
      log.warn("zygote-not-started", { error: toAppError(error).message });
      this.#zygote = null;
    }
  }

  /** Rooms that came from it live on; the next ones need another. */
  async #replace(zygote: Zygote): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted || this.#zygote !== zygote) return;
    this.#options.log.warn("zygote-ended", {});
    this.#doubt(zygote, this.#failures);
    if (this.#zygote === null) return;
    await pause(LIMITS.refillMs, signal);
    if (!signal.aborted) await this.#startZygote();
  }

  /** `before`: how many failures there were when the work began. What fails side by side counts once. */
  #doubt(zygote: Zygote, before: number): void {
    if (this.#failures <= before) this.#failures += 1;
    if (this.#failures < MOST_FAILURES || this.#zygote !== zygote) return;
    this.#zygote = null;
    zygote.stop();
    this.#options.log.error("zygote-given-up", { failures: this.#failures });
    void this.#tryLater();
  }

  async #tryLater(): Promise<void> {
    const { signal } = this.#stop;
    await pause(TRY_AGAIN_MS, signal);
    if (signal.aborted) return;
    this.#failures = 0;
    await this.#startZygote();
  }

  async #fork(zygote: Zygote): Promise<Quarters> {
    const room = await this.#watched("code", (cgroup) => zygote.openRoom(this.#options.memoryBytes, cgroup));
    return { room, interpreter: await openInterpreter(room.channel), preloaded: Promise.resolve() };
  }

  /** In a cgroup, where there are such, and under the eyes of the watchdog in any case. */
  async #watched(profile: Profile, open: (cgroup: Cgroup | null) => Promise<Room>): Promise<Room> {
    const { watchdog, cgroups, memoryBytes } = this.#options;
    const cgroup = cgroups?.create(memoryBytes, ROOM_LIMITS[profile].processes) ?? null;
    try {
      const room = await open(cgroup);
      watchdog.watch(room, cgroup !== null);
      this.#removeAfter(room, cgroup);
      return room;
    } catch (error) {
      await cgroup?.remove();
      throw error;
    }
  }

  #removeAfter(room: Room, cgroup: Cgroup | null): void {
    const removed = remove(room, cgroup);
    this.#leaving.add(removed);
    void removed.then(() => this.#leaving.delete(removed));
  }

  async #startInside(): Promise<Quarters> {
    const room = await this.#open("code");
    const interpreter = await openInterpreter(room.channel);
    await this.#fonts.handTo(room.channel);
    const context = interpreter.contexts()[0]?.id;
    const preloading = room.channel.request({ op: "preload", context, modules: PRELOADED });
    const preloaded = preloading.then(
      () => undefined,
      () => undefined,
    );
    return { room, interpreter, preloaded };
  }

  async #open(profile: Profile): Promise<Room> {
    const { tools, memoryBytes } = this.#options;
    return await this.#watched(profile, (cgroup) => openRoom(tools, memoryBytes, cgroup, profile));
  }

  /** From a room in which no user's code has run. */
  async learnFrom({ room, preloaded }: Quarters, isUntouched: () => boolean): Promise<void> {
    if (this.isFast) return;
    await preloaded;
    await this.#fonts.learnFrom(room.channel, isUntouched);
  }
}

/** Its connections break a moment before it is seen off. */
async function hasDied(zygote: Zygote): Promise<boolean> {
  const isGone = zygote.ended.then(() => true);
  return await Promise.race([isGone, Bun.sleep(LIMITS.refillMs).then(() => false)]);
}

async function remove(room: Room, cgroup: Cgroup | null): Promise<void> {
  await room.gone;
  await cgroup?.remove();
}

async function tooLong(ms: number): Promise<never> {
  await Bun.sleep(ms);
  throw new Error("The zygote was not ready in time.");
}
