import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Sandbox } from "@e2b/code-interpreter";
import { failureOf, processesWith, startServer, until, type TestServer, WAYS } from "./harness.ts";

describe.each(WAYS)("the life of a sandbox, %s", (_name, way) => {
  let server: TestServer;
  beforeAll(async () => void (server = await startServer(way)));
  afterAll(async () => await server[Symbol.asyncDispose]());

  test("it can be found again by id, described, listed by metadata and prolonged", async () => {
    const sandbox = await server.create({ metadata: { job: "a/b=1&c", app: "x" }, timeoutMs: 60_000 });
    const other = await server.create({ metadata: { app: "x" } });
    const again = await Sandbox.connect(sandbox.sandboxId, { ...server.options, timeoutMs: 600_000 });
    expect((await again.runCode("1 + 1")).text).toBe("2");
    const info = await sandbox.getInfo();
    expect(info).toMatchObject({ sandboxId: sandbox.sandboxId, state: "running", metadata: { job: "a/b=1&c" } });
    expect(info.endAt.getTime() - Date.now()).toBeGreaterThan(500_000);
    const found = await Sandbox.list({ ...server.options, query: { metadata: { job: "a/b=1&c" } } }).nextItems();
    expect(found.map((one) => one.sandboxId)).toEqual([sandbox.sandboxId]);
    const pages = Sandbox.list({ ...server.options, limit: 1 });
    const listed = [...(await pages.nextItems()), ...(await pages.nextItems())].map((one) => one.sandboxId);
    expect(listed).toEqual([other.sandboxId, sandbox.sandboxId]);
    expect(pages.hasNext).toBe(false);
    const since = async (startedAfter: Date) =>
      await Sandbox.list({ ...server.options, query: { metadata: { app: "x" }, startedAfter } }).nextItems();
    expect((await since(info.startedAt)).map((one) => one.sandboxId)).toContain(sandbox.sandboxId);
    expect(await since(new Date(Date.now() + 1_000))).toEqual([]);
    const [metrics] = await sandbox.getMetrics();
    expect(metrics?.memUsed).toBeGreaterThan(1_000_000);
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    expect(await sandbox.getMetrics({ start: info.startedAt, end: new Date() })).toHaveLength(1);
    expect(await sandbox.getMetrics({ start: hoursAgo(2), end: hoursAgo(1) })).toEqual([]);
    await Promise.all([sandbox.kill(), other.kill()]);
    expect(await sandbox.kill()).toBe(false);
    expect(await failureOf(Sandbox.connect(sandbox.sandboxId, server.options))).toContain("not found");
  });

  test("it is killed when its time is over, and whoever waits hears of it", async () => {
    const sandbox = await server.create();
    const running = sandbox.runCode("import time\ntime.sleep(60)");
    await sandbox.setTimeout(300);
    expect(await failureOf(running)).toContain("sandbox was killed");
    expect(await sandbox.isRunning()).toBe(false);
  });

  test("killed in the middle of a run, its client is told so and no process is left", async () => {
    const sandbox = await server.create();
    const started = Promise.withResolvers<void>();
    const running = sandbox.runCode(
      "import subprocess, time\nsubprocess.Popen(['setsid', 'sleep', '4711'])\nprint('on', flush=True)\ntime.sleep(60)",
      {
        onStdout: () => started.resolve(),
      },
    );
    await started.promise;
    await until(async () => (await processesWith("sleep 4711")).length > 0, 2_000);
    const [killed, failure] = await Promise.all([sandbox.kill(), running.catch(String)]);
    expect(killed).toBe(true);
    expect(failure).toContain("sandbox was killed");
    expect(await processesWith("sleep 4711")).toEqual([]);
    expect(await failureOf(sandbox.files.list("/"))).not.toBe("");
  });

  test("two sandboxes work at the same time", async () => {
    const [one, two] = await Promise.all([server.create(), server.create()]);
    await one.files.write("turn", "");
    const first = one.runCode("import os, time\nwhile os.path.exists('turn'): time.sleep(0.01)\n'one'");
    expect((await two.runCode("'two'")).text).toBe("two");
    await one.files.remove("turn");
    expect((await first).text).toBe("one");
    await Promise.all([one.kill(), two.kill()]);
  });

  test("a wrong key, a wrong token and an unknown sandbox are refused", async () => {
    expect(await failureOf(Sandbox.create({ ...server.options, apiKey: "wrong" }))).toContain("Unauthorized");
    const sandbox = await server.create();
    const headers = { "e2b-sandbox-id": sandbox.sandboxId, "e2b-sandbox-port": "49983", "x-access-token": "wrong" };
    expect((await fetch(`${server.url}/files?path=x`, { headers })).status).toBe(401);
    const unknown = await fetch(`${server.url}/health`, { headers: { ...headers, "e2b-sandbox-id": "nobody" } });
    expect(unknown.status).toBe(502);
    expect(await unknown.json()).toEqual({ sandboxId: "nobody", message: "The sandbox was not found", code: 502 });
    await sandbox.kill();
  });
});

describe.each(WAYS)("the end of the server, %s", (_name, way) => {
  test("that is to be made anew waits until nobody has a sandbox any more", async () => {
    const server = await startServer(way);
    const sandbox = await server.create();
    server.kill("SIGHUP");
    expect((await sandbox.runCode("1 + 1")).text).toBe("2");
    await sandbox.kill();
    expect(await server.exited).toBe(0);
  });

  const endings = { "a SIGTERM": "SIGTERM", "a SIGKILL": "SIGKILL" } as const;
  for (const [name, signal] of Object.entries(endings))
    test(`after ${name} no process of any room is left`, async () => {
      const server = await startServer(way);
      const mark = `sleep 99${server.pid}`;
      const sandbox = await server.create();
      await sandbox.runCode(`import subprocess\nfor _ in range(3): subprocess.Popen(['setsid', *'${mark}'.split()])`);
      await until(async () => (await processesWith(mark)).length === 3, 2_000);
      server.kill(signal);
      await server.exited;
      await until(async () => (await processesWith(mark)).length === 0, 2_000);
    });

  test("it ends by itself when the program that started it goes away", async () => {
    const server = await startServer(way);
    await server.create();
    server.disconnect();
    expect(await server.exited).toBe(0);
  });

  test("where no room can be made, a sandbox is refused with the reason", async () => {
    await using server = await startServer(way, { bwrap: "/usr/bin/false" });
    // More than one: what ends at once may do so before or after it is told what to do.
    for (let attempt = 0; attempt < 5; attempt += 1)
      expect(await failureOf(server.create())).toContain("could not make a sealed room");
  });
});
