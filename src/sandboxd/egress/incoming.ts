// The reading side of a connection: heads of messages, bodies, and what was read too far and put back.
import type { Pipe } from "./pipe.ts";
import type { Body } from "./message.ts";

export class Incoming {
  readonly #read: Pipe["read"];
  #rest: Uint8Array | null = null;

  constructor(read: Pipe["read"]) {
    this.#read = read;
  }

  async chunk(): Promise<Uint8Array | null> {
    const rest = this.#rest;
    this.#rest = null;
    return rest ?? (await this.#read());
  }

  putBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#rest = bytes;
  }

  /** Everything up to the empty line, with it; null when the connection ended before the first byte. */
  async head(maxBytes: number, tooLarge: () => Error): Promise<Buffer | null> {
    let head = Buffer.alloc(0);
    while (true) {
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in its order
      const chunk = await this.chunk();
      if (chunk === null) {
        if (head.length === 0) return null;
        throw new Error("The connection ended in the middle of a message.");
      }
      const from = Math.max(head.length - 3, 0);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n", from);
      if (end > maxBytes || (end < 0 && head.length > maxBytes)) throw tooLarge();
      if (end < 0) continue;
      this.putBack(head.subarray(end + 4));
      return head.subarray(0, end + 4);
    }
  }

  /** Hands the body on, byte for byte as it came. Throws when the connection ends before the body does. */
  async pass(body: Body, write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    while (!body.isDone) {
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in its order
      const chunk = await this.chunk();
      if (chunk === null) {
        body.end();
        return;
      }
      const taken = body.take(chunk);
      this.putBack(chunk.subarray(taken));
      // oxlint-disable-next-line no-await-in-loop -- back-pressure
      if (taken > 0) await write(chunk.subarray(0, taken));
    }
  }

  /** Hands on everything until the end. */
  async passAll(write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop -- a stream is read in its order
    for (let chunk = await this.chunk(); chunk !== null; chunk = await this.chunk()) await write(chunk);
  }
}
