// Memory that no limit of a single process stops: it is seen from outside, and the room goes on without what took it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startServer, until, WAYS, type TestServer } from "./harness.ts";

const LIMIT_MB = 512;

/** Each would take gigabytes. */
const BOMBS = {
  "shared memory":
    "import mmap\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 64 << 20)\n    m.write(b'x' * (64 << 20))\n    kept.append(m)",
  "shared memory that is out of sight once it is full":
    "import mmap, time\nkept = []\nfor _ in range(24):\n    m = mmap.mmap(-1, 64 << 20)\n    m.write(b'x' * (64 << 20))\n    m.madvise(mmap.MADV_DONTNEED)\n    kept.append(m)\ntime.sleep(2)",
  "memory that each process hands to the next":
    "import mmap, os, time\nif os.fork() == 0:\n    kept = []\n    while True:\n        if len(kept) < 48:\n            kept.append(mmap.mmap(-1, 32 << 20))\n            kept[-1].write(b'x' * (32 << 20))\n        if os.fork() != 0: os._exit(0)\ntime.sleep(4)",
  "what was sent and is not read":
    "import socket, time\nkept = []\nblock = b'x' * 32768\nfor _ in range(200):\n    kept.append(socket.socketpair())\n    for one in kept[-1]:\n        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)\n        one.setblocking(False)\n        try:\n            while True: one.send(block)\n        except BlockingIOError: pass\ntime.sleep(2)",
  "many processes":
    "import os\nfor _ in range(20):\n    if os.fork() == 0:\n        kept = bytearray(b'x' * (100 << 20))\n        while True: pass\nwhile True: pass",
  "a process that left its parents":
    "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        import mmap\n        kept = []\n        while True:\n            m = mmap.mmap(-1, 64 << 20)\n            m.write(b'x' * (64 << 20))\n            kept.append(m)\n    os._exit(0)\nimport time\ntime.sleep(60)",
  "the kernel's tables for memory that is only looked at":
    "import mmap\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ)\n    for at in range(0, 64 << 30, 2 << 20): m[at]\n    kept.append(m)",
  "files in memory and memory":
    "open('/home/user/big', 'wb').write(b'x' * (300 << 20))\nkept = []\nwhile True: kept.append(bytearray(b'x' * (32 << 20)))",
};

const launch = async (way: Readonly<Record<string, string>>, limitMb: number): Promise<TestServer> =>
  await startServer({ ...way, SANDPIPER_CGROUP: "", SANDPIPER_MEMORY_MB: String(limitMb) });

describe.each(WAYS)("a room that takes too much, %s", (_name, way) => {
  let server: TestServer;
  beforeAll(async () => void (server = await launch(way, LIMIT_MB)));
  afterAll(async () => await server[Symbol.asyncDispose]());

  test.each(Object.entries(BOMBS))("by %s loses what runs in it, and goes on", async (_kind, bomb) => {
    const sandbox = await server.create();
    await sandbox.files.write("kept.txt", "kept");
    const { error } = await sandbox.runCode(bomb);
    expect(["KernelDied", "MemoryError"]).toContain(error?.name ?? "");
    expect((await sandbox.runCode("1 + 1")).text).toBe("2");
    expect(await sandbox.files.read("kept.txt")).toBe("kept");
    await sandbox.kill();
  });

  test("by files without number is ended", async () => {
    const sandbox = await server.create();
    const ended = sandbox.runCode(
      "import os\nfor d in range(1000):\n    os.mkdir(f'/tmp/{d}')\n    for f in range(1000): os.mknod(f'/tmp/{d}/{f}')",
    );
    expect(await ended.then((done) => done.error?.name, String)).toContain("sandbox was killed");
    expect(await sandbox.isRunning()).toBe(false);
  });
});

/** So much that whatever other programs of this machine share meanwhile is not taken for a room's. */
const ROOMY_MB = 2_048;

describe.each(WAYS)("a room that takes no more than it may, %s", (_name, way) => {
  let server: TestServer;
  beforeAll(async () => void (server = await launch(way, ROOMY_MB)));
  afterAll(async () => await server[Symbol.asyncDispose]());

  test("goes on where it stood when it was only looked at, with its own and with shared memory", async () => {
    const sandbox = await server.create();
    const { text, error } = await sandbox.runCode(
      "import mmap, socket, subprocess\nbeat = subprocess.Popen(['sh', '-c', 'for i in $(seq 40); do sleep 0.05; echo $i; done'], stdout=subprocess.PIPE)\nshared = mmap.mmap(-1, 150 << 20)\nshared.write(b'x' * (150 << 20))\npairs = [socket.socketpair() for _ in range(20)]\nown = b'x' * (500 << 20)\nlen(beat.communicate()[0].split())",
    );
    expect(error).toBeUndefined();
    expect(text).toBe("40");
    await sandbox.kill();
  });

  test("has its shells keep their jobs in front, and what its user stopped stays so, when it was looked at", async () => {
    const sandbox = await server.create();
    let screen = "";
    const onData = (data: Uint8Array): void => void (screen += new TextDecoder().decode(data));
    const terminal = await sandbox.pty.create({ cols: 80, rows: 24, onData });
    const type = async (text: string): Promise<void> =>
      await sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode(text));
    await type("sleep 1000; echo woken by $?\n");
    await until(async () => (await sandbox.commands.run("pgrep -c sleep || true")).stdout.trim() === "1", 10_000);
    const { text, error } = await sandbox.runCode(
      "import os, signal, subprocess, time\nstopped = subprocess.Popen(['sh', '-c', 'while :; do :; done'])\nstopped.send_signal(signal.SIGSTOP)\nfor _ in range(4):\n    own = b'x' * (600 << 20)\n    time.sleep(0.2)\n    del own\n    time.sleep(0.05)\nopen(f'/proc/{stopped.pid}/stat').read().split(') ')[1][0]",
    );
    expect(error).toBeUndefined();
    expect(text).toBe("T");
    await sandbox.commands.run("pkill -x sleep");
    await until(async () => /\n(woken by|.*Stopped)/.test(screen), 10_000);
    expect(screen).not.toContain("Stopped");
    await sandbox.kill();
  });

  test("is left alone when processes share what they have", async () => {
    const sandbox = await server.create();
    const { text, error } = await sandbox.runCode(
      "import os, time\nbig = bytearray(b'x' * (400 << 20))\npids = []\nfor _ in range(6):\n    pid = os.fork()\n    if pid == 0:\n        time.sleep(1)\n        os._exit(sum(big[:100]) % 7)\n    pids.append(pid)\n[os.waitpid(pid, 0)[1] for pid in pids]\n'done'",
    );
    expect(error).toBeUndefined();
    expect(text).toBe("done");
    await sandbox.kill();
  });
});
