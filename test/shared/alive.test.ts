// Whether a process lives, asked of real ones.
import { describe, expect, test } from "bun:test";
import { identityOf, isAlive, isSameAlive } from "../../src/shared/alive.ts";

test("a process that runs is alive", () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(process.ppid)).toBe(true);
});

test("a process that has ended is not", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(isAlive(child.pid)).toBe(false);
});

test.skipIf(process.platform !== "linux")("a dead process that its parent has not collected is not", async () => {
  // The shell starts a child, tells its number, and becomes a program that collects nobody.
  const parent = Bun.spawn(["/bin/sh", "-c", "sleep 600 & echo $!; exec cat"], { stdin: "pipe", stdout: "pipe" });
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  await parent.stdin.write("what is repeated comes after the exec\n");
  await parent.stdin.flush();
  await reader.read();
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, "SIGKILL");
  const deadline = performance.now() + 5_000;
  while (isAlive(pid) && performance.now() < deadline) await Bun.sleep(1);
  expect(isAlive(pid)).toBe(false);
  expect(await Bun.file(`/proc/${pid}/stat`).text()).toContain(") Z ");
  await parent.stdin.end();
  await parent.exited;
});

test("what is no number of a process is not alive", () => {
  expect([0, -1, Number.NaN, 1.5].map(isAlive)).toEqual([false, false, false, false]);
});

describe.skipIf(process.platform !== "linux")("the identity of a process", () => {
  test("stays while it lives, and no other has it", async () => {
    const child = Bun.spawn(["cat"], { stdin: "pipe" });
    const identity = identityOf(child.pid);
    expect(identity).toMatch(/^pid:\[\d+\] \d+$/);
    expect(identityOf(child.pid)).toBe(identity);
    expect(identityOf(process.pid)).not.toBe(identity);
    await child.stdin.end();
    await child.exited;
    expect(identityOf(child.pid)).toBeNull();
  });

  test("is read right though its name holds blanks and parentheses", async () => {
    // A program may call itself anything; what it is called stands before the numbers.
    const source = "echo ') S 1 2 (' > /proc/$$/comm; echo called >&2; read line";
    const child = Bun.spawn(["/bin/sh", "-c", source], { stdin: "pipe", stderr: "pipe" });
    await child.stderr.getReader().read();
    expect(await Bun.file(`/proc/${child.pid}/comm`).text()).toContain(") S 1");
    expect(identityOf(child.pid)).toMatch(/^pid:\[\d+\] \d+$/);
    const uptimeTicks = Number((await Bun.file("/proc/uptime").text()).split(" ")[0]) * 100;
    const started = Number(identityOf(child.pid)?.split(" ")[1]);
    expect(started).toBeGreaterThan(Number(identityOf(process.pid)?.split(" ")[1]) - 1);
    expect(started).toBeLessThan(uptimeTicks + 100);
    await child.stdin.end();
    await child.exited;
  });

  test("tells a process from a later one with its number", () => {
    const identity = identityOf(process.pid) ?? "";
    expect(isSameAlive(process.pid, identity)).toBe(true);
    expect(isSameAlive(process.pid, `${identity}1`)).toBe(false);
    expect(isSameAlive(process.pid, null)).toBe(true);
  });

  test("of one that has ended is nobody's", async () => {
    const child = Bun.spawn(["true"]);
    const identity = identityOf(child.pid);
    await child.exited;
    expect(isSameAlive(child.pid, identity)).toBe(false);
    expect(isSameAlive(child.pid, null)).toBe(false);
  });

  test("from another container cannot be looked up: such a process counts as alive", () => {
    expect(isSameAlive(4_000_000, "pid:[1] 7")).toBe(true);
    expect(isSameAlive(process.pid, "pid:[1] 7")).toBe(true);
  });
});
