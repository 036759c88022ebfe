import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { AARCH64 } from "../../../src/sandboxd/room/syscalls/aarch64.ts";
import { X86_64 } from "../../../src/sandboxd/room/syscalls/x86_64.ts";

const X86_64_HEADER = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"].find((path) =>
  existsSync(path),
);
const GENERIC_HEADER = "/usr/include/asm-generic/unistd.h";
const LAST = 450;
/** Later kernels put two numbers into a gap; only the kernel itself makes these calls. */
const UPROBES = [335, 336];

/** Names to numbers, with those that the generic header takes from a number shared with 32 bits. */
function headerNumbers(path: string): Map<string, number> {
  const text = readFileSync(path, "utf8");
  const plain = [...text.matchAll(/^#define __NR(3264)?_(\w+)\s+(\d+)/gm)];
  const own = plain.filter(([, shared]) => shared === undefined);
  const shared = new Map(
    plain.filter(([, is]) => is !== undefined).map(([, , name, number]) => [name, Number(number)]),
  );
  const aliases = [...text.matchAll(/^#define __NR_(\w+)\s+__NR3264_(\w+)/gm)];
  return new Map([
    ...own.map(([, , name, number]): [string, number] => [name ?? "", Number(number)]),
    ...aliases.map(([, name, of]): [string, number] => [name ?? "", shared.get(of) ?? -1]),
  ]);
}

/** What the table says otherwise than the header, and the numbers that it lacks. */
function differences(table: ReadonlyMap<string, number>, path: string, isOurs: (number: number) => boolean): string[] {
  const header = headerNumbers(path);
  const newest = Math.max(...header.values());
  const numbers = new Set(table.values());
  const wrong = [...table].filter(([name, number]) => header.get(name) !== number && number <= newest);
  const missing = [...header].filter(
    ([, number]) => number >= 0 && number <= LAST && isOurs(number) && !numbers.has(number),
  );
  return [...wrong, ...missing].map(([name, number]) => `${name} ${number}`);
}

describe("the numbers of the system calls", () => {
  test.skipIf(X86_64_HEADER === undefined)("of x86_64 are those of the kernel's header", () => {
    expect(differences(X86_64, X86_64_HEADER ?? "", (number) => !UPROBES.includes(number))).toEqual([]);
  });

  // Later headers than Linux 6.10 have the list of each architecture in a file of its own.
  test.skipIf(!existsSync(GENERIC_HEADER))("of aarch64 are those of the kernel's generic header", () => {
    const isOurs = (number: number): boolean => number !== 244 && (number < 403 || number > 423);
    expect(differences(AARCH64, GENERIC_HEADER, isOurs)).toEqual([]);
  });

  test("are each given once, and end with Linux 6.1", () => {
    for (const [table, size] of [
      [X86_64, 362],
      [AARCH64, 306],
    ] as const) {
      expect(new Set(table.values()).size).toBe(size);
      expect(table.size).toBe(size);
      expect(Math.max(...table.values())).toBe(LAST);
    }
  });
});
