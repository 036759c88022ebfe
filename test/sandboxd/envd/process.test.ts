import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { failureOf, startServer, until, type TestServer, WAYS } from "../harness.ts";

describe.each(WAYS)("commands in a sandbox, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create({ envs: { COLOUR: "red" } });
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  test("give their output, their errors and their exit code", async () => {
    const run = await sandbox.commands.run("echo out; echo err >&2; pwd; echo $COLOUR $SHAPE", {
      envs: { SHAPE: "round" },
    });
    expect(run).toMatchObject({ exitCode: 0, stdout: "out\n/home/user\nred round\n", stderr: "err\n" });
    expect(await failureOf(sandbox.commands.run("exit 3"))).toBe("exit status 3");
    expect(await failureOf(sandbox.commands.run("true", { cwd: "/nowhere" }))).toContain(
      "cwd '/nowhere' does not exist",
    );
  });

  test("find Python under both of its names", async () => {
    const run = await sandbox.commands.run("for one in python python3; do $one -c 'import pandas; print(1)'; done");
    expect(run.stdout).toBe("1\n1\n");
  });

  test("read what is sent to them until their input is closed", async () => {
    const command = await sandbox.commands.run("cat; echo end", { background: true, stdin: true });
    await sandbox.commands.sendStdin(command.pid, "hello\n");
    await sandbox.commands.closeStdin(command.pid);
    expect((await command.wait()).stdout).toBe("hello\nend\n");
  });

  test("are listed while they run, can be followed again, and are killed with all their helpers", async () => {
    const command = await sandbox.commands.run("sleep 100 & sleep 100", { background: true });
    expect((await sandbox.commands.list()).map((one) => one.pid)).toEqual([command.pid]);
    const again = await sandbox.commands.connect(command.pid);
    expect(await sandbox.commands.kill(command.pid)).toBe(true);
    expect(await failureOf(command.wait())).toBe("signal: killed");
    expect(await failureOf(again.wait())).toBe("signal: killed");
    expect(await sandbox.commands.kill(command.pid)).toBe(false);
    expect((await sandbox.commands.run("pgrep -c sleep || true")).stdout.trim()).toBe("0");
  });

  test("are killed when they exceed their time", async () => {
    expect(await failureOf(sandbox.commands.run("sleep 100", { timeoutMs: 200 }))).toContain("deadline_exceeded");
    await until(async () => (await sandbox.commands.list()).length === 0, 2_000);
  });

  test("may write much", async () => {
    expect((await sandbox.commands.run("head -c 5000000 /dev/zero | tr '\\0' x")).stdout.length).toBe(5_000_000);
  });
});
