// A connection as a pair of read and write, wherever it comes from, with back-pressure in both directions.
import { Duplex } from "node:stream";

export type Pipe = {
  /** The next bytes, or null at the end. Rejects when the connection broke. One caller at a time. */
  readonly read: () => Promise<Uint8Array | null>;
  /** Resolves when the other side keeps up. Rejects when the connection broke. */
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** Nothing more will be written. Resolves when all that was written has arrived in the other side's system, or never will. */
  readonly end: () => Promise<void>;
  /** Ends both directions at once. */
  readonly destroy: () => void;
  /** Nothing can be asked here any more: it ended, or it says what nobody asked for. */
  readonly isStale: () => boolean;
  /** Resolves when the connection broke or was destroyed; a clean end of one direction is neither. */
  readonly broken: Promise<void>;
};

/** More than this waits at a reader only until the other side hears of it. */
const WAITING_BYTES = 256 * 1024;

/** What arrived and was not read yet. */
export class Arrivals {
  readonly #chunks: Uint8Array[] = [];
  readonly #onRoom: (bytes: number) => void;
  #reader: PromiseWithResolvers<Uint8Array | null> | null = null;
  #end: Error | "ended" | null = null;

  /** `onRoom` hears of every chunk that was taken. */
  constructor(onRoom: (bytes: number) => void) {
    this.#onRoom = onRoom;
  }

  push(chunk: Uint8Array): void {
    if (this.#end !== null) return;
    this.#chunks.push(chunk);
    this.#serve();
  }

  /** What arrived before a clean end can still be read. */
  end(error?: Error): void {
    if (this.#end !== null && this.#end !== "ended") return;
    this.#end = error ?? "ended";
    if (error !== undefined) this.#chunks.length = 0;
    this.#serve();
  }

  get isIdle(): boolean {
    return this.#end === null && this.#chunks.length === 0;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#reader !== null) throw new Error("Two read from one connection.");
    this.#reader = Promise.withResolvers();
    const { promise } = this.#reader;
    this.#serve();
    return await promise;
  }

  #serve(): void {
    const reader = this.#reader;
    if (reader === null) return;
    const chunk = this.#chunks.shift();
    if (chunk === undefined && this.#end === null) return;
    this.#reader = null;
    if (chunk !== undefined) {
      reader.resolve(chunk);
      this.#onRoom(chunk.length);
    } else if (this.#end === "ended") reader.resolve(null);
    else reader.reject(this.#end ?? new Error("The connection has ended."));
  }
}

export function pipeOf(socket: Duplex): Pipe {
  let waiting = 0;
  let broken: Error | null = null;
  let drained: PromiseWithResolvers<void> | null = null;
  const gone = Promise.withResolvers<void>();
  const arrivals = new Arrivals((bytes) => {
    waiting -= bytes;
    if (waiting < WAITING_BYTES) socket.resume();
  });
  const release = (): void => {
    drained?.resolve();
    drained = null;
  };
  const fail = (error: Error): void => {
    broken ??= error;
    arrivals.end(broken);
    release();
    gone.resolve();
  };
  socket.on("data", (chunk: Buffer) => {
    waiting += chunk.length;
    if (waiting >= WAITING_BYTES) socket.pause();
    arrivals.push(chunk);
  });
  socket.on("drain", release);
  socket.on("end", () => arrivals.end());
  socket.on("error", fail);
  socket.on("close", () => {
    if (!socket.readableEnded) fail(new Error("The connection was closed."));
    release();
    gone.resolve();
  });
  return {
    read: () => arrivals.read(),
    write: async (chunk) => {
      if (broken === null && socket.destroyed) broken = new Error("The connection was closed.");
      if (broken !== null) throw broken;
      if (socket.write(chunk)) return;
      drained ??= Promise.withResolvers();
      await drained.promise;
      if (broken !== null) throw broken;
    },
    end: async () => {
      if (socket.destroyed || socket.writableFinished) return;
      await Promise.race([new Promise<void>((resolve) => socket.end(resolve)), gone.promise]);
    },
    destroy: () => {
      fail(new Error("The connection was given up."));
      socket.destroy();
    },
    isStale: () => socket.destroyed || !arrivals.isIdle,
    broken: gone.promise,
  };
}

/** The same connection in Node's shape, for those who need it: TLS. */
export function duplexOf(pipe: Pipe): Duplex {
  const duplex = new Duplex({
    read: () => void fill(),
    write: (chunk: Uint8Array, _encoding, done) => void settle(pipe.write(chunk), done),
    final: (done) => void settle(pipe.end(), done),
    destroy: (error, done) => {
      pipe.destroy();
      done(error);
    },
  });
  // Whoever reads it hears of it; an error that nobody listens to would end the whole server.
  duplex.on("error", () => undefined);
  const fill = async (): Promise<void> => {
    try {
      duplex.push(await pipe.read());
    } catch (error) {
      duplex.destroy(asError(error));
    }
  };
  return duplex;
}

async function settle(doing: Promise<void>, done: (error?: Error) => void): Promise<void> {
  let error: Error | undefined;
  try {
    await doing;
  } catch (cause) {
    error = asError(cause);
  }
  done(error);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
