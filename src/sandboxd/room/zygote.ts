// The fast way to a room: a Python that has imported everything already, of which each room gets a fork. It needs a yard,
// where the paths of Python are those of the rooms.
import { z } from "zod";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { AppError } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import type { Cgroup } from "../cgroups.ts";
import type { Tools } from "../tools.ts";
import { GUEST_DIR, roomEnvironment, zygoteCommand } from "./argv.ts";
import { Channel } from "./channel.ts";
import { openAddress } from "./descriptor.ts";
import { planRoom } from "./options.ts";
import { cannotStart, furnish, readStart, type Room } from "./room.ts";

/** In the yard's own /tmp, which nobody else sees. */
const ADDRESS = "/tmp/zygote.sock";
/** join.py gives files their descriptors from here on. */
const FIRST_FD = 100;
const SECCOMP_FD = 97;
const ARGUMENTS_FD = 98;
const STATUS_FD = 99;

const Ready = z.object({ fonts: z.array(z.string()) });
const Pid = z.number().int().positive();
const Joined = z.object({ pid: Pid, agent: Pid });

/** Only in the yard does Python lie where it lies in the rooms. */
export const isYard = (): boolean => existsSync(`${GUEST_DIR}/sandpiper/zygote.py`);

export class Zygote {
  /** Resolves when rooms can be had; rejects when this machine has no zygote. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended, however that came. */
  readonly ended: Promise<unknown>;
  readonly #tools: Tools;
  readonly #stop: () => void;
  #fonts: readonly string[] = [];

  private constructor(tools: Tools, child: Bun.Subprocess<"ignore", "pipe", "pipe">, log: Log) {
    this.#tools = tools;
    this.#stop = () => child.kill("SIGKILL");
    this.ended = child.exited;
    this.ready = this.#readReady(child.stdout);
    this.ready.catch(() => undefined);
    void this.#passOn(child.stderr, log);
  }

  static async start(tools: Tools, log: Log): Promise<Zygote> {
    await rm(ADDRESS, { force: true });
    const child = Bun.spawn(zygoteCommand(tools.python, ADDRESS), {
      cwd: "/",
      env: roomEnvironment(tools.python),
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new Zygote(tools, child, log);
  }

  /** Throws AppError `unavailable`. */
  async openRoom(memoryBytes: number, cgroup: Cgroup | null = null): Promise<Room> {
    const broken = Promise.withResolvers<Error>();
    let channel: Channel | null = null;
    try {
      channel = await Channel.open(openAddress(ADDRESS), broken.resolve);
      const { filter, ...wanted } = this.#wanted();
      const { pid, agent } = Joined.parse(
        (await channel.request({ op: "room", cgroup: cgroup?.procs ?? null, ...wanted }, filter)).value,
      );
      const shell = { channel, pid, agent, broken: broken.promise, gone: channel.gone, complaint: Promise.resolve("") };
      return await furnish(shell, memoryBytes, "code");
    } catch (cause) {
      channel?.close(new Error("The room could not be made."));
      throw cannotStart(cause instanceof Error ? cause.message : "", cause);
    }
  }

  stop(): void {
    this.#stop();
  }

  #wanted() {
    const more = this.#fonts.map((path) => ({ from: path, to: path }));
    const fds = { statusFd: STATUS_FD, seccompFd: SECCOMP_FD };
    const plan = planRoom({ tools: this.#tools, profile: "code", init: "bubblewrap", ...fds, firstFd: FIRST_FD, more });
    return { bwrap: this.#tools.bwrap, argumentsFd: ARGUMENTS_FD, ...fds, ...plan };
  }

  async #passOn(stream: ReadableStream<Uint8Array>, log: Log): Promise<void> {
    const said = await readStart(stream);
    if (said !== "") log.error("zygote-said", { said });
  }

  async #readReady(stream: ReadableStream<Uint8Array>): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      if (!text.includes("\n")) continue;
      this.#fonts = Ready.parse(JSON.parse(text)).fonts;
      return;
    }
    throw new AppError("unavailable", "The zygote ended before it was ready.");
  }
}
