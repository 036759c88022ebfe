// A socket on a descriptor that this process already has: one end of a pair whose other end a child inherited.
import { closeSync, writeSync } from "node:fs";
import type { Socket, TCPSocketConnectOptions } from "bun";

type Handlers = {
  readonly data: (chunk: Buffer) => void;
  readonly drain?: () => void;
  /** Called once, however the socket ended. */
  readonly end: (error: Error | null) => void;
};

export async function openDescriptor(fd: number, handlers: Handlers): Promise<Socket> {
  const options = {
    fd,
    socket: {
      data: (_socket: Socket, chunk: Buffer) => handlers.data(chunk),
      drain: () => handlers.drain?.(),
      close: () => handlers.end(null),
      error: (_socket: Socket, error: Error) => handlers.end(error),
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Bun.connect takes `fd`, but its types do not say so.
  return await Bun.connect(options as unknown as TCPSocketConnectOptions);
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
