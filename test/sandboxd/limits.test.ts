import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { z } from "zod";
import { failureOf, headersFor, startServer, type TestServer, WAYS } from "./harness.ts";

const MIB = 2 ** 20;
const Lines = z.object({ elements: z.array(z.object({ points: z.array(z.unknown()), points_total: z.number() })) });

describe.each(WAYS)("a sandbox that misbehaves harms only itself, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  test("memory beyond the limit is refused with MemoryError", async () => {
    expect((await sandbox.runCode("x = bytearray(5 * 2**30)")).error?.name).toBe("MemoryError");
  });

  test("of what a user may watch each sandbox has a part, and not the others' as well", async () => {
    const watch =
      "import ctypes\nlibc = ctypes.CDLL(None)\nlen([fd for fd in [libc.inotify_init1(0) for _ in range(40)] if fd >= 0])";
    expect(Number((await sandbox.runCode(watch)).text)).toBeLessThanOrEqual(16);
    const other = await server.create();
    expect(Number((await other.runCode(watch)).text)).toBeGreaterThan(8);
    await other.kill();
  });

  test("of 5 MiB of output 1 MiB arrives, and a note says how much is missing", async () => {
    const { logs } = await sandbox.runCode(`for _ in range(5 * 1024): print("x" * 1023)`);
    expect(logs.stdout.join("").length).toBe(MIB);
    expect(logs.stderr.join("")).toBe(`[output truncated: ${4 * MIB} bytes more]\n`);
  });

  test("an endless flood of output is stopped, past Python as well", async () => {
    const { error } = await sandbox.runCode("import os\nwhile True: os.write(1, b'y' * 65536)");
    expect(error?.value).toContain("more than 64 MiB of output");
    expect((await sandbox.runCode("while True: print('z' * 10_000)")).error?.value).toContain(
      "more than 64 MiB of output",
    );
    expect((await sandbox.runCode("1 + 1")).text).toBe("2");
  });

  test("a result that is too long is cut, and says so", async () => {
    const { text } = await sandbox.runCode("'x' * (50 * 2**20)");
    expect(text?.length).toBeLessThan(300_000);
    expect(text).toContain("characters left out");
  });

  test("a chart of many points is thinned, and says how many there were", async () => {
    const { results } = await sandbox.runCode("import matplotlib.pyplot as plt\nplt.plot(range(100_000));");
    const [series] = Lines.parse(results[0]?.chart).elements;
    expect(series?.points.length).toBe(10_000);
    expect(series?.points_total).toBe(100_000);
  });

  test("a message that is no file is held only as far as one may be long", async () => {
    const post = async (port: number, path: string): Promise<Response> =>
      await fetch(`${server.url}/${path}`, {
        method: "POST",
        headers: await headersFor(server, sandbox.sandboxId, port),
        body: new Uint8Array(9 * MIB).fill(0x20),
      });
    expect((await post(49999, "execute")).status).toBe(413);
    expect((await post(49999, "contexts")).status).toBe(413);
    const answer = await post(49983, "process.Process/SendInput");
    expect(await answer.json()).toMatchObject({ code: "resource_exhausted" });
    expect((await sandbox.files.write("long", "x".repeat(9 * MIB))).path).toBe("/home/user/long");
    await sandbox.files.remove("long");
  });

  test("a full disk is an error in the code and a 507 for an upload", async () => {
    const { error } = await sandbox.runCode(
      "with open('big', 'wb') as f:\n    for _ in range(600): f.write(b'x' * 2**20)",
    );
    expect(error?.name).toBe("OSError");
    expect(await failureOf(sandbox.files.write("more", new Blob([new Uint8Array(MIB)])))).toContain("space");
    await sandbox.files.remove("big");
  });

  test("a fork bomb stops at its limit, and the sandbox dies at once when it is killed", async () => {
    const bombed = await server.create();
    const bomb = bombed
      .runCode("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
      .catch(() => "died");
    expect((await sandbox.runCode("1 + 1")).text).toBe("2");
    const before = performance.now();
    expect(await bombed.kill()).toBe(true);
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(await bomb).toBe("died");
  });

  test("garbage on the kernel's socket ends at most that kernel", async () => {
    const garbage =
      "import socket\ns = socket.socket(fileno=3)\nfor m in [b'', b'x', b'\\xff' * 60_000, b'\\0\\0\\0\\2[]', b'\\0\\0\\0\\2{}']:\n    s.send(m)";
    await sandbox.runCode(garbage, { timeoutMs: 3_000 }).catch(() => null);
    const forged = `import socket, json\ns = socket.socket(fileno=3)\nh = b'{"event":"result"}'\ns.send(len(h).to_bytes(4, 'big') + h + b'{"is_main_result": "no", "text": 5}')`;
    await sandbox.runCode(forged, { timeoutMs: 3_000 }).catch(() => null);
    const other = await server.create();
    expect((await other.runCode("6 * 7")).text).toBe("42");
    await other.kill();
  });
});

