// Processes that die at the worst moment: what is lost (nothing), what is done twice (nothing), what is left over (nothing).
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ask, askJson, sql } from "./command.ts";
import { allGone, descendantsOf, isAlive, type Process } from "./processes.ts";
import { environment, makeHome, PATIENCE_MS, spawnMain, startSandpiper, type Sandpiper } from "./sandpiper.ts";
import { until } from "./until.ts";

setDefaultTimeout(2 * PATIENCE_MS);

/** Begins, stays long enough to be interrupted, leaves a file, ends. */
const SLOW = `
import time
print("begun", flush=True)
time.sleep(2)
open("left.txt", "w").write("x")
print("done")
`;

const homes: string[] = [];
afterEach(() => homes.splice(0).forEach((home) => rmSync(home, { recursive: true, force: true })));

function newHome(): string {
  const home = makeHome();
  homes.push(home);
  return home;
}

const hasBegun = (event: { readonly kind: string }): boolean => event.kind === "output-delta";

async function begin(one: Sandpiper): Promise<string> {
  const id = await one.send({ code: SLOW });
  await one.follow(id, hasBegun);
  return id;
}

function kill(process: Process): void {
  globalThis.process.kill(process.pid, "SIGKILL");
}

/** Once started again after the death of `old`. */
async function successor(one: Sandpiper, file: string, old: Process): Promise<void> {
  const found = (): Process | undefined => descendantsOf(one.pid).find((next) => next.command.includes(`src/${file}`));
  await until(() => (found()?.pid ?? old.pid) !== old.pid, PATIENCE_MS);
}

async function works(one: Sandpiper): Promise<void> {
  const id = await one.send({ code: "print(6 * 7)" });
  await one.follow(id);
  expect((await one.job(id)).output).toMatchObject({ stdout: "42\n" });
}

/** Settled once, with the output of one run. */
async function expectDoneOnce(one: Sandpiper, id: string): Promise<void> {
  const events = await one.follow(id);
  const job = await one.job(id);
  expect({ status: job.status, stdout: job.output?.stdout, error: job.output?.error }).toEqual({
    status: "completed",
    stdout: "begun\ndone\n",
    error: undefined,
  });
  expect(job.artifacts.map((artifact) => artifact.name)).toEqual(["left.txt"]);
  expect(events.filter(({ kind }) => kind === "job-completed" || kind === "job-failed")).toHaveLength(1);
  const seqs = events.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
}

