// The connections that programs of a room open to the outside, each as a pipe, carried as frames over the room's one channel.
import { z } from "zod";
import { Arrivals, type Pipe } from "../egress/pipe.ts";
import type { Channel, EgressEvent } from "./channel.ts";
import { FrameError } from "./frames.ts";

/** Bytes of one connection that may be under way in one direction; the agent has the same number. */
const WINDOW = 256 * 1024;
const CHUNK = 128 * 1024;
/** More than the agent ever opens. */
const MAX_CONNECTIONS = 1_024;

/** What of a channel is needed here. */
export type Speaker = Pick<Channel, "hearEgress" | "request" | "tell">;

/** Opens the room's port on its own 127.0.0.1 and answers with its number. `onConnection` gets what connects there. */
export async function openOutlet(channel: Speaker, onConnection: (pipe: Pipe) => void): Promise<number> {
  const open = new Map<number, Connection>();
  channel.hearEgress((event) => {
    if (event.what === "open") {
      if (open.has(event.connection) || open.size >= MAX_CONNECTIONS)
        throw new FrameError("The room opened a connection that cannot be.");
      const connection = new Connection(channel, event.connection, () => open.delete(event.connection));
      open.set(event.connection, connection);
      onConnection(connection.pipe);
    } else open.get(event.connection)?.hear(event);
  });
  const { value } = await channel.request({ op: "openEgress" });
  const parsed = z.object({ port: z.int().min(1).max(65_535) }).safeParse(value);
  if (!parsed.success) throw new FrameError("The room opened a port in a way that is not part of the protocol.");
  return parsed.data.port;
}

class Connection {
  readonly pipe: Pipe;
  readonly #channel: Speaker;
  readonly #number: number;
  readonly #forget: () => void;
  readonly #arrivals: Arrivals;
  readonly #gone = Promise.withResolvers<void>();
  #window = WINDOW;
  #unread = 0;
  #isOver = false;
  #hasHeardAll = false;
  #hasSaidAll = false;
  #waiting: (() => void)[] = [];

  constructor(channel: Speaker, number: number, forget: () => void) {
    this.#channel = channel;
    this.#number = number;
    this.#forget = forget;
    this.pipe = {
      read: async () => await this.#arrivals.read(),
      write: async (chunk) => await this.#write(chunk),
      end: async () => await this.#end(),
      destroy: () => this.#destroy(),
      isStale: () => this.#isOver || !this.#arrivals.isIdle,
      broken: this.#gone.promise,
    };
    this.#arrivals = new Arrivals((bytes) => {
      this.#unread -= bytes;
      void this.#tell("room", { bytes });
    });
  }

  hear({ what, bytes, body }: EgressEvent): void {
    if (what === "data") {
      this.#unread += body.length;
      if (this.#unread > WINDOW) throw new FrameError("The room sent more than it was asked for.");
      this.#arrivals.push(body);
    } else if (what === "room") {
      this.#window += bytes;
      if (this.#window > WINDOW) throw new FrameError("The room took more than it was given.");
      this.#wake();
    } else if (what === "end") {
      this.#hasHeardAll = true;
      this.#arrivals.end();
      if (this.#hasSaidAll) this.#finish();
    } else this.#break("The program in the room broke the connection off.");
  }

  async #write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      while (this.#window === 0 && !this.#isOver) {
        // oxlint-disable-next-line no-await-in-loop -- back-pressure
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      if (this.#isOver || this.#hasSaidAll) throw new Error("The connection was closed.");
      const part = chunk.subarray(at, at + Math.min(this.#window, CHUNK));
      this.#window -= part.length;
      at += part.length;
      // oxlint-disable-next-line no-await-in-loop -- back-pressure
      await this.#tell("data", {}, part);
    }
  }

  async #end(): Promise<void> {
    if (this.#isOver || this.#hasSaidAll) return;
    this.#hasSaidAll = true;
    void this.#tell("end");
    while (this.#window < WINDOW && !this.#isOver) {
      // oxlint-disable-next-line no-await-in-loop -- until the last byte was taken
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#hasHeardAll) this.#finish();
  }

  #destroy(): void {
    if (this.#isOver) return;
    void this.#tell("drop");
    this.#break("The connection was given up.");
  }

  #break(reason: string): void {
    this.#arrivals.end(new Error(reason));
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#forget();
    this.#wake();
    this.#gone.resolve();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #tell(what: string, more: object = {}, body?: Uint8Array): Promise<void> {
    if (!this.#isOver) await this.#channel.tell({ op: "egress", connection: this.#number, what, ...more }, body);
  }
}
