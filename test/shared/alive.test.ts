// Whether a process lives, asked of real ones.
import { expect, test } from "bun:test";
import { isAlive } from "../../src/shared/alive.ts";

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
