import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { architectureOf, type Architecture } from "../../../src/sandboxd/room/seccomp.ts";
import { AARCH64 } from "../../../src/sandboxd/room/syscalls/aarch64.ts";
import { X86_64 } from "../../../src/sandboxd/room/syscalls/x86_64.ts";

/** Where the kernel's headers of an architecture lie; the folder without a name is that of this machine's own. */
function headerOf(architecture: Architecture): string | undefined {
  const isOwn = architectureOf(process.arch) === architecture;
  return [`/usr/include/${architecture}-linux-gnu/asm/unistd_64.h`, ...(isOwn ? ["/usr/include/asm/unistd_64.h"] : [])]
    .filter((path) => existsSync(path))
    .at(0);
}

const X86_64_HEADER = headerOf("x86_64");
/** Linux 6.11 and later have a list of aarch64's own; those before it, and other machines, the generic one. */
const AARCH64_HEADER = headerOf("aarch64") ?? ["/usr/include/asm-generic/unistd.h"].find((path) => existsSync(path));
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

  test.skipIf(AARCH64_HEADER === undefined)("of aarch64 are those of the kernel's header", () => {
    const isOurs = (number: number): boolean => number !== 244 && (number < 403 || number > 423);
    expect(differences(AARCH64, AARCH64_HEADER ?? "", isOurs)).toEqual([]);
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
