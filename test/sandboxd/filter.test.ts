import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { z } from "zod";
import { architectureOf } from "../../src/sandboxd/room/seccomp.ts";
import { AARCH64 } from "../../src/sandboxd/room/syscalls/aarch64.ts";
import { X86_64 } from "../../src/sandboxd/room/syscalls/x86_64.ts";
import { startServer, type TestServer } from "./harness.ts";
import attempts from "./room/attempts.py" with { type: "text" };
import { CASES, REFUSED } from "./room/expected_calls.ts";

const Found = z.object({ found: z.array(z.number()), i386: z.number().nullable() });
type Attempt = readonly [number: number, args: readonly (number | bigint)[]];

const architecture = architectureOf(process.arch);
const table = architecture === "x86_64" ? X86_64 : AARCH64;
const ERRNO: Readonly<Record<string, number>> = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 };
const KILLED = -31;
const X32_BIT = 0x4000_0000;
const ONES = -1;
const ALL_ONES = [ONES, ONES, ONES, ONES, ONES, ONES];
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

describe("in a real room", () => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer();
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const run = async (code: string): Promise<string> => {
    const execution = await sandbox.runCode(code, { timeoutMs: 60_000 });
    if (execution.error !== undefined) throw new Error(execution.error.traceback);
    return execution.logs.stdout.join("").trim();
  };
  const attempt = async (list: readonly Attempt[]): Promise<z.infer<typeof Found>> => {
    const wanted = JSON.stringify(list.map(([number, args]) => [number, args.map(String)]));
    return Found.parse(JSON.parse(await run(`${attempts}\nmain(${wanted})`)));
  };

  test("each system call by number has the outcome that the expected table says", async () => {
    const names = new Map([...table].map(([name, number]) => [number, name]));
    const numbers = Array.from({ length: 500 }, (_, number) => number).filter((number) => !UPROBES.includes(number));
    const { found } = await attempt(numbers.map((number) => [number, ALL_ONES]));
    const outcomes = numbers.map((number, index) => ({ number, name: names.get(number), found: found[index] ?? -99 }));
    expect(outcomes.filter((one) => !isAsExpected(one.name, one.found))).toEqual([]);
    expect(found.length).toBe(498);
  });

  test("the arguments decide where the expected table says so", async () => {
    // A thread or a child that shares this one's stack would not come back.
    const cases = CASES.filter(([name, , code]) => table.has(name) && !(name === "clone" && code === "allow"));
    const { found } = await attempt(cases.map(([name, args]) => [table.get(name) ?? -1, args]));
    const wrong = cases.filter(([, , code], index) => {
      const errno = found[index];
      return code === "allow" ? errno === ERRNO["EPERM"] || errno === KILLED : errno !== ERRNO[code];
    });
    expect(wrong.map((one) => [...one.slice(0, 3).flat().map(String), found[cases.indexOf(one)]].join(" "))).toEqual(
      [],
    );
    expect(cases.length).toBeGreaterThan(60);
  });

  test.skipIf(architecture !== "x86_64")("the calls of 32-bit programs end the process", async () => {
    const { found, i386 } = await attempt([0, 1, 39, 59, 520].map((number) => [X32_BIT + number, []]));
    expect(found).toEqual([KILLED, KILLED, KILLED, KILLED, KILLED]);
    expect(i386).toBe(KILLED);
  });

  test("every process is sealed: the agent, the kernel, commands, and what they start", async () => {
    const command = await sandbox.commands.run("sh -c 'sleep 60 & sleep 60'", { background: true });
    const seen = await run(`
import glob, multiprocessing, subprocess, threading, time
child = subprocess.Popen(["sh", "-c", "setsid sleep 60 & sleep 60"])
pool = multiprocessing.Pool(2)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
wanted = {"Seccomp": "2", "NoNewPrivs": "1", "CapEff": "0" * 16, "CapPrm": "0" * 16, "CapInh": "0" * 16, "CapAmb": "0" * 16}
paths = glob.glob("/proc/[0-9]*/task/[0-9]*/status")
for path in paths:
    status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open(path) if ":\\t" in line)
    for name, value in wanted.items():
        if status[name] != value: print(path, name, status[name])
print(len(paths) > 8)
pool.terminate()
child.kill()`);
    expect(seen).toBe("True");
    await command.kill();
  });

  test("memory that no limit counts cannot be had", async () => {
    const tried = await run(`
import os
open("/tmp/marked", "w").close()
for act in (lambda: os.memfd_create("x"), lambda: os.setxattr("/tmp/marked", "user.x", b"x" * 65536)):
    try: act(); print("had")
    except PermissionError: print("refused")`);
    expect(tried).toBe("refused\nrefused");
  });
});

function isAsExpected(name: string | undefined, found: number): boolean {
  if (name === undefined) return found === ERRNO["ENOSYS"];
  const special = WITH_ONES[name];
  if (special !== undefined) return found === ERRNO[special];
  if (REFUSED.has(name)) return found === ERRNO["EPERM"];
  if (found === ERRNO["ENOSYS"]) return MAYBE_ENOSYS.test(name);
  if (found === ERRNO["EPERM"]) return EPERM_ANYWAY.has(name);
  return found !== KILLED;
}