describe("kill -9 in the middle of a job", () => {
  test("of the worker: its successor does the job once", async () => {
    await using one = await startSandpiper();
    const id = await begin(one);
    const worker = one.child("worker/worker.ts");
    kill(worker);
    await expectDoneOnce(one, id);
    const events = await one.follow(id);
    expect(events.filter(({ kind }) => kind === "job-started").map((event) => event["attempt"])).toEqual([1, 2]);
    await successor(one, "worker/worker.ts", worker);
  });

  test("of sandboxd: the job fails with a sentence or is done, and the next one works", async () => {
    await using one = await startSandpiper();
    const id = await begin(one);
    const sandboxd = one.child("sandboxd/server.ts");
    const rooms = descendantsOf(sandboxd.pid);
    expect(rooms.length).toBeGreaterThan(0);
    kill(sandboxd);
    const last = (await one.follow(id)).at(-1);
    if (last?.kind === "job-failed") {
      expect(last["error"]).toMatchObject({ code: expect.stringMatching(/sandbox|unavailable/) });
      const { output } = await one.job(id);
      expect(output?.error?.message).toMatch(/^The sandbox .*Try again\.$/);
    }
    await successor(one, "sandboxd/server.ts", sandboxd);
    await allGone(rooms, PATIENCE_MS);
    await works(one);
  });

  test("of core: the page is back, no event is lost, and the job ends", async () => {
    await using one = await startSandpiper();
    const id = await begin(one);
    const core = one.child("core/server.ts");
    kill(core);
    await expectDoneOnce(one, id);
    await successor(one, "core/server.ts", core);
    const page = await one.fetch("/");
    expect(page.headers.get("content-type")).toContain("text/html");
    await works(one);
  });

  test("of every process but main, again and again: nothing is lost", async () => {
    await using one = await startSandpiper();
    const ids: string[] = [];
    for (const file of ["worker/worker.ts", "sandboxd/server.ts", "core/server.ts"]) {
      ids.push(await begin(one));
      const child = one.child(file);
      kill(child);
      await successor(one, file, child);
      await until(async () => (await one.fetch("/health").catch(() => null))?.ok === true, PATIENCE_MS);
    }
    for (const id of ids) expect((await one.follow(id)).at(-1)?.kind).toMatch(/^job-(completed|failed)$/);
    await works(one);
    const rows = await sql(one.home, "SELECT status, count(*) AS jobs FROM jobs GROUP BY status");
    expect(rows.map((row) => row["status"])).not.toContain("running");
    expect(await sql(one.home, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  test("of main: no process is left, and the next start does the job", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    const id = await begin(first);
    const family = descendantsOf(first.pid);
    expect(family.filter(({ command }) => command.includes("bwrap")).length).toBeGreaterThan(0);
    first.signal("SIGKILL");
    await first.exited;
    await allGone(family, 10_000);
    await using second = await startSandpiper({}, home);
    await expectDoneOnce(second, id);
  });

  test("of all processes at once: the next start does the job", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    const id = await begin(first);
    const family = descendantsOf(first.pid);
    first.signal("SIGKILL");
    for (const process of family) if (isAlive(process)) kill(process);
    await first.exited;
    await allGone(family, 10_000);
    await using second = await startSandpiper({}, home);
    await expectDoneOnce(second, id);
  });
});

describe("SIGTERM", () => {
  test("in the middle of a long job hands it back, and the next start does it once", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    // Longer than a stop waits for it.
    const id = await first.send({ code: SLOW.replace("sleep(2)", "sleep(6)") });
    await first.follow(id, hasBegun);
    const family = descendantsOf(first.pid);
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    await allGone(family, 1_000);
    const [row] = await sql(home, `SELECT status FROM jobs WHERE id = '${id}'`);
    expect(row?.["status"]).toBe("pending");
    await using second = await startSandpiper({}, home);
    await expectDoneOnce(second, id);
  });

  test("lets a job that is nearly done finish", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    const id = await first.send({ code: SLOW.replace("sleep(2)", "sleep(0.5)") });
    await first.follow(id, hasBegun);
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    const [row] = await sql(home, `SELECT status FROM jobs WHERE id = '${id}'`);
    expect(row?.["status"]).toBe("completed");
  });

  test("while it starts ends it without a complaint", async () => {
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
  test("on the same port ends with one sentence and leaves the first alone", async () => {
    await using first = await startSandpiper();
    const port = new URL(first.url).port;
    const second = spawnMain(environment(first.home, { SANDPIPER_PORT: port }));
    expect(await second.exited).not.toBe(0);
    expect(second.printed().trim().split("\n")).toEqual([
      expect.stringContaining(`Sandpiper is running already: http://localhost:${port}`),
    ]);
    await works(first);
    const worker = first.child("worker/worker.ts");
    kill(worker);
    await successor(first, "worker/worker.ts", worker);
    // The new worker must find the first core again, not a socket that the second start took away.
    const isReady = async (): Promise<boolean> => {
      const session: unknown = await (await first.fetch("/api/session")).json();
      return (
        typeof session === "object" && session !== null && "sandboxReady" in session && session.sandboxReady === true
      );
    };
    await until(isReady, PATIENCE_MS);
  });

  test("where another program has the port names the way out", async () => {
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("not Sandpiper") });
    const second = spawnMain(environment(newHome(), { SANDPIPER_PORT: String(other.port) }));
    expect(await second.exited).not.toBe(0);
    expect(second.printed().trim()).toBe(
      `Port ${other.port} is in use. Stop the program that has it, or choose another: SANDPIPER_PORT=4748 npm start`,
    );
  });
});

describe("ask without a running Sandpiper", () => {
  test("twice at once: both are answered", async () => {
    const home = newHome();
    const file = join(home, "small.csv");
    await Bun.write(file, "town,people\nA,10\nB,20\nA,35\n");
    const answers = await Promise.all([1, 2].map(() => askJson(home, ["Graph this", file])));
    for (const { code, answer } of answers)
      expect({ code, status: answer.status }).toEqual({ code: 0, status: "completed" });
  });

  test("beside a longer one that ends first: it is answered too", async () => {
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
    expect(ends.map(({ code, stderr }) => ({ code, failed: stderr.includes("rror") }))).toEqual([
      { code: 0, failed: false },
      { code: 0, failed: false },
    ]);
  });

  test("leaves no process and no server file behind", async () => {
    const home = newHome();
    const file = await writeCode(home, "quick", 0);
    expect((await ask(home, ["", "--code", file])).code).toBe(0);
    expect(await Bun.file(join(home, "data/server.json")).exists()).toBe(false);
  });
});

test("ask ends with a sentence when its Sandpiper is stopped and does not come back", async () => {
  const one = await startSandpiper();
  const file = await writeCode(one.home, "endless", 600);
  const asked = ask(one.home, ["", "--code", file]);
  await until(() => hasRunning(one.home), PATIENCE_MS);
  await one[Symbol.asyncDispose]();
  const { code, stderr } = await asked;
  expect(code).toBe(1);
  expect(stderr).toContain("Sandpiper was stopped");
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
