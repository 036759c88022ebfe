import { describe, expect, test } from "bun:test";
import { answer, encode, load, when, type Program } from "../../../src/sandboxd/room/bpf.ts";
import { loaded } from "./bpf_machine.ts";

/** A number each of 0 to `count`, asked for one after the other. */
function chain(count: number): Program {
  return Array.from({ length: count }, (_, value) => value).reduceRight<Program>(
    (rest, value) => when("equals", value, answer(0x0005_0000 + 38), rest),
    answer(0x7fff_0000),
  );
}

describe("a program", () => {
  test("may be longer than one jump reaches", () => {
    const far = when("isAtLeast", 5_000, answer(0x8000_0000), chain(400));
    const machine = loaded(encode(load(0, far)));
    const ask = (number: number): string => machine({ audit: 0, number }).action;
    expect([0, 399, 400, 4_999, 5_000, 0xffff_ffff].map(ask)).toEqual([
      "ENOSYS",
      "ENOSYS",
      "allow",
      "allow",
      "kill",
      "kill",
    ]);
  });

  test("that the kernel would not load is noticed here", () => {
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(7),
      encode([]),
      encode(load(0, [])),
      encode(load(2, answer(0))),
      encode(load(64, answer(0))),
      encode([{ code: 0x15, yes: 1, no: 0, operand: 0 }, ...answer(0)]),
      encode([{ code: 0x16, yes: 0, no: 0, operand: 0 }, ...answer(0)]),
    ])
      expect(() => loaded(bytes)).toThrow();
  });
});
