// The sandboxes that live: made from a room, found by id, ended by request, by their time, or by their own death.
import { randomBytes } from "node:crypto";
import { AppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { commandsOf, type Commands } from "./envd/commands.ts";
import type { Interpreter } from "./interpreter/interpreter.ts";
import type { World } from "./egress/dial.ts";
import { LIMITS } from "./limits.ts";
import { rulesOf, SandboxNetwork, type NetworkWish } from "./network.ts";
import type { Room } from "./room/room.ts";
import type { Profile } from "./room/seccomp.ts";

/** The template whose sandboxes are for a browser; all others are for code. */
const BROWSER_TEMPLATE = "browser";

/** A room with its interpreter: what a sandbox is made of. */
export type Quarters = {
  readonly room: Room;
  readonly interpreter: Interpreter;
  /** Resolves when the first context has imported what is imported ahead, or never will. */
  readonly preloaded: Promise<void>;
};

export type Sandbox = Quarters & {
  readonly commands: Commands;
  readonly network: SandboxNetwork;
  readonly id: string;
  readonly template: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly accessToken: string;
  readonly startedAt: number;
  endAt: number;
};

export type Wishes = {
  readonly template: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly lifeMs: number;
  readonly network: NetworkWish;
};

export class Sandboxes {
  readonly #living = new Map<string, Sandbox>();
  readonly #timers = new Map<string, Timer>();
  readonly #take: (profile: Profile) => Promise<Quarters>;
  readonly #world: World;
  readonly #log: Log;

  /** `take` hands over quarters that nobody else uses; `world` is what an opened network leads to. */
  constructor(take: (profile: Profile) => Promise<Quarters>, world: World, log: Log) {
    this.#take = take;
    this.#world = world;
    this.#log = log;
  }

  /** Throws AppError `unavailable` when this machine cannot make a room, `budget` when there are too many. */
  async create(wishes: Wishes): Promise<Sandbox> {
    if (this.#living.size >= LIMITS.sandboxes)
      throw new AppError(
        "budget",
        `There are ${LIMITS.sandboxes} sandboxes already. Kill one, or wait until one ends.`,
      );
    // Refused before a room is used up.
    rulesOf(wishes.network, false);
    const quarters = await this.#take(wishes.template === BROWSER_TEMPLATE ? "browser" : "code");
    const network = await this.#furnish(quarters, wishes);
    const now = Date.now();
    const sandbox = {
      ...quarters,
      commands: commandsOf(quarters.room.channel),
      ...wishes,
      network,
      // 100 bits: whoever knows the id may list the contexts.
      id: `i${BigInt(`0x${randomBytes(13).toString("hex")}`).toString(36)}`,
      accessToken: randomBytes(24).toString("hex"),
      startedAt: now,
      endAt: now,
    };
    this.#living.set(sandbox.id, sandbox);
    this.setLife(sandbox, wishes.lifeMs);
    void this.#noticeDeath(sandbox);
    this.#log.info("sandbox-created", { sandbox: sandbox.id });
    return sandbox;
  }

  async #furnish({ room }: Quarters, { environment, network: wish }: Wishes): Promise<SandboxNetwork> {
    try {
      const network = new SandboxNetwork(room, this.#world, this.#log);
      await network.set(wish);
      if (Object.keys(environment).length > 0)
        await room.channel.request({ op: "setEnvironment", values: environment });
      return network;
    } catch (error) {
      await room.close(new Error("The sandbox could not be furnished."));
      throw error;
    }
  }

  find(id: string): Sandbox | undefined {
    return this.#living.get(id);
  }

  list(): readonly Sandbox[] {
    return [...this.#living.values()];
  }

  /** From now on; the sandbox is killed when the time is over. */
  setLife(sandbox: Sandbox, lifeMs: number): void {
    const bounded = Math.min(Math.max(lifeMs, 0), LIMITS.lifeMaxMs);
    sandbox.endAt = Date.now() + bounded;
    clearTimeout(this.#timers.get(sandbox.id));
    this.#timers.set(
      sandbox.id,
      setTimeout(() => void this.kill(sandbox.id, "its time was over"), bounded),
    );
  }

  /** False when there is no such sandbox. Resolves when no process of it is left. */
  async kill(id: string, reason: string): Promise<boolean> {
    const sandbox = this.#living.get(id);
    if (sandbox === undefined) return false;
    // Gone before its streams break, so that whoever asks then hears that it is dead.
    this.#living.delete(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    await sandbox.room.close(new Error(`The sandbox has ended: ${reason}.`));
    this.#log.info("sandbox-ended", { sandbox: id, reason });
    return true;
  }

  /** A room that ended by itself: its agent broke the protocol or crashed. */
  async #noticeDeath({ id, room }: Sandbox): Promise<void> {
    const reason = await room.ended;
    if (!(await this.kill(id, reason.message))) return;
    this.#log.warn("room-broke", { sandbox: id, complaint: await room.complaint });
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#living.keys()].map((id) => this.kill(id, "the server is stopping")));
  }
}
