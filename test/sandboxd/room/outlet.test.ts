import { describe, expect, test } from "bun:test";
import type { Pipe } from "../../../src/sandboxd/egress/pipe.ts";
import type { EgressEvent } from "../../../src/sandboxd/room/channel.ts";
import { FrameError } from "../../../src/sandboxd/room/frames.ts";
import { openOutlet } from "../../../src/sandboxd/room/outlet.ts";
import { failureOf } from "../harness.ts";

const WINDOW = 256 * 1024;

type Told = { readonly what: unknown; readonly bytes: unknown; readonly length: number };

/** A room of which every word is the test's. */
async function room(): Promise<{
  readonly pipes: Pipe[];
  readonly told: Told[];
  readonly hear: (what: EgressEvent["what"], more?: Partial<EgressEvent>) => void;
}> {
  const pipes: Pipe[] = [];
  const told: Told[] = [];
  let listener: (event: EgressEvent) => void = () => undefined;
  await openOutlet(
    {
      hearEgress: (one) => void (listener = one),
      request: async () => ({ value: { port: 3128 }, body: new Uint8Array(0) }),
      tell: async (operation, body) => {
        told.push({ what: operation["what"], bytes: operation["bytes"], length: body?.length ?? 0 });
      },
    },
    (pipe) => void pipes.push(pipe),
  );
  const empty = new Uint8Array(0);
  return { pipes, told, hear: (what, more) => listener({ connection: 1, what, bytes: 0, body: empty, ...more }) };
}

async function opened() {
  const one = await room();
  one.hear("open");
  const [pipe] = one.pipes;
  if (pipe === undefined) throw new Error("nobody connected");
  return { ...one, pipe };
}

describe("a room's connection to the outside", () => {
  test("gives what the room says, its end, and room for more as it is read", async () => {
    const { pipe, hear, told } = await opened();
    hear("data", { body: new TextEncoder().encode("hello") });
    hear("end");
    expect(new TextDecoder().decode((await pipe.read()) ?? undefined)).toBe("hello");
    expect(await pipe.read()).toBeNull();
    expect(told).toEqual([{ what: "room", bytes: 5, length: 0 }]);
  });

  test("sends no more than the room has taken", async () => {
    const { pipe, hear, told } = await opened();
    const writing = pipe.write(new Uint8Array(WINDOW + 10));
    await Bun.sleep(0);
    expect(told.reduce((sum, one) => sum + one.length, 0)).toBe(WINDOW);
    hear("room", { bytes: 10 });
    await writing;
    expect(told.reduce((sum, one) => sum + one.length, 0)).toBe(WINDOW + 10);
  });

  test("has ended only when the room has taken the last byte", async () => {
    const { pipe, hear } = await opened();
    await pipe.write(new Uint8Array(100));
    let hasEnded = false;
    const ending = pipe.end().then(() => (hasEnded = true));
    await Bun.sleep(0);
    expect(hasEnded).toBe(false);
    hear("room", { bytes: 100 });
    await ending;
  });

  test("breaks for readers and writers when the program breaks it off, or when it is given up", async () => {
    for (const end of [
      (one: Awaited<ReturnType<typeof opened>>) => one.hear("gone"),
      (one: Awaited<ReturnType<typeof opened>>) => one.pipe.destroy(),
    ]) {
      const one = await opened();
      const reading = failureOf(one.pipe.read());
      const writing = failureOf(one.pipe.write(new Uint8Array(WINDOW + 1)));
      end(one);
      await one.pipe.broken;
      expect(await Promise.all([reading, writing])).toHaveLength(2);
    }
  });

  test("that is over is not spoken of again: what the room still says of it is dropped", async () => {
    const { pipe, hear, told } = await opened();
    pipe.destroy();
    hear("data", { body: new Uint8Array(10) });
    hear("gone");
    expect(told).toEqual([{ what: "drop", bytes: undefined, length: 0 }]);
  });
});

describe("a room that lies about its connections is ended:", () => {
  test("it opens one twice", async () => {
    const { hear } = await opened();
    expect(() => hear("open")).toThrow(FrameError);
  });
  test("it opens more than there can be", async () => {
    const { hear } = await room();
    for (let connection = 1; connection <= 1_024; connection++) hear("open", { connection });
    expect(() => hear("open", { connection: 2_000 })).toThrow(FrameError);
  });
  test("it sends more than it was asked for", async () => {
    const { hear } = await opened();
    hear("data", { body: new Uint8Array(WINDOW) });
    expect(() => hear("data", { body: new Uint8Array(1) })).toThrow(FrameError);
  });
  test("it takes more than it was given", async () => {
    const { hear } = await opened();
    expect(() => hear("room", { bytes: 1 })).toThrow(FrameError);
  });
});
