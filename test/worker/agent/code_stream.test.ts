import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createCodeStream } from "../../../src/worker/agent/code_stream.ts";

test("code comes out of a tool's input as it is written, wherever the input is cut", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      (code, title, sizes) => {
        const input = JSON.stringify({ title: title.replaceAll("code", ""), code });
        const stream = createCodeStream();
        let [at, out, turn] = [0, "", 0];
        while (at < input.length) {
          const size = sizes[turn % sizes.length] ?? 1;
          turn += 1;
          out += stream(input.slice(at, at + size));
          at += size;
        }
        expect(out).toBe(code);
      },
    ),
  );
});

test("what is no code says nothing", () => {
  const stream = createCodeStream();
  expect(stream('{"fact":"x","note":"code"}')).toBe("");
});
