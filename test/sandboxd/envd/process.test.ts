import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { envelope } from "../../../src/sandboxd/envd/connect.ts";
import { failureOf, headersFor, startServer, until, type TestServer, WAYS } from "../harness.ts";

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
    // Killed it is at once, seen off a moment later.
    await until(async () => (await sandbox.commands.run("pgrep -c sleep || true")).stdout.trim() === "0", 10_000);
  });

  test("are killed when they exceed their time", async () => {
    expect(await failureOf(sandbox.commands.run("sleep 100", { timeoutMs: 200 }))).toContain("deadline_exceeded");
    await until(async () => (await sandbox.commands.list()).length === 0, 2_000);
  });

  test("may write much", async () => {
    expect((await sandbox.commands.run("head -c 5000000 /dev/zero | tr '\\0' x")).stdout.length).toBe(5_000_000);
  });

  test("take input of several messages' size, and refuse a command line that is longer than one", async () => {
    const command = await sandbox.commands.run("wc -c", { background: true, stdin: true });
    await sandbox.commands.sendStdin(command.pid, "x".repeat(3_000_000));
    await sandbox.commands.closeStdin(command.pid);
    expect((await command.wait()).stdout.trim()).toBe("3000000");
    expect(await failureOf(sandbox.commands.run(`: ${"x".repeat(100_000)}`))).toContain("more than the sandbox takes");
    expect((await sandbox.commands.run("echo lives")).stdout).toBe("lives\n");
  });

  test("are kept for clients that do not read them only up to what one sandbox may, and others hear all", async () => {
    const headers = await headersFor(server, sandbox.sandboxId, 49983);
    const follow = async (pid: number): Promise<Socket> => {
      const body = envelope({ process: { pid } });
      const lines = Object.entries({ ...headers, "content-type": "application/connect+json" });
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      socket.write("POST /process.Process/Connect HTTP/1.1\r\nHost: sandbox\r\n");
      socket.write(lines.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
      socket.write(`Content-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
      await once(socket, "data");
      return socket.pause();
    };
    const hearsAll = async (socket: Socket): Promise<boolean> => {
      const heard = Promise.withResolvers<boolean>();
      let last = "";
      socket.on("data", (data: Buffer) => {
        last = (last + data.subarray(-400).toString("latin1")).slice(-400);
        if (last.includes("exit status 0")) heard.resolve(true);
      });
      socket.on("close", () => heard.resolve(false));
      socket.resume();
      const hasHeard = await heard.promise;
      socket.destroy();
      return hasHeard;
    };
    const command = await sandbox.commands.run("read line; head -c 20000000 /dev/zero", {
      background: true,
      stdin: true,
    });
    const sockets = await Promise.all(Array.from({ length: 8 }, async () => await follow(command.pid)));
    await sandbox.commands.sendStdin(command.pid, "\n");
    expect((await command.wait()).stdout.length).toBe(20_000_000);
    const heard = await Promise.all(sockets.map(hearsAll));
    expect(heard).toContain(true);
    expect(heard).toContain(false);
  });
});
