// How everything ends: on a signal, or when the parent is gone.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { aborted, pause } from "../../src/shared/stop.ts";

const SOURCE = `
  import { aborted, stopSignal } from ${JSON.stringify(join(import.meta.dir, "../../src/shared/stop.ts"))};
  const stop = stopSignal();
  const alive = setInterval(() => undefined, 1000);
  console.log("up");
  await aborted(stop);
  clearInterval(alive);
  console.log("stopped");
  process.exit(0);`;

async function* linesOf(stream: ReadableStream<Uint8Array>) {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + Buffer.from(chunk).toString()).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s stops a process in order", async (signal) => {
  const child = Bun.spawn([process.execPath, "-e", SOURCE], { stdout: "pipe", stderr: "inherit" });
  const lines = linesOf(child.stdout);
  expect((await lines.next()).value).toBe("up");
  child.kill(signal);
  expect((await lines.next()).value).toBe("stopped");
  expect(await child.exited).toBe(0);
});

test("the end of the parent's channel stops a process in order", async () => {
  const child = Bun.spawn([process.execPath, "-e", SOURCE], {
    stdout: "pipe",
    stderr: "inherit",
    serialization: "json",
    ipc: () => undefined,
  });
  const lines = linesOf(child.stdout);
  expect((await lines.next()).value).toBe("up");
  child.disconnect();
  expect((await lines.next()).value).toBe("stopped");
  expect(await child.exited).toBe(0);
});

describe("waiting", () => {
  test("for an abort that has been is no waiting", async () => {
    await aborted(AbortSignal.abort());
    await pause(1e9, AbortSignal.abort());
  });

  test("ends with the abort", async () => {
    const controller = new AbortController();
    const both = Promise.all([aborted(controller.signal), pause(1e9, controller.signal)]);
    controller.abort();
    expect(await both).toEqual([undefined, undefined]);
  });

  test("ends by itself after its time", async () => {
    const controller = new AbortController();
    await pause(1, controller.signal);
    expect(controller.signal.aborted).toBe(false);
  });
});
