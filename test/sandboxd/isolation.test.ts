import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { ROOT } from "../../src/shared/config.ts";
import { processesWith, startServer, until, type TestServer, WAYS } from "./harness.ts";

const SECRET = "canary-4711-of-the-host";

describe.each(WAYS)("a sandbox is sealed, %s", (name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer({ ...way, HOST_SECRET: SECRET });
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const run = async (code: string): Promise<string> => {
    const execution = await sandbox.runCode(code);
    if (execution.error !== undefined) throw new Error(execution.error.traceback);
    return execution.logs.stdout.join("").trim();
  };

  test("no file of the machine is there but /usr and what it needs", async () => {
    const places = [
      "/root",
      "/var",
      "/sys",
      "/run",
      "/boot",
      "/mnt",
      "/etc/shadow",
      "/proc/kcore",
      "/dev/mem",
      "/dev/kvm",
      ROOT,
    ];
    const found = await run(`import os\nfor p in ${JSON.stringify(places)}:\n    if os.path.exists(p): print(p)`);
    // /proc/kcore exists by name; reading it is what must fail.
    expect(found.replace("/proc/kcore", "")).toBe("");
    expect(
      await run(
        "for p in ('kcore', 'keys', 'key-users'):\n    try: open('/proc/' + p, 'rb').read(1); print(p)\n    except OSError: pass",
      ),
    ).toBe("");
    expect(await run("import os\nprint(sorted(os.listdir('/home')), sorted(os.listdir('/opt')))")).toContain(
      "['user']",
    );
  });

  test("neither the environment, nor a command line, nor a mount tells of the host", async () => {
    const seen = await run(
      "import os, glob\ntext = str(dict(os.environ))\nfor p in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ') + ['/proc/self/mountinfo']:\n    try: text += open(p, 'rb').read().decode('utf-8', 'replace')\n    except OSError: pass\nprint(text)",
    );
    expect(seen).not.toContain(SECRET);
    expect(seen).not.toContain(ROOT);
    expect(seen).not.toContain("SANDPIPER");
  });

  test("there is no network, not even the machine's loopback", async () => {
    const port = new URL(server.url).port;
    const tried = await run(
      `import socket\nfor a in [('127.0.0.1', ${port}), ('169.254.169.254', 80), ('8.8.8.8', 53)]:\n    try:\n        socket.create_connection(a, timeout=2); print('open', a)\n    except OSError: print('closed')\ntry: socket.getaddrinfo('example.com', 80); print('resolved')\nexcept OSError: print('closed')`,
    );
    expect(tried).toBe("closed\nclosed\nclosed\nclosed");
  });

  test("the user has no power: own number, no capabilities, no new privileges, not root of the machine", async () => {
    expect(await run("import os\nprint(os.getuid(), os.getgid())")).toBe("1000 1000");
    const status = await run("print(open('/proc/self/status').read())");
    expect(status).toMatch(/CapEff:\s+0000000000000000/);
    expect(status).toMatch(/CapBnd:\s+0000000000000000/);
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    // By a mark of its own: there may be rooms of other servers on this machine.
    const mark = `sleep 600.${process.pid}`;
    const command = await sandbox.commands.run(mark, { background: true });
    await until(async () => (await processesWith(mark)).length > 0, 5_000);
    const found = await processesWith(mark);
    const states = await Promise.all(found.map((pid) => Bun.file(`/proc/${pid}/status`).text()));
    expect(states.length).toBeGreaterThan(0);
    for (const state of states) expect(state).toMatch(/Uid:\t[1-9]/);
    await command.kill();
    await until(async () => (await processesWith(mark)).length === 0, 5_000);
  });

  test("no further namespace can be made inside", async () => {
    expect(
      await run(
        "import subprocess\nprint(subprocess.run(['unshare', '-Ur', 'true'], capture_output=True).returncode != 0)",
      ),
    ).toBe("True");
  });

  test("only the top level, the home, /tmp and /dev/shm can be written, and each has a size", async () => {
    const places = [
      "/",
      "/usr",
      "/etc",
      "/opt",
      "/opt/sandpiper/sandpiper",
      "/dev",
      "/home",
      "/home/user",
      "/tmp",
      "/dev/shm",
      "/var/tmp",
    ];
    const written = await run(
      `import os\nfor p in ${JSON.stringify(places)}:\n    try:\n        open(p + '/probe', 'w').close(); print(p)\n    except OSError: pass`,
    );
    expect(written.split("\n")).toEqual(["/", "/home", "/home/user", "/tmp", "/dev/shm"]);
    const mounts = await run("print(open('/proc/self/mounts').read())");
    for (const place of ["/", "/home/user", "/tmp", "/dev/shm"])
      expect(mounts).toMatch(new RegExp(`tmpfs ${place} tmpfs rw,.*size=\\d+k`));
  });

  test("a kernel has only its own descriptors, and sees only the processes of its room", async () => {
    const seen = await run(
      "import os\nprint(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4], len([n for n in os.listdir('/proc') if n.isdigit() and '(zombie)' not in open(f'/proc/{n}/status').read()]))",
    );
    // The fifth descriptor is the one that lists the folder. Besides the kernel there are its agent and, where that joined from
    // outside, bubblewrap and what keeps the room open.
    expect(seen).toBe(`[0, 1, 2, 3] ${name === "forked" ? 4 : 2}`);
  });

  test("the agent cannot be looked into, and process 1 not be killed", async () => {
    const tried = await run(
      "import os, signal\nfor p in ['environ', 'mem', 'fd/3', 'maps']:\n    try: open(f'/proc/{os.getppid()}/' + p, 'rb').read(1); print('read', p)\n    except OSError: print('refused')\nos.kill(1, signal.SIGKILL)",
    );
    expect(tried).toBe("refused\nrefused\nrefused\nrefused");
    expect((await sandbox.runCode("1 + 1")).text).toBe("2");
  });

  test("two sandboxes do not see each other's files", async () => {
    const other = await server.create();
    await other.files.write("/tmp/private.txt", "x");
    expect(await run("import os\nprint(os.path.exists('/tmp/private.txt'))")).toBe("False");
    await other.kill();
  });
});