describe.each(WAYS)("names of files are data, %s", (_name, way) => {
  let server: TestServer;
  beforeAll(async () => void (server = await startServer(way)));
  afterAll(async () => await server[Symbol.asyncDispose]());

  test("hostile names are stored, listed and read back as they are", async () => {
    const sandbox = await server.create();
    const names = [
      "-rf",
      "a b",
      'quote".txt',
      "new\nline",
      "<img src=x>",
      "日本.csv",
      "..\\..\\win",
      "%41",
      "x".repeat(255),
    ];
    for (const name of names) await sandbox.files.write(`/home/user/names/${name}`, name);
    const listed = await sandbox.files.list("/home/user/names");
    expect(listed.map((file) => file.name).toSorted()).toEqual(names.toSorted());
    for (const name of names) expect(await sandbox.files.read(`/home/user/names/${name}`)).toBe(name);
    await sandbox.kill();
  });

  test("links and special files lead nowhere outside and never hang a reader", async () => {
    const sandbox = await server.create();
    await sandbox.runCode(
      "import os, socket\nos.symlink('/etc/shadow', 'shadow')\nos.symlink(f'/proc/{os.getppid()}/environ', 'env')\nos.symlink('loop', 'loop')\nos.mkfifo('fifo')\nsocket.socket(socket.AF_UNIX).bind('sock')\nopen(b'bad\\xff', 'w').close()",
    );
    for (const name of ["shadow", "env", "loop", "fifo", "sock", "../../../etc/shadow", "/dev/zero"])
      expect(await failureOf(sandbox.files.read(name))).not.toBe("");
    expect(await failureOf(sandbox.files.write("fifo", "x"))).not.toBe("");
    expect((await sandbox.files.list(".")).map((file) => file.name)).toContain("bad\ufffd");
    await sandbox.kill();
  });

  test("a file from any age is listed", async () => {
    const sandbox = await server.create();
    const { error } = await sandbox.runCode(
      "import os\nos.mkdir('ages')\nfor name, at in (('late', 2**40), ('later', 2**62), ('early', -2**40), ('now', 10**9)):\n    open(f'ages/{name}', 'w').close()\n    os.utime(f'ages/{name}', (at, at))",
    );
    expect(error).toBeUndefined();
    const listed = await sandbox.files.list("/home/user/ages");
    const ages = Object.fromEntries(listed.map((file) => [file.name, file.modifiedTime?.getUTCFullYear()]));
    expect(ages).toEqual({ early: 1_000, late: 9_999, later: 9_999, now: 2_001 });
    await sandbox.kill();
  });
});

test("a forked sandbox has its own part of what is counted by user", async () => {
  await using server = await startServer();
  const sandbox = await server.create();
  const { text } = await sandbox.runCode(
    "import ctypes\nlibc = ctypes.CDLL(None)\nlen([1 for _ in range(100) if libc.inotify_init1(0) >= 0])",
  );
  expect(text).toBe("16");
});
