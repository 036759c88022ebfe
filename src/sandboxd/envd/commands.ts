// The commands of one sandbox: each runs on when its client goes away, and may have several listeners.
import { constants } from "node:os";
import { z } from "zod";
import type { Channel, RoomEvent } from "../room/channel.ts";
import { FrameError } from "../room/frames.ts";

export type CommandConfig = {
  readonly cmd: string;
  readonly args: readonly string[];
  readonly envs: Readonly<Record<string, string>>;
  readonly cwd: string;
};

/** E2B's ProcessEvent, without its envelope. */
export type CommandEvent = { readonly [kind: string]: object };

export type Command = {
  readonly pid: number;
  readonly tag: string | undefined;
  readonly config: CommandConfig;
  readonly listeners: Set<(event: CommandEvent) => void>;
  /** Resolves after the last event. Rejects when the sandbox ends first. */
  readonly ended: Promise<void>;
};

export type Wish = {
  readonly config: CommandConfig;
  readonly tag: string | undefined;
  readonly hasInput: boolean;
  /** The size of the terminal that it is to have; null: it has pipes. */
  readonly terminal: { readonly cols: number; readonly rows: number } | null;
};

export type Commands = {
  readonly list: () => readonly Command[];
  readonly find: (selector: { pid?: number | undefined; tag?: string | undefined }) => Command | undefined;
  /** `listener` hears everything from the start. Throws RoomError when the command cannot be started. */
  readonly start: (wish: Wish, listener: (event: CommandEvent) => void) => Promise<Command>;
};

const Ended = z.object({ exitCode: z.number().int(), signal: z.number().int() });

export function commandsOf(channel: Channel): Commands {
  const running = new Map<number, Command>();

  const start: Commands["start"] = async (wish, listener) => {
    const { cmd, args, envs, cwd } = wish.config;
    const started = Promise.withResolvers<number>();
    const listeners = new Set([listener]);
    const { hasInput: stdin, terminal } = wish;
    const operation = { op: "startProcess", cmd, args, environment: envs, cwd, stdin, terminal };
    const ended = channel
      .request(operation, undefined, (event) => {
        if (event.name === "start") started.resolve(pidIn(event));
        else for (const one of listeners) one({ data: { [event.name]: Buffer.from(event.body).toString("base64") } });
      })
      .then((reply) => {
        const last = { end: endEvent(reply.value) };
        for (const one of listeners) one(last);
        return undefined;
      });
    ended.catch((error: unknown) => started.reject(error));
    const pid = await started.promise;
    const command = { pid, tag: wish.tag, config: wish.config, listeners, ended };
    running.set(pid, command);
    const forget = (): void => void running.delete(pid);
    void ended.then(forget, forget);
    return command;
  };

  return {
    start,
    list: () => [...running.values()],
    find: ({ pid, tag }) =>
      pid === undefined ? [...running.values()].find((one) => one.tag === tag && tag !== undefined) : running.get(pid),
  };
}

function pidIn(event: RoomEvent): number {
  const pid = Number(new TextDecoder().decode(event.body));
  if (!Number.isSafeInteger(pid) || pid <= 0) throw new FrameError("The room started a process without a number.");
  return pid;
}

/** In Go's words, which E2B's clients show. */
function endEvent(value: unknown): object {
  const parsed = Ended.safeParse(value);
  if (!parsed.success) throw new FrameError("The room ended a process in a way that is not part of the protocol.");
  const { exitCode, signal } = parsed.data;
  if (signal === 0)
    return {
      exitCode,
      exited: true,
      status: `exit status ${exitCode}`,
      ...(exitCode !== 0 && { error: `exit status ${exitCode}` }),
    };
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? String(signal);
  const status = signal === constants.signals.SIGKILL ? "signal: killed" : `signal: ${name}`;
  return { exitCode: -1, exited: false, status, error: status };
}
