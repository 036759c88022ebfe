import { describe, expect, test } from "bun:test";
import { Duplex } from "node:stream";
import { duplexOf, pipeOf } from "../../../src/sandboxd/egress/pipe.ts";
import { failureOf } from "../harness.ts";

/** A connection whose other side is the test's: what it says is pushed, what it is told waits until `take`. */
function connection(): { readonly socket: Duplex; readonly taken: Buffer[]; readonly take: () => void } {
  const taken: Buffer[] = [];
  let done: (() => void) | null = null;
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, next) => {
      taken.push(chunk);
      done = next;
    },
  });
  return { socket, taken, take: () => done?.() };
}

describe("a pipe", () => {
  test("stops hearing when nobody reads, and goes on when somebody does", async () => {
    const { socket } = connection();
    const pipe = pipeOf(socket);
    for (let index = 0; index < 10; index++) socket.push(Buffer.alloc(64 * 1024));
    await Bun.sleep(0);
    expect(socket.isPaused()).toBe(true);
    for (let read = 0; read < 640 * 1024;) read += (await pipe.read())?.length ?? 0;
    expect(socket.isPaused()).toBe(false);
  });

  test("makes a writer wait until the other side has taken what is written", async () => {
    const { socket, take } = connection();
    const pipe = pipeOf(socket);
    let isWritten = false;
    const writing = pipe.write(Buffer.alloc(1_000_000)).then(() => (isWritten = true));
    await Bun.sleep(0);
    expect(isWritten).toBe(false);
    take();
    await writing;
  });

  test("that breaks fails its reader and its writer, and says so", async () => {
    const { socket } = connection();
    const pipe = pipeOf(socket);
    const reading = failureOf(pipe.read());
    const writing = failureOf(pipe.write(Buffer.alloc(1_000_000)));
    socket.destroy(new Error("cut"));
    expect(await Promise.all([reading, writing])).toEqual(["cut", "cut"]);
    await pipe.broken;
    expect(await failureOf(pipe.write(Buffer.alloc(1)))).toBe("cut");
    expect(pipe.isStale()).toBe(true);
  });

  test("is stale as soon as it says what nobody asked for", async () => {
    const { socket } = connection();
    const pipe = pipeOf(socket);
    expect(pipe.isStale()).toBe(false);
    socket.push("unasked");
    await Bun.sleep(0);
    expect(pipe.isStale()).toBe(true);
  });

  test("has one reader at a time", async () => {
    const pipe = pipeOf(connection().socket);
    void pipe.read().catch(() => undefined);
    expect(await failureOf(pipe.read())).toContain("Two read");
    pipe.destroy();
  });

  test("in Node's shape is the same pipe", async () => {
    const { socket, taken, take } = connection();
    const duplex = duplexOf(pipeOf(socket));
    const heard = new Promise((resolve) => duplex.once("data", resolve));
    socket.push("hello");
    expect(String(await heard)).toBe("hello");
    duplex.write("answer");
    await Bun.sleep(0);
    take();
    expect(Buffer.concat(taken).toString()).toBe("answer");
    duplex.on("error", () => undefined);
    duplex.destroy();
    expect(socket.destroyed).toBe(true);
  });
});
