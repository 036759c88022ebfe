// E2B mode on the wire: a second sandbox server plays E2B's cloud; Sandpiper has nothing but a key and an address.
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ask, askJson, sql } from "./command.ts";
import { openCloud, type Cloud } from "./cloud.ts";
import { allGone, descendantsOf, environmentOf } from "./processes.ts";
import { environment, makeHome, PATIENCE_MS, spawnMain, startSandpiper, type Settings } from "./sandpiper.ts";
import { until } from "./until.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const JOB_SECONDS = 40;
let cloud: Cloud;
const homes: string[] = [];

beforeAll(async () => {
  cloud = await openCloud();
});
afterAll(() => cloud[Symbol.asyncDispose]());
afterEach(() => homes.splice(0).forEach((home) => rmSync(home, { recursive: true, force: true })));

function newHome(): string {
  const home = makeHome();
  homes.push(home);
  return home;
}

const settings = (more: Settings = {}): Settings => ({
  ...cloud.settings,
  SANDPIPER_SANDBOX: "",
  SANDPIPER_JOB_SECONDS: String(JOB_SECONDS),
  ...more,
});

const Session = z.object({ sandbox: z.string(), notice: z.string().nullable() });

const WAITING = 'import time\nprint("begun", flush=True)\ntime.sleep(1.2)\nprint("done")\n';

