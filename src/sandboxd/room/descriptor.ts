// Sockets to a room: on a descriptor that this process already has (one end of a pair whose other end a child inherited),
// or to the zygote's address.
import { closeSync, writeSync } from "node:fs";
import type { Socket, TCPSocketConnectOptions } from "bun";

export type Handlers = {
  readonly data: (chunk: Buffer) => void;
  readonly drain?: () => void;
  /** Called once, however the socket ended. */
  readonly end: (error: Error | null) => void;
};

export type Connect = (handlers: Handlers) => Promise<Socket>;

export const openDescriptor =
  (fd: number): Connect =>
  async (handlers) =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Bun.connect takes `fd`, but its types do not say so.
    await Bun.connect({ fd, allowHalfOpen: true, socket: socketOf(handlers) } as unknown as TCPSocketConnectOptions);

export const openAddress =
  (path: string): Connect =>
  async (handlers) =>
    await Bun.connect({ unix: path, allowHalfOpen: true, socket: socketOf(handlers) });

function socketOf(handlers: Handlers) {
  return {
    data: (_socket: Socket, chunk: Buffer) => handlers.data(chunk),
    drain: () => handlers.drain?.(),
    // Only the other side's end is one: ours says that nothing more is asked.
    end: (socket: Socket) => void socket.end(),
    close: () => handlers.end(null),
    error: (_socket: Socket, error: Error) => handlers.end(error),
  };
}

/** Writes all there is to say to a child that has just been started; at most what a socket's buffer holds, about 200 KiB. */
export function deliver(fd: number, content: Uint8Array): void {
  try {
    writeSync(fd, content);
  } catch {
    // It has ended already (EPIPE): whoever waits for it is told why.
  } finally {
    closeSync(fd);
  }
}
