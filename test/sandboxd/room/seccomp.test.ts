import { describe, expect, test } from "bun:test";
import { toAppError, type AppError } from "../../../src/shared/errors.ts";
import { architectureOf, seccompFilter, type Architecture, type Profile } from "../../../src/sandboxd/room/seccomp.ts";
import { AARCH64 } from "../../../src/sandboxd/room/syscalls/aarch64.ts";
import { ALLOWED } from "../../../src/sandboxd/room/syscalls/allowed.ts";
import { X86_64 } from "../../../src/sandboxd/room/syscalls/x86_64.ts";
import { loaded } from "./bpf_machine.ts";
import { CASES, REFUSED } from "../../../src/cli/prove/expected_calls.ts";

const MACHINES = { x86_64: { audit: 0xc000_003e, table: X86_64 }, aarch64: { audit: 0xc000_00b7, table: AARCH64 } };
const I386 = 0x4000_0003;
const ARM = 0x4000_0028;
const RISCV64 = 0xc000_00f3;
const X32_BIT = 0x4000_0000;

const ROOMS: readonly [Architecture, Profile][] = [
  ["x86_64", "code"],
  ["x86_64", "browser"],
  ["aarch64", "code"],
  ["aarch64", "browser"],
];

const ONES = 0xffff_ffff_ffff_ffffn;
/** Six arguments each; a call whose arguments do not matter must have the same answer for all. */
const ARGUMENTS = [
  [0n, 0n, 0n, 0n, 0n, 0n],
  [ONES, ONES, ONES, ONES, ONES, ONES],
  [1n, 2n, 3n, 4n, 5n, 6n],
  [0x5412n, 0x5412n, 0x5412n, 0x1000_0000n, 0x2000n, 0x6000n],
  [0x7e02_0000n, 0x541cn, 64n, 0x7e02_0000n, 0n, 0n],
  [16n, 41n, 12n, 0n, 0n, 0n],
];

function questions(architecture: Architecture, profile: Profile) {
  const { audit, table } = MACHINES[architecture];
  const machine = loaded(seccompFilter(profile, architecture));
  const ask = (number: number, args: readonly bigint[] = [], by = audit): string =>
    machine({ audit: by, number, args }).action;
  return { machine, audit, table, ask };
}

describe.each(ROOMS)("the filter of %s for %s", (architecture, profile) => {
  const { machine, audit, table, ask } = questions(architecture, profile);
  const decided = new Set(CASES.map(([name]) => name));

  test("answers every number as the expected table says, whatever the arguments", () => {
    const names = new Map([...table].map(([name, number]) => [number, name]));
    const wrong: string[] = [];
    for (let number = 0; number < 1_100; number += 1) {
      const name = names.get(number);
      if (name !== undefined && decided.has(name)) continue;
      const expected = name === undefined ? "ENOSYS" : REFUSED.has(name) ? "EPERM" : "allow";
      for (const args of ARGUMENTS) {
        const found = ask(number, args);
        if (found !== expected) wrong.push(`${number} ${name}: ${found}, not ${expected}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("looks at the arguments where they decide, and at no more of them than the kernel does", () => {
    const found = CASES.filter(([name]) => table.has(name)).map(([name, args, code, browser]) => [
      name,
      args.map(Number),
      ask(table.get(name) ?? -1, args.map(BigInt)),
      profile === "browser" ? (browser ?? code) : code,
    ]);
    expect(found.filter(([, , action, expected]) => action !== expected)).toEqual([]);
    expect(found.length).toBeGreaterThan(70);
  });

  test("ends the process for calls of another architecture", () => {
    const others = [I386, ARM, RISCV64, 0, architecture === "x86_64" ? MACHINES.aarch64.audit : MACHINES.x86_64.audit];
    for (const other of others)
      for (const number of [0, 1, 39, 59, 172, 221, 999]) expect(ask(number, [], other)).toBe("kill");
  });

  test("ends the process for x32, and knows no number beyond the tables", () => {
    const beyond = architecture === "x86_64" ? "kill" : "ENOSYS";
    for (const number of [0, 1, 59, 512, 520, 0x3fff_ffff]) expect(ask(X32_BIT + number)).toBe(beyond);
    expect(ask(0xffff_ffff)).toBe(beyond);
    for (const number of [451, 452, 468, 512, 520, 545, 547, 0x1000_0000, X32_BIT - 1])
      expect(ask(number)).toBe("ENOSYS");
  });

  test("finds the answer in a handful of steps", () => {
    for (const [name, number] of table) {
      const { steps } = machine({ audit, number });
      if (!decided.has(name)) expect(steps).toBeLessThan(14);
    }
  });
});

function refusalOf(name: string): AppError {
  try {
    throw new Error(`${architectureOf(name)} was found`);
  } catch (error) {
    return toAppError(error);
  }
}

describe("the lists", () => {
  const known = new Set([...X86_64.keys(), ...AARCH64.keys()]);

  test("name only calls that exist, each once", () => {
    for (const list of [ALLOWED, [...REFUSED], CASES.map(([name]) => name)])
      expect(list.filter((name) => !known.has(name))).toEqual([]);
    expect(new Set(ALLOWED).size).toBe(ALLOWED.length);
  });

  test("an unknown processor is refused by name", () => {
    expect(architectureOf("x64")).toBe("x86_64");
    expect(architectureOf("arm64")).toBe("aarch64");
    for (const name of ["riscv64", "ppc64", "ia32", "arm", ""]) {
      const refusal = refusalOf(name);
      expect(refusal.code).toBe("unavailable");
      expect(refusal.message).toContain(`(${name})`);
    }
  });
});
