// Starts and stops as people do them: in the middle of a job, twice, side by side with `ask`. These tests wait more than
// they work, so they wait side by side.
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ask, askJson, sql } from "./command.ts";
import { allGone, descendantsOf } from "./processes.ts";
import { environment, makeHome, PATIENCE_MS, spawnMain, startSandpiper } from "./sandpiper.ts";
import { begin, expectDoneOnce, expectWorks, killAndAwaitSuccessor } from "./slow_job.ts";
import { until } from "./until.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const homes: string[] = [];
afterAll(() => homes.splice(0).forEach((home) => rmSync(home, { recursive: true, force: true })));

function newHome(): string {
  const home = makeHome();
  homes.push(home);
  return home;
}

describe("SIGTERM", () => {
  test.concurrent("in the middle of a long job hands it back, and the next start does it once", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    // Longer than a stop waits for it.
    const id = await begin(first, 4.5);
    const family = descendantsOf(first.pid);
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    await allGone(family, 1_000);
    const [row] = await sql(home, `SELECT status FROM jobs WHERE id = '${id}'`);
    expect(row?.["status"]).toBe("pending");
    await using second = await startSandpiper({}, home);
    await expectDoneOnce(second, id);
  });

  test.concurrent("lets a job that is nearly done finish", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    const id = await begin(first, 0.5);
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    const [row] = await sql(home, `SELECT status FROM jobs WHERE id = '${id}'`);
    expect(row?.["status"]).toBe("completed");
  });

  test.concurrent("while it starts ends it without a complaint", async () => {
    const home = newHome();
    const main = spawnMain(environment(home));
    await until(() => descendantsOf(main.pid).length > 0, PATIENCE_MS);
    const family = descendantsOf(main.pid);
    main.signal("SIGTERM");
    await main.exited;
    await allGone(family, 10_000);
    expect(main.printed()).not.toMatch(/error|undefined|\.ts:/i);
  });
});

describe("a second start", () => {
  test.concurrent("on the same port ends with one sentence and leaves the first alone", async () => {
    await using first = await startSandpiper();
    const port = new URL(first.url).port;
    const second = spawnMain(environment(first.home, { SANDPIPER_PORT: port }));
    expect(await second.exited).not.toBe(0);
    expect(second.printed().trim().split("\n")).toEqual([
      expect.stringContaining(`Sandpiper is running already: http://localhost:${port}`),
    ]);
    await expectWorks(first);
    await killAndAwaitSuccessor(first, "worker/worker.ts");
    // The new worker must find the first core again, not a socket that the second start took away.
    const isReady = async (): Promise<boolean> => {
      const session: unknown = await (await first.fetch("/api/session")).json();
      return (
        typeof session === "object" && session !== null && "sandboxReady" in session && session.sandboxReady === true
      );
    };
    await until(isReady, PATIENCE_MS);
  });

  test.concurrent("where another program has the port names the way out", async () => {
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("not Sandpiper") });
    const second = spawnMain(environment(newHome(), { SANDPIPER_PORT: String(other.port) }));
    expect(await second.exited).not.toBe(0);
    expect(second.printed().trim()).toBe(
      `Port ${other.port} is in use. Stop the program that has it, or choose another: SANDPIPER_PORT=4748 npm start`,
    );
  });

  test.concurrent("where the program that has the port is slow to answer names the way out all the same", async () => {
    // Core is started again, and fails again, while its first failure is still being looked into.
    let asked = 0;
    using other = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => (asked++ === 0 ? new Promise<Response>(() => undefined) : new Response("not Sandpiper")),
    });
    const second = spawnMain(environment(newHome(), { SANDPIPER_PORT: String(other.port) }));
    expect(await second.exited).toBe(1);
    expect(second.printed().trim().split("\n")).toEqual([expect.stringContaining(`Port ${other.port} is in use.`)]);
  });
});

describe("ask without a running Sandpiper", () => {
  test.concurrent("twice at once: both are answered", async () => {
    const home = newHome();
    const file = join(home, "small.csv");
    await Bun.write(file, "town,people\nA,10\nB,20\nA,35\n");
    const answers = await Promise.all([1, 2].map(() => askJson(home, ["Graph this", file])));
    for (const { code, answer } of answers)
      expect({ code, status: answer.status }).toEqual({ code: 0, status: "completed" });
  });

  test.concurrent("beside a longer one that ends first: it is answered too", async () => {
    const home = newHome();
    const [short, long] = await Promise.all([writeCode(home, "short", 1.5), writeCode(home, "long", 8)]);
    const first = ask(home, ["", "--code", short]);
    // The second begins while the first has a Sandpiper of its own, which ends in the middle of the second.
    await until(
      async () => (await Bun.file(join(home, "data/token")).exists()) && (await hasRunning(home)),
      PATIENCE_MS,
    );
    const second = ask(home, ["", "--code", long]);
    const ends = await Promise.all([first, second]);
    expect(ends.map(({ code, err }) => ({ code, failed: err.includes("rror") }))).toEqual([
      { code: 0, failed: false },
      { code: 0, failed: false },
    ]);
  });

  test.concurrent("leaves no process and no server file behind", async () => {
    const home = newHome();
    const file = await writeCode(home, "quick", 0);
    expect((await ask(home, ["", "--code", file])).code).toBe(0);
    expect(await Bun.file(join(home, "data/server.json")).exists()).toBe(false);
  });
});

test.concurrent("ask ends with a sentence when its Sandpiper is stopped and does not come back", async () => {
  const one = await startSandpiper();
  const file = await writeCode(one.home, "endless", 600);
  const asked = ask(one.home, ["", "--code", file]);
  await until(() => hasRunning(one.home), PATIENCE_MS);
  await one[Symbol.asyncDispose]();
  const { code, err } = await asked;
  expect(code).toBe(1);
  expect(err).toContain("Sandpiper was stopped");
});

async function writeCode(home: string, name: string, seconds: number): Promise<string> {
  const path = join(home, `${name}.py`);
  await Bun.write(path, `import time\nprint("begun", flush=True)\ntime.sleep(${seconds})\nprint("done")\n`);
  return path;
}

async function hasRunning(home: string): Promise<boolean> {
  const rows = await sql(home, "SELECT 1 FROM jobs WHERE status = 'running'").catch(() => []);
  return rows.length > 0;
}
