// Requests to a room's agent and its answers. Nothing that comes from inside is trusted: a broken frame ends the room.
import type { Socket } from "bun";
import { z } from "zod";
import type { Connect } from "./descriptor.ts";
import { encodeFrame, FrameError, FrameReader, type Frame } from "./frames.ts";

/** What the agent refused, with the code that Connect clients know. */
export class RoomError extends Error {
  override readonly name = "RoomError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What the agent is asked to do. */
export type Operation = { readonly op: string; readonly [argument: string]: unknown };

export type Reply = { readonly value: unknown; readonly body: Uint8Array<ArrayBuffer> };

/** The first five are of cells; "start" comes before whatever else a command or a watch says. */
const EVENTS = ["stdout", "stderr", "result", "error", "count", "start", "pty", "files"] as const;

/** A piece of a running request. `more`: the body goes on in the next event of the same name. */
export type RoomEvent = {
  readonly name: (typeof EVENTS)[number];
  readonly more: boolean;
  readonly body: Uint8Array<ArrayBuffer>;
};

/** A piece of a connection that a program of the room opened to the outside; `bytes` is what the room has taken. */
export type EgressEvent = {
  readonly connection: number;
  readonly what: "open" | "data" | "end" | "gone" | "room";
  readonly bytes: number;
  readonly body: Uint8Array<ArrayBuffer>;
};

const Header = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("reply"), id: z.number(), value: z.unknown() }),
  z.object({ kind: z.literal("fail"), id: z.number(), code: z.string().max(64), message: z.string().max(4_000) }),
  z.object({
    kind: z.literal("event"),
    id: z.number(),
    event: z.enum(EVENTS),
    more: z.boolean(),
  }),
  z.object({
    kind: z.literal("egress"),
    connection: z.int().positive(),
    what: z.enum(["open", "data", "end", "gone", "room"]),
    bytes: z.int().nonnegative(),
  }),
]);

/** What makes a room its user's. */
const USERS = new Set(["run", "startProcess", "openWrite"]);

type Pending = {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent: ((event: RoomEvent) => void) | undefined;
};

export class Channel {
  /** Resolves when nobody holds the other end any more. */
  readonly gone: Promise<void>;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #onBroken: (reason: Error) => void;
  #outgoing: Uint8Array[] = [];
  #drained: (() => void)[] = [];
  #onEgress: ((event: EgressEvent) => void) | null = null;
  #nextId = 1;
  #isUntouched = true;
  #closed: Error | null = null;

  private constructor(socket: Socket, gone: Promise<void>, onBroken: (reason: Error) => void) {
    this.#socket = socket;
    this.gone = gone;
    this.#onBroken = onBroken;
  }

  /** `onBroken` is called once, when the socket ends or the other side breaks the protocol. */
  static async open(connect: Connect, onBroken: (reason: Error) => void): Promise<Channel> {
    const reader = new FrameReader();
    const gone = Promise.withResolvers<void>();
    let channel: Channel | undefined;
    const socket = await connect({
      data: (chunk) => (channel === undefined ? undefined : channel.#receive(reader, chunk)),
      drain: () => (channel === undefined ? undefined : channel.#flush()),
      end: (error) => {
        gone.resolve();
        if (channel !== undefined) channel.#end(error ?? new Error("The room has ended."));
      },
    });
    channel = new Channel(socket, gone.promise, onBroken);
    return channel;
  }

  /** Something was asked, and the answer is not there yet. */
  get isBusy(): boolean {
    return this.#pending.size > 0;
  }

  /** Nothing of a user's was asked yet: no code, no command. */
  get isUntouched(): boolean {
    return this.#isUntouched;
  }

  /** Resolves with the agent's answer; rejects with RoomError when it refuses, or with the reason of the room's end. */
  async request(operation: Operation, body?: Uint8Array, onEvent?: (event: RoomEvent) => void): Promise<Reply> {
    if (this.#closed !== null) throw this.#closed;
    if (USERS.has(operation.op)) this.#isUntouched = false;
    const id = this.#nextId++;
    const frame = encodeFrame({ ...operation, id }, body);
    const reply = new Promise<Reply>((resolve, reject) => this.#pending.set(id, { resolve, reject, onEvent }));
    this.#outgoing.push(frame);
    this.#flush();
    return await reply;
  }

  /** Says something that is not answered. Resolves when not much waits to be sent any more, or the room has ended. */
  async tell(operation: Operation, body?: Uint8Array): Promise<void> {
    if (this.#closed !== null) return;
    this.#outgoing.push(encodeFrame({ ...operation, id: 0 }, body));
    this.#flush();
    if (this.#outgoing.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** `listener` may throw FrameError, which ends the room. */
  hearEgress(listener: (event: EgressEvent) => void): void {
    this.#onEgress = listener;
  }

  /** Nothing more is asked or heard; the other side is told, and `gone` resolves when it is. */
  close(reason: Error): void {
    this.#end(reason);
  }

  #flush(): void {
    while (this.#closed === null) {
      const next = this.#outgoing[0];
      if (next === undefined) break;
      const written = this.#socket.write(next);
      if (written < next.length) {
        this.#outgoing[0] = next.subarray(Math.max(written, 0));
        return;
      }
      this.#outgoing.shift();
    }
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #receive(reader: FrameReader, chunk: Uint8Array): void {
    if (this.#closed !== null) return;
    try {
      for (const frame of reader.push(chunk)) this.#take(frame);
    } catch (error) {
      this.#end(error instanceof Error ? error : new FrameError("The room broke the protocol."));
    }
  }

  #take(frame: Frame): void {
    const parsed = Header.safeParse(frame.header);
    if (!parsed.success) throw new FrameError("The room sent a header that is not part of the protocol.");
    const header = parsed.data;
    if (header.kind === "egress") {
      if (this.#onEgress === null) throw new FrameError("The room spoke to the outside, which it was not given.");
      this.#onEgress({ ...header, body: frame.body });
      return;
    }
    const pending = this.#pending.get(header.id);
    if (pending === undefined) throw new FrameError("The room answered a request that was never made.");
    if (header.kind === "event") {
      if (pending.onEvent === undefined) throw new FrameError("The room sent an event where none is expected.");
      pending.onEvent({ name: header.event, more: header.more, body: frame.body });
      return;
    }
    this.#pending.delete(header.id);
    if (header.kind === "fail") pending.reject(new RoomError(header.code, header.message));
    else pending.resolve({ value: header.value, body: frame.body });
  }

  #end(reason: Error): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    this.#outgoing = [];
    for (const resolve of this.#drained.splice(0)) resolve();
    this.#socket.shutdown();
    this.#onBroken(reason);
  }
}