describe("with a key and an address of E2B", () => {
  test("a file is graphed there, and the cost is told and written down", async () => {
    const home = newHome();
    await Bun.write(join(home, "small.csv"), "town,people\nA,10\nB,20\nA,35\n");
    const { code, answer } = await askJson(home, ["Graph this", "small.csv"], settings());
    expect({ code, status: answer.status, error: answer.error }).toEqual({
      code: 0,
      status: "completed",
      error: undefined,
    });
    expect(answer.artifacts.some((artifact) => artifact.media_type === "image/png")).toBe(true);
    expect(answer.cost_usd).toBeGreaterThan(0);
    const rows = await sql(home, "SELECT provider, job_id, cost_micro_usd, ended_at FROM spend");
    expect(rows).toEqual([
      { provider: "e2b", job_id: answer.job_id, cost_micro_usd: expect.any(Number), ended_at: expect.any(Number) },
    ]);
    expect(z.number().parse(rows[0]?.["cost_micro_usd"]) / 1e6).toBeCloseTo(answer.cost_usd, 9);
  });

  test("a sandbox carries whose it is, lives no longer than its job may, and the key goes to the worker alone", async () => {
    await using one = await startSandpiper(settings());
    const id = await one.send({ code: WAITING });
    await one.follow(id, (event) => event.kind === "output-delta");
    const mine = (await cloud.sandboxes()).filter((sandbox) => sandbox.metadata["job"] === id);
    expect(mine).toHaveLength(1);
    expect(mine[0]?.metadata["app"]).toBe("sandpiper");
    const lifeMs = Date.parse(mine[0]?.endAt ?? "") - Date.parse(mine[0]?.startedAt ?? "");
    expect(lifeMs).toBeGreaterThan(0);
    // What the worker asked for are whole seconds; the server reads its clock twice.
    expect(Math.floor(lifeMs / 1_000)).toBeLessThanOrEqual(JOB_SECONDS);
    const isToldKey = (file: string): boolean => environmentOf(one.child(file).pid).join("\n").includes(cloud.key);
    expect({ core: isToldKey("core/server.ts"), worker: isToldKey("worker/worker.ts") }).toEqual({
      core: false,
      worker: true,
    });
    expect(descendantsOf(one.pid).some(({ command }) => command.includes("sandboxd"))).toBe(false);
    const { sandbox, notice } = Session.parse(await (await one.fetch("/api/session")).json());
    expect(sandbox).toBe("e2b");
    expect(notice).toContain("E2B");
    expect(one.printed()).toContain("E2B's cloud");
    expect((await one.follow(id)).at(-1)?.kind).toBe("job-completed");
    expect(await cloud.sandboxes()).toEqual([]);
  });

  test("code that never ends is stopped in time, and its sandbox is killed and paid", async () => {
    await using one = await startSandpiper(settings({ SANDPIPER_JOB_SECONDS: "2" }));
    const id = await one.send({ code: "while True:\n    pass" });
    await one.follow(id);
    const { output, costUsd } = await one.job(id);
    expect(output?.error?.code).toBe("timeout");
    expect(output?.error?.message).toContain("longer than 2 s");
    expect(costUsd).toBeGreaterThan(0);
    expect(await cloud.sandboxes()).toEqual([]);
  });

  test("a budget of nothing refuses with a sentence before anything is begun", async () => {
    const home = newHome();
    const file = join(home, "code.py");
    await Bun.write(file, "print(1)");
    const { code, err } = await ask(home, ["", "--code", file], settings({ SANDPIPER_DAY_USD: "0" }));
    expect(code).toBe(1);
    expect(err).toContain("Today's budget is $0.00");
    expect(await sql(home, "SELECT * FROM spend")).toEqual([]);
  });

  test("a wrong key is told to be wrong, and not said aloud", async () => {
    const home = newHome();
    const file = join(home, "code.py");
    const wrong = `e2b_${"0".repeat(40)}`;
    await Bun.write(file, "print(1)");
    const { code, err } = await ask(home, ["", "--code", file], settings({ E2B_API_KEY: wrong }));
    expect(code).toBe(1);
    expect(err).toContain("refused the key");
    expect(err).not.toContain(wrong);
  });

  test("sandboxes of workers that were killed are killed at the next start, and the job is done", async () => {
    const home = newHome();
    const first = await startSandpiper(settings(), home);
    const id = await first.send({ code: WAITING });
    await first.follow(id, (event) => event.kind === "output-delta");
    const orphans = await cloud.sandboxes();
    expect(orphans).toHaveLength(1);
    const family = descendantsOf(first.pid);
    for (const { pid } of [...family, { pid: first.pid }]) process.kill(pid, "SIGKILL");
    await first.exited;
    await allGone(family, PATIENCE_MS);
    expect((await cloud.sandboxes()).map((sandbox) => sandbox.sandboxID)).toEqual([orphans[0]?.sandboxID ?? ""]);
    await using second = await startSandpiper(settings(), home);
    const isOrphanThere = async (): Promise<boolean> =>
      (await cloud.sandboxes()).some((sandbox) => sandbox.sandboxID === orphans[0]?.sandboxID);
    await until(async () => !(await isOrphanThere()), PATIENCE_MS);
    await second.follow(id);
    expect((await second.job(id)).output?.stdout).toBe("begun\ndone\n");
  });

  test("sandboxes of another installation with the same key are left alone", async () => {
    await using other = await startSandpiper(settings());
    const id = await other.send({ code: WAITING });
    await other.follow(id, (event) => event.kind === "output-delta");
    await using one = await startSandpiper(settings());
    const own = await one.send({ code: "print(1)" });
    expect((await one.follow(own)).at(-1)?.kind).toBe("job-completed");
    expect((await other.follow(id)).at(-1)?.kind).toBe("job-completed");
  });

  test("two asks at once do not end each other's sandbox", async () => {
    const home = newHome();
    const file = join(home, "waiting.py");
    await Bun.write(file, WAITING);
    const first = ask(home, ["", "--code", file], settings());
    await until(async () => (await cloud.sandboxes()).length > 0, PATIENCE_MS);
    const second = ask(home, ["", "--code", file], settings());
    for (const { code, err } of await Promise.all([first, second])) {
      expect({ code, hasEnded: err.includes("ended in the middle") }).toEqual({ code: 0, hasEnded: false });
    }
    const attempts = await sql(home, "SELECT attempt FROM job_run");
    expect(attempts).toEqual([{ attempt: 1 }, { attempt: 1 }]);
  });

  test("the cloud's end in the middle of a job is a sentence, after it was tried again in vain", async () => {
    await using short = await openCloud();
    await using one = await startSandpiper(settings(short.settings));
    const id = await one.send({ code: WAITING });
    await one.follow(id, (event) => event.kind === "output-delta");
    await short[Symbol.asyncDispose]();
    const retries = (await one.follow(id)).filter(({ kind }) => kind === "job-retrying");
    expect(retries).toMatchObject([{ error: { code: "sandbox" } }, { error: { code: "unavailable" } }]);
    expect((await one.job(id)).output?.error).toEqual({
      code: "unavailable",
      message: "The sandbox server does not answer, so nothing was run. Try again.",
    });
  });
});

describe("a start", () => {
  for (const asked of [{ E2B_API_URL: "http://127.0.0.1:9" }, { SANDPIPER_SANDBOX: "e2b" }]) {
    test(`with ${Object.keys(asked)[0]} but no key ends with one sentence`, async () => {
      const main = spawnMain(environment(newHome(), { SANDPIPER_SANDBOX: "", ...asked }));
      expect(await main.exited).toBe(1);
      expect(main.printed().trim().split("\n")).toEqual([
        expect.stringContaining("E2B is asked for, but E2B_API_KEY is not set."),
      ]);
    });
  }

  test("on this machine tells neither core nor sandboxd a key", async () => {
    const secret = `e2b_${"5ec7e7".repeat(7)}`;
    await using one = await startSandpiper({ E2B_API_KEY: secret, ANTHROPIC_API_KEY: secret, MY_TOKEN: secret });
    for (const file of ["core/server.ts", "sandboxd/server.ts"]) {
      const told = environmentOf(one.child(file).pid).filter((line) => line.includes(secret));
      expect({ file, told }).toEqual({ file, told: [] });
    }
  });
});
