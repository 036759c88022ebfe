import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { z } from "zod";
import attempts from "../../src/cli/prove/attempts.py" with { type: "text" };
import { ARGUMENTS, FOREIGN, NUMBERS, wrongBy32Bits, type Attempt } from "../../src/cli/prove/sweep.ts";
import { startServer, type TestServer } from "./harness.ts";

const Found = z.object({ found: z.array(z.number()), by32Bits: z.number() });
/** What people and their libraries do; each prints `done` at its end. */
const WORK: readonly [string, string][] = [
  [
    "numbers, tables and charts",
    `import io, numpy, pandas, matplotlib.pyplot as plt
frame = pandas.DataFrame(numpy.random.rand(500, 3)); assert numpy.linalg.inv(numpy.random.rand(200, 200)).shape == (200, 200)
frame.to_csv("/tmp/t.csv"); assert len(pandas.read_csv("/tmp/t.csv")) == 500
frame.plot(); plt.savefig("/tmp/t.png"); plt.close("all"); print("done")`,
  ],
  [
    "a database",
    `import sqlite3
with sqlite3.connect("/tmp/t.db") as db:
    db.execute("PRAGMA journal_mode = WAL"); db.execute("CREATE TABLE t (a)"); db.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(999)])
print(db.execute("SELECT count(*) FROM t").fetchone()[0] == 999 and "done")`,
  ],
  [
    "threads, processes and the memory that they share",
    `import concurrent.futures, multiprocessing, os
from multiprocessing import shared_memory
with concurrent.futures.ThreadPoolExecutor(8) as pool: assert sum(pool.map(abs, range(-99, 0))) == 4950
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
shared = shared_memory.SharedMemory(create=True, size=1 << 20); shared.buf[0] = 7; shared.close(); shared.unlink()
lock = multiprocessing.Lock(); queue = multiprocessing.Queue()
child = multiprocessing.get_context("fork").Process(target=queue.put, args=(os.getpid(),)); child.start()
assert queue.get(timeout=9) == os.getpid(); child.join(); print("done")`,
  ],
  [
    "commands, pipes and terminals",
    `import asyncio, os, pty, subprocess
assert subprocess.run("sleep 0.01 & ls / | sort | head -n1; wait", shell=True, capture_output=True).stdout
assert subprocess.run(["sed", "s/a/b/"], input=b"a", capture_output=True).stdout == b"b"
assert subprocess.run("cd /tmp && mkdir -p d && echo 1 > d/f && tar czf d.tgz d && rm -r d && tar xzf d.tgz && cat d/f && cp -a d e && find e | xargs stat > /dev/null && sync", shell=True, capture_output=True).stdout == b"1\\n"
async def main():
    one = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
    return (await one.communicate())[0]
assert await main() == b"hello\\n"
pid, fd = pty.fork()
if pid == 0: os.execvp("sh", ["sh", "-c", "test -t 0 && stty size && echo is-terminal"])
seen = b""
try:
    while piece := os.read(fd, 999): seen += piece
except OSError: pass
os.waitpid(pid, 0); assert b"is-terminal" in seen; print("done")`,
  ],
  [
    "files of every kind, watched and copied",
    `import ctypes, fcntl, mmap, os, shutil, socket, tempfile
folder = tempfile.mkdtemp(); os.chdir(folder); os.mkfifo("fifo"); os.mknod("plain")
open("a", "w").write("x" * 9999); shutil.copytree(".", "../copied", ignore=lambda *_: ["fifo"], dirs_exist_ok=True); shutil.copy2("a", "b")
os.link("a", "c"); os.symlink("a", "d"); os.chmod("a", 0o600); os.utime("a", (1, 1)); os.truncate("a", 5); os.rename("b", "e"); os.sync()
with open("a", "r+b") as file: fcntl.flock(file, fcntl.LOCK_EX); mmap.mmap(file.fileno(), 0)[0] = 65; os.fsync(file.fileno()); os.posix_fallocate(file.fileno(), 0, 99)
server = socket.socket(socket.AF_UNIX); server.bind("socket"); server.listen()
libc = ctypes.CDLL(None); watch = libc.inotify_init1(0); assert watch >= 0 and libc.inotify_add_watch(watch, b".", 0xFFF) >= 0
os.chdir("/home/user"); print("done")`,
  ],
  [
    "servers on its own loopback",
    `import asyncio, http.server, signal, socket, threading, urllib.request
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").status == 200
server.shutdown(); a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
assert "lo" in [name for _, name in socket.if_nameindex()] and socket.getaddrinfo("localhost", 80); print("done")`,
  ],
];

describe("in a real room", () => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer();
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const run = async (code: string): Promise<string> => {
    const execution = await sandbox.runCode(code, { timeoutMs: 60_000 });
    if (execution.error !== undefined) throw new Error(execution.error.traceback);
    return execution.logs.stdout.join("").trim();
  };
  const attempt = async (list: readonly Attempt[]): Promise<z.infer<typeof Found>> => {
    const wanted = JSON.stringify(list.map(([number, args]) => [number, args.map(String)]));
    return Found.parse(JSON.parse(await run(`${attempts}\nmain(${wanted})`)));
  };

  test.each([
    ["each system call by number has the outcome that the expected table says", NUMBERS, 498],
    ["the arguments decide where the expected table says so", ARGUMENTS, 60],
  ])("%s", async (_name, sweep, least) => {
    const { found } = await attempt(sweep.attempts);
    expect(sweep.wrong(found)).toEqual([]);
    expect(found.length).toBe(sweep.attempts.length);
    expect(found.length).toBeGreaterThanOrEqual(least);
  });

  test("the calls of 32-bit programs end the process", async () => {
    const { found, by32Bits } = await attempt(FOREIGN.attempts);
    expect(FOREIGN.wrong(found)).toEqual([]);
    expect(found.length).toBe(FOREIGN.attempts.length);
    expect(wrongBy32Bits(by32Bits)).toEqual([]);
  });

  test("every process is sealed: the agent, the kernel, commands, and what they start", async () => {
    const command = await sandbox.commands.run("sh -c 'sleep 60 & sleep 60'", { background: true });
    const seen = await run(`
import glob, multiprocessing, subprocess, threading, time
child = subprocess.Popen(["sh", "-c", "setsid sleep 60 & sleep 60"])
pool = multiprocessing.Pool(2)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
wanted = {"Seccomp": "2", "NoNewPrivs": "1", "CapEff": "0" * 16, "CapPrm": "0" * 16, "CapInh": "0" * 16, "CapAmb": "0" * 16}
paths = glob.glob("/proc/[0-9]*/task/[0-9]*/status")
for path in paths:
    status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open(path) if ":\\t" in line)
    for name, value in wanted.items():
        if status[name] != value: print(path, name, status[name])
print(len(paths) > 8)
pool.terminate()
child.kill()`);
    expect(seen).toBe("True");
    await command.kill();
  });

  test.each(WORK)("work goes on as ever: %s", async (_name, code) => {
    expect(await run(code)).toEndWith("done");
  });

  test("memory that no limit counts cannot be had", async () => {
    const tried = await run(`
import os
open("/tmp/marked", "w").close()
for act in (lambda: os.memfd_create("x"), lambda: os.setxattr("/tmp/marked", "user.x", b"x" * 65536)):
    try: act(); print("had")
    except PermissionError: print("refused")`);
    expect(tried).toBe("refused\nrefused");
  });
});
