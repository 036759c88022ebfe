// One room in reserve, with numpy, pandas and matplotlib already imported, so that a new sandbox is there at once.
import { toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { openInterpreter } from "./interpreter/interpreter.ts";
import { FontList } from "./room/fonts.ts";
import { openRoom } from "./room/room.ts";
import type { Quarters } from "./sandboxes.ts";
import type { Tools } from "./tools.ts";

export type SpareOptions = {
  readonly tools: Tools;
  readonly memoryBytes: number;
  /** Off: every room is made when it is asked for. */
  readonly isKept: boolean;
  /** Refilling waits so long, because it would compete with the work that took the last one. */
  readonly refillMs: number;
  readonly log: Log;
};

const PRELOADED = ["numpy", "pandas", "matplotlib.pyplot"];

export class Spare {
  readonly #options: SpareOptions;
  readonly #fonts = new FontList();
  #waiting: Promise<Quarters> | null = null;
  #refill: Timer | undefined;
  #isClosed = false;

  constructor(options: SpareOptions) {
    this.#options = options;
  }

  /** Begins to make one, unless there is one or none is wanted. */
  fill(): void {
    if (!this.#options.isKept || this.#isClosed || this.#waiting !== null) return;
    const made = this.#make();
    this.#waiting = made;
    made.then(
      (quarters) => this.#keep(made, quarters),
      (error: unknown) => {
        if (this.#waiting === made) this.#waiting = null;
        this.#options.log.error("spare-failed", { error: toAppError(error).message });
      },
    );
  }

  /** The spare, also while it is still being made, or a new room. Throws AppError `unavailable`. */
  async take(): Promise<Quarters> {
    const spare = this.#waiting;
    this.#waiting = null;
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.fill(), this.#options.refillMs);
    return await (spare ?? this.#make());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#refill);
    const spare = this.#waiting;
    this.#waiting = null;
    const quarters = await spare?.catch(() => null);
    await quarters?.room.close(new Error("The server is stopping."));
  }

  async #make(): Promise<Quarters> {
    const room = await openRoom(this.#options.tools, this.#options.memoryBytes);
    const interpreter = await openInterpreter(room.channel);
    await this.#fonts.handTo(room.channel);
    const context = interpreter.contexts()[0]?.id;
    const preloaded = room.channel.request({ op: "preload", context, modules: PRELOADED });
    return {
      room,
      interpreter,
      preloaded: preloaded.then(
        () => undefined,
        () => undefined,
      ),
    };
  }

  #keep(made: Promise<Quarters>, quarters: Quarters): void {
    void this.#forgetWhenDead(made, quarters);
    void this.#learnFonts(made, quarters);
  }

  async #forgetWhenDead(made: Promise<Quarters>, quarters: Quarters): Promise<void> {
    await quarters.room.ended;
    if (this.#waiting === made) this.#waiting = null;
  }

  async #learnFonts(made: Promise<Quarters>, quarters: Quarters): Promise<void> {
    await quarters.preloaded;
    // Only a room in which no user's code has run yet is believed.
    await this.#fonts.learnFrom(quarters.room.channel, () => this.#waiting === made);
  }
}
