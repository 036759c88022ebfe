import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { CommandHandle, Sandbox } from "@e2b/code-interpreter";
import { envelope } from "../../../src/sandboxd/envd/connect.ts";
import { failureOf, headersFor, startServer, until, type TestServer, WAYS } from "../harness.ts";

describe.each(WAYS)("terminals of a sandbox, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create({ envs: { COLOUR: "red" } });
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  class Screen {
    text = "";
    readonly #decoder = new TextDecoder();
    readonly onData = (data: Uint8Array): void => void (this.text += this.#decoder.decode(data, { stream: true }));
    readonly shows = async (text: string): Promise<void> => await until(async () => this.text.includes(text), 10_000);
  }
  const open = async (screen: Screen): Promise<CommandHandle> =>
    await sandbox.pty.create({ cols: 80, rows: 24, onData: screen.onData, envs: { SHAPE: "round" }, cwd: "/tmp" });
  const type = async ({ pid }: CommandHandle, text: string): Promise<void> =>
    await sandbox.pty.sendInput(pid, new TextEncoder().encode(text));

  test("run a shell with a screen of that size, until it exits", async () => {
    const screen = new Screen();
    const terminal = await open(screen);
    await type(terminal, "echo $COLOUR-$SHAPE-$PWD-$(tty)-$(stty size)\n");
    await screen.shows("red-round-/tmp-/dev/pts/0-24 80");
    await sandbox.pty.resize(terminal.pid, { cols: 132, rows: 50 });
    await type(terminal, "stty size\n");
    await screen.shows("50 132");
    await type(terminal, "exit 3\n");
    expect(await failureOf(terminal.wait())).toBe("exit status 3");
  });

  test("belong to the program, whatever it is: no shell has to ask for it", async () => {
    const code = "import os; print(os.tcgetpgrp(os.open('/dev/tty', os.O_RDWR)) == os.getpid())";
    const process = { cmd: "python3", args: ["-c", code] };
    const answer = await fetch(`${server.url}/process.Process/Start`, {
      method: "POST",
      headers: { ...(await headersFor(server, sandbox.sandboxId, 49983)), "content-type": "application/connect+json" },
      body: envelope({ process, pty: {} }),
    });
    expect(await answer.text()).toContain(JSON.stringify({ data: { pty: btoa("True\r\n") } }));
  });

  test("tell the program about keys that interrupt, and about a new size", async () => {
    const screen = new Screen();
    const terminal = await open(screen);
    await type(terminal, "trap 'echo now $(stty size)' WINCH; sleep 1000; echo woken $?\n");
    await until(async () => (await sandbox.commands.run("pgrep -c sleep || true")).stdout.trim() === "1", 10_000);
    await type(terminal, "\u0003");
    await screen.shows("^C");
    await sandbox.pty.resize(terminal.pid, { cols: 100, rows: 40 });
    await type(terminal, "echo\n");
    await screen.shows("now 40 100");
    await sandbox.pty.kill(terminal.pid);
  });

  test("can be left and followed again", async () => {
    const [first, second] = [new Screen(), new Screen()];
    const terminal = await open(first);
    await first.shows("$");
    await terminal.disconnect();
    const again = await sandbox.pty.connect(terminal.pid, { onData: second.onData });
    await type(terminal, "echo back; exit\n");
    expect((await again.wait()).exitCode).toBe(0);
    expect(second.text).toContain("back");
  });

  test("are killed with what runs in front, and are then gone", async () => {
    const terminal = await open(new Screen());
    await type(terminal, "sleep 2000\n");
    await until(async () => (await sandbox.commands.run("pgrep -c sleep || true")).stdout.trim() === "1", 10_000);
    expect(await sandbox.pty.kill(terminal.pid)).toBe(true);
    expect(await failureOf(terminal.wait())).toBe("signal: killed");
    expect(await sandbox.pty.kill(terminal.pid)).toBe(false);
    await until(async () => (await sandbox.commands.run("pgrep -c sleep || true")).stdout.trim() === "0", 10_000);
  });

  test("may show much, and take no more than they read", async () => {
    const screen = new Screen();
    const terminal = await open(screen);
    await type(
      terminal,
      "stty -echo; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo done; stty raw; exec sleep 1000\n",
    );
    await screen.shows("done\r\n");
    expect(screen.text.split("x").length).toBeGreaterThan(3_000_000);
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 8; i++) await sandbox.pty.sendInput(terminal.pid, new Uint8Array(900_000));
    };
    expect(await failureOf(flood())).toContain("does not read its input");
    await sandbox.pty.kill(terminal.pid);
    expect((await sandbox.commands.run("echo alive")).stdout).toBe("alive\n");
  });

  test("are refused with a reason: a command without one has no size, one with it no end of input", async () => {
    const command = await sandbox.commands.run("sleep 1000", { background: true });
    expect(await failureOf(sandbox.pty.resize(command.pid, { cols: 1, rows: 1 }))).toContain("has no terminal");
    await command.kill();
    const terminal = await open(new Screen());
    expect(await failureOf(sandbox.commands.closeStdin(terminal.pid))).toContain("Ctrl+D");
    expect(await failureOf(sandbox.pty.resize(terminal.pid, { cols: 70_000, rows: 1 }))).toContain("form of this call");
    await sandbox.pty.kill(terminal.pid);
    const wrong = sandbox.pty.create({ cols: 1, rows: 1, onData: () => undefined, cwd: "/nowhere" });
    expect(await failureOf(wrong)).toContain("cwd '/nowhere' does not exist");
  });

  test("leave nothing open behind them", async () => {
    const descriptors = "import os\nsorted(os.listdir('/dev/pts'))";
    for (let i = 0; i < 3; i++) await sandbox.pty.kill((await open(new Screen())).pid);
    await until(async () => (await sandbox.runCode(descriptors)).text === "['ptmx']", 10_000);
  });
});
