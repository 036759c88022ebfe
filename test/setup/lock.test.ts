// Two set-ups in one folder: the lock lets one through, and does not outlive its owner.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isStale, withLock } from "../../scripts/setup/lock.mjs";
import { temporaryFolder } from "../shared/temporary.ts";

test("the second waits until the first is done, and is told so once", async () => {
  using folder = temporaryFolder();
  const lock = join(folder.path, "tools/lock");
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const waits = Promise.withResolvers<void>();
  const first = withLock(lock, async () => {
    order.push("first in");
    await gate.promise;
    order.push("first out");
  });
  const second = withLock(lock, async () => void order.push("second in"), waits.resolve);
  await waits.promise;
  gate.resolve();
  await Promise.all([first, second]);
  expect(order).toEqual(["first in", "first out", "second in"]);
  expect(existsSync(lock)).toBe(false);
});

test("work that fails gives the lock back", async () => {
  using folder = temporaryFolder();
  const lock = join(folder.path, "lock");
  const failing = withLock(lock, () => Promise.reject(new Error("no network")));
  expect(failing).rejects.toThrow("no network");
  await failing.catch(() => {});
  expect(await withLock(lock, () => Promise.resolve("mine"))).toBe("mine");
});

test("the lock of a killed process is taken over", async () => {
  using folder = temporaryFolder();
  const lock = join(folder.path, "lock");
  const module = join(import.meta.dir, "../../scripts/setup/lock.mjs");
  const code = `const { withLock } = await import(${JSON.stringify(module)});
    await withLock(${JSON.stringify(lock)}, () => { console.log("in"); setInterval(() => {}, 1000); return new Promise(() => {}); });`;
  const owner = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  const { value } = await owner.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("in\n");
  expect(isStale(lock)).toBe(false);
  owner.kill("SIGKILL");
  await owner.exited;
  expect(isStale(lock)).toBe(true);
  expect(await withLock(lock, () => Promise.resolve(readFileSync(join(lock, "owner"), "utf8")))).toStartWith(
    `${process.pid}`,
  );
});

test("a number that another process has by now does not keep the lock", () => {
  using folder = temporaryFolder();
  const lock = join(folder.path, "lock");
  mkdirSync(lock);
  writeFileSync(join(lock, "owner"), `${process.pid} 1`);
  expect(isStale(lock)).toBe(true);
});

test("a lock without an owner's name is somebody's for a moment only", () => {
  using folder = temporaryFolder();
  const lock = join(folder.path, "lock");
  mkdirSync(lock);
  expect(isStale(lock)).toBe(false);
  utimesSync(lock, new Date(0), new Date(0));
  expect(isStale(lock)).toBe(true);
});
