// A waiter that can be woken, and never sleeps through a wake.
import { expect, test } from "bun:test";
import { createWake } from "../../src/worker/wake.ts";

const never = new AbortController().signal;
const LONG_MS = 1e9;

test("a wake ends a wait", async () => {
  const wake = createWake();
  const waiting = wake.wait(LONG_MS, never);
  wake.wake();
  await waiting;
});

test("a wake between two waits is not lost, and several are one", async () => {
  const wake = createWake();
  wake.wake();
  wake.wake();
  await wake.wait(LONG_MS, never);
  let isOver = false;
  const second = wake.wait(LONG_MS, never).then(() => (isOver = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  wake.wake();
  await second;
});

test("time and a stop end a wait too", async () => {
  const wake = createWake();
  await wake.wait(1, never);
  const stop = new AbortController();
  const waiting = wake.wait(LONG_MS, stop.signal);
  stop.abort();
  await waiting;
  await wake.wait(LONG_MS, stop.signal);
});
