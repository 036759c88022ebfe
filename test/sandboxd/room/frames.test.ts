import { describe, expect, test } from "bun:test";
import { encodeFrame, FrameError, FrameReader } from "../../../src/sandboxd/room/frames.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function prefix(header: number, body: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, header);
  view.setUint32(4, body);
  return new Uint8Array(view.buffer);
}

describe("frames", () => {
  test("are read back whole, whatever the pieces in which they arrive", () => {
    const sent = [encodeFrame({ id: 1 }, bytes("one")), encodeFrame({ id: 2 }), encodeFrame({ id: 3 }, bytes("three"))];
    const stream = Buffer.concat(sent);
    for (const size of [1, 3, 7, 8, 9, 1_000]) {
      const reader = new FrameReader();
      const seen: unknown[] = [];
      for (let start = 0; start < stream.length; start += size)
        for (const frame of reader.push(stream.subarray(start, start + size)))
          seen.push([frame.header, new TextDecoder().decode(frame.body)]);
      expect(seen).toEqual([
        [{ id: 1 }, "one"],
        [{ id: 2 }, ""],
        [{ id: 3 }, "three"],
      ]);
    }
  });

  test("that claim to be larger than a frame are refused before their bytes come", () => {
    for (const claim of [prefix(0xffff_ffff, 0), prefix(2, 0xffff_ffff), prefix(64 * 1024 + 1, 0)])
      expect(() => [...new FrameReader().push(claim)]).toThrow(FrameError);
    expect(() => encodeFrame({}, new Uint8Array(2 ** 20 + 1))).toThrow("more than the sandbox takes");
  });

  test("whose header is not JSON are refused", () => {
    expect(() => [...new FrameReader().push(new Uint8Array([0, 0, 0, 1, 0, 0, 0, 0, 123]))]).toThrow(FrameError);
  });
});
