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
  // The shell starts a child that ends, becomes a program that collects nobody, and tells the child's number first.
  const parent = Bun.spawn(["/bin/sh", "-c", "true & echo $!; exec cat"], { stdin: "pipe", stdout: "pipe" });
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  // What cat repeats comes after the exec; by then `true` has long ended or ends in a moment.
  while (isAlive(pid)) {
    await parent.stdin.write("again\n");
    await parent.stdin.flush();
    await reader.read();
  }
  expect(await Bun.file(`/proc/${pid}/stat`).text()).toContain(") Z ");
  await parent.stdin.end();
  await parent.exited;
});

test("what is no number of a process is not alive", () => {
  expect([0, -1, Number.NaN, 1.5].map(isAlive)).toEqual([false, false, false, false]);
});
