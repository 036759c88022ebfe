// Each system call by number, and what must become of it in a room for code.
import { architectureOf } from "../../sandboxd/room/seccomp.ts";
import { AARCH64 } from "../../sandboxd/room/syscalls/aarch64.ts";
import { X86_64 } from "../../sandboxd/room/syscalls/x86_64.ts";
import { CASES, REFUSED } from "./expected_calls.ts";

export type Attempt = readonly [number: number, args: readonly (number | bigint)[]];

const ERRNO: Readonly<Record<string, number>> = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 };
/** What attempts.py answers for a call that ended the process. */
export const KILLED = -31;
/** SIGSEGV and ENOEXEC: how it ends where no 32-bit program runs anyway. */
const NO_32_BITS = { x86_64: -11, aarch64: 8 } as const;
const X32_BIT = 0x4000_0000;
const ONES = [-1, -1, -1, -1, -1, -1];
/** What the calls of CASES answer to six arguments of ones. */
const WITH_ONES: Readonly<Record<string, string>> = {
  clone: "EPERM",
  clone3: "ENOSYS",
  socket: "EAFNOSUPPORT",
  socketpair: "EAFNOSUPPORT",
};
/** A kernel without Landlock, or older than the call, says ENOSYS by itself; for futex ones are an unknown operation. */
const MAYBE_ENOSYS =
  /^(futex$|landlock_|futex_waitv|process_mrelease|pkey_|rseq|epoll_pwait2|faccessat2|openat2|close_range|pidfd_)/;
/** Behind uprobes, on x86_64 since Linux 6.11: the kernel lets no filter see them, and refuses them to everybody else. */
const UPROBES = [335, 336];
/** The kernel's own EPERM: there is no right to set groups in a namespace of one user. */
const EPERM_ANYWAY = new Set(["setgroups"]);

const architecture = architectureOf(process.arch);
const table = architecture === "x86_64" ? X86_64 : AARCH64;
const names = new Map([...table].map(([name, number]) => [number, name]));

/** A list of attempts, and the sentences that its outcomes deserve: none where all is as expected. */
export type Sweep = { readonly attempts: readonly Attempt[]; readonly wrong: (found: readonly number[]) => string[] };

export const NUMBERS: Sweep = sweep(
  Array.from({ length: 500 }, (_, number) => number)
    .filter((number) => !UPROBES.includes(number))
    .map((number) => ({ attempt: [number, ONES], name: names.get(number) ?? String(number) })),
  ({ attempt: [number] }, found) => isAsExpected(names.get(number), found),
);

// A thread or a child that shares this one's stack would not come back.
const decided = CASES.filter(([name, , code]) => table.has(name) && !(name === "clone" && code === "allow"));

export const ARGUMENTS: Sweep = sweep(
  decided.map(([name, args, code]) => ({ attempt: [table.get(name) ?? -1, args], name, code })),
  ({ code = "" }, found) => (code === "allow" ? found !== ERRNO["EPERM"] && found !== KILLED : found === ERRNO[code]),
);

/** Only x86_64 has a second set of calls. */
export const FOREIGN: Sweep = sweep(
  (architecture === "x86_64" ? [0, 1, 39, 59, 520] : []).map((number) => ({
    attempt: [X32_BIT + number, []],
    name: `x32 ${number}`,
  })),
  (_, found) => found === KILLED,
);

/** What is wrong with the end of a 32-bit program that made a call; not all kernels and processors run one at all. */
export function wrongBy32Bits(found: number): string[] {
  return found === KILLED || found === NO_32_BITS[architecture] ? [] : [`a 32-bit program's call answered ${found}`];
}

type Call = { readonly attempt: Attempt; readonly name: string; readonly code?: string };

function sweep(calls: readonly Call[], isRight: (call: Call, found: number) => boolean): Sweep {
  return {
    attempts: calls.map(({ attempt }) => attempt),
    wrong: (found) =>
      calls.flatMap((call, index) =>
        isRight(call, found[index] ?? -99)
          ? []
          : [`${call.name}(${call.attempt[1].map(String).join(", ")}) answered ${found[index]}`],
      ),
  };
}

function isAsExpected(name: string | undefined, found: number): boolean {
  if (name === undefined) return found === ERRNO["ENOSYS"];
  const special = WITH_ONES[name];
  if (special !== undefined) return found === ERRNO[special];
  if (REFUSED.has(name)) return found === ERRNO["EPERM"];
  if (found === ERRNO["ENOSYS"]) return MAYBE_ENOSYS.test(name);
  if (found === ERRNO["EPERM"]) return EPERM_ANYWAY.has(name);
  return found !== KILLED;
}
