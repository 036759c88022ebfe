// Real rooms with a way out, driven by E2B's own client; the world outside is a few servers on loopback behind public addresses.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { Sandbox, type SandboxOpts } from "@e2b/code-interpreter";
import { refusalOf } from "../../src/sandboxd/egress/address.ts";
import { createAuthority } from "../../src/sandboxd/egress/certificates.ts";
import type { World } from "../../src/sandboxd/egress/dial.ts";
import { startSandboxd, type Sandboxd } from "../../src/sandboxd/server.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { createLog } from "../../src/shared/log.ts";
import { listenRaw, listenSecure, PUBLIC, type Place } from "./egress/outside.ts";
import { failureOf } from "./harness.ts";

const ALL = "0.0.0.0/0";
const KEY = "key-of-the-test";
const NAMES: Readonly<Record<string, string>> = {
  "www.example": PUBLIC,
  "api.example": "1.1.1.1",
  "inward.example": "127.0.0.1",
};

describe("a sandbox", () => {
  const theirs = createAuthority();
  const heard: string[] = [];
  let web: ReturnType<typeof Bun.serve>;
  let api: Place;
  let canary: Place;
  let counter: Place;
  let sandboxd: Sandboxd;
  let options: { apiKey: string; apiUrl: string; sandboxUrl: string };

  beforeAll(async () => {
    web = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: pages });
    api = await listenSecure(theirs, "api.example", (socket) => {
      socket.on("data", (chunk: Buffer) => {
        const body = /^authorization: (.*)\r$/im.exec(chunk.toString())?.[1] ?? "none";
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
      socket.on("error", () => undefined);
    });
    counter = await listenRaw((socket) => {
      let bytes = 0;
      socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
      socket.on("end", () => socket.end(`${bytes} ${"x".repeat(3_000_000)}`));
    });
    canary = await listenRaw((socket) => socket.end("canary"));
    const config = loadConfig();
    sandboxd = await startSandboxd(
      { ...config, sandboxd: { ...config.sandboxd, port: 0, key: KEY } },
      createLog("sandboxd", "error"),
      {
        keepsSpares: false,
        world: world(),
      },
    );
    const url = `http://127.0.0.1:${sandboxd.port}`;
    options = { apiKey: KEY, apiUrl: url, sandboxUrl: url };
  });
  afterAll(async () => {
    await sandboxd[Symbol.asyncDispose]();
    await Promise.all([
      web.stop(true),
      api[Symbol.asyncDispose](),
      counter[Symbol.asyncDispose](),
      canary[Symbol.asyncDispose](),
    ]);
  });

  function world(): World {
    return {
      resolve: async (host) => {
        heard.push(host);
        return NAMES[host] === undefined ? [] : [NAMES[host]];
      },
      dial: async (address, port) => {
        const places = new Map([
          [`${PUBLIC}:80`, web.port],
          [`${PUBLIC}:443`, counter.port],
          ["1.1.1.1:443", api.port],
        ]);
        const place = places.get(`${address}:${port}`) ?? canary.port;
        const socket = connect({ host: "127.0.0.1", port: place, allowHalfOpen: true });
        await new Promise((resolve) => socket.once("connect", resolve));
        return socket;
      },
      secure: async (socket, host) => {
        const secured = connectSecurely({ socket, servername: host, ca: theirs.certificate });
        await new Promise((resolve, reject) => secured.once("secureConnect", resolve).once("error", reject));
        return secured;
      },
      isRefused: (address) => refusalOf(address, []),
    };
  }

  function pages(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (pathname === "/large") return new Response(new Uint8Array(20_000_000).fill(7));
    if (pathname === "/inward") return Response.redirect("http://127.0.0.1/");
    if (pathname === "/simple/tiny/")
      return new Response(`<a href="http://www.example/tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>`, {
        headers: { "content-type": "text/html" },
      });
    return new Response(request.body ?? "hello");
  }

  const open = async (more: SandboxOpts): Promise<Sandbox> => await Sandbox.create({ ...options, ...more });
  const run = async (sandbox: Sandbox, code: string): Promise<string> => {
    const execution = await sandbox.runCode(code);
    return execution.error === undefined
      ? execution.logs.stdout.join("").trim()
      : `${execution.error.name}: ${execution.error.value}`;
  };
  const URLLIB = "import urllib.request as u\nprint(u.urlopen('http://www.example/', timeout=10).read().decode())";

  test("has no network, no proxy and no variables of one, unless it is asked for", async () => {
    const sandbox = await open({});
    expect(await run(sandbox, "import os\nprint([n for n in os.environ if 'PROXY' in n.upper() or 'CA_' in n])")).toBe(
      "[]",
    );
    expect(await run(sandbox, "import socket\nsocket.create_connection(('127.0.0.1', 3128))")).toContain(
      "ConnectionRefusedError",
    );
    expect(await run(sandbox, URLLIB)).toContain("URLError");
    expect(await sandbox.getInfo()).toMatchObject({ allowInternetAccess: false });
    await sandbox.kill();
  });

  describe("with internet access", () => {
    let sandbox: Sandbox;
    beforeAll(async () => void (sandbox = await open({ allowInternetAccess: true })));
    afterAll(async () => void (await sandbox.kill()));

    test("is reached by urllib, curl and wget, which know the proxy by themselves", async () => {
      expect(await run(sandbox, URLLIB)).toBe("hello");
      expect((await sandbox.commands.run("curl -sS http://www.example/")).stdout).toBe("hello");
      expect((await sandbox.commands.run("wget -qO- http://www.example/")).stdout).toBe("hello");
      expect(
        (await sandbox.commands.run("curl -sS --data-binary @- http://www.example/ < /etc/passwd")).stdout,
      ).toContain("user");
    });

    test("downloads, as a package manager does, what is then whole", async () => {
      const code =
        "import urllib.request as u, hashlib, re, shutil\npage = u.urlopen('http://www.example/simple/tiny/').read().decode()\nprint(re.findall('href=\"([^\"]*)', page))\nwith u.urlopen('http://www.example/large') as r, open('large', 'wb') as f: shutil.copyfileobj(r, f)\nprint(hashlib.sha256(open('large', 'rb').read()).hexdigest())";
      const digest = new Bun.CryptoHasher("sha256").update(new Uint8Array(20_000_000).fill(7)).digest("hex");
      expect(await run(sandbox, code)).toBe(`['http://www.example/tiny-1.0-py3-none-any.whl']\n${digest}`);
    });

    test("does not lead inward, neither by name nor by redirect", async () => {
      const code = (await sandbox.commands.run("curl -s -o /dev/null -w '%{http_code}' http://inward.example/")).stdout;
      expect(code).toBe("403");
      expect((await sandbox.commands.run("curl -sL --noproxy '' http://www.example/inward")).stdout).toContain(
        "loopback",
      );
      expect((await sandbox.commands.run("curl -sS -p http://169.254.169.254/ 2>&1; true")).stdout).toContain("403");
      expect(canary.connections()).toBe(0);
    });

    test("is not there for what ignores proxies: raw sockets, datagrams and the resolver", async () => {
      const code = `import socket
for kind, host in [(socket.SOCK_STREAM, '${PUBLIC}'), (socket.SOCK_DGRAM, '${PUBLIC}'), (socket.SOCK_STREAM, '169.254.169.254')]:
    try:
        s = socket.socket(socket.AF_INET, kind); s.settimeout(2); s.connect((host, 80)); s.send(b'x'); print('sent')
    except OSError as error: print(type(error).__name__)
try: socket.getaddrinfo('www.example', 80); print('resolved')
except OSError: print('unknown')`;
      expect(await run(sandbox, code)).toBe("OSError\nOSError\nOSError\nunknown");
    });

    test("lets one direction of a connection end before the other, and waits for a reader that is slow", async () => {
      const code = `import socket, time
s = socket.create_connection(('127.0.0.1', 3128))
s.sendall(b'CONNECT www.example:443 HTTP/1.1\\r\\n\\r\\n' + b'y' * 3_000_000)
s.shutdown(socket.SHUT_WR)
time.sleep(0.2)
said = b''
while (chunk := s.recv(65536)): said += chunk
print(said[:60].split(b'\\r\\n\\r\\n')[1][:9], len(said))`;
      expect(await run(sandbox, code)).toBe("b'3000000 x' 3000047");
    });

    test("is let go when a program breaks its connection off, again and again", async () => {
      const code = `import socket, struct
for _ in range(100):
    s = socket.create_connection(('127.0.0.1', 3128))
    s.sendall(b'CONNECT www.example:443 HTTP/1.1\\r\\n\\r\\n')
    s.recv(100)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()
for _ in range(20):
    s = socket.create_connection(('127.0.0.1', 3128))
    s.sendall(b'GET http://www.example/large HTTP/1.1\\r\\nHost: www.example\\r\\n\\r\\n')
    s.recv(1)
    s.close()
print('done')`;
      expect(await run(sandbox, code)).toBe("done");
      expect(await run(sandbox, URLLIB)).toBe("hello");
    });

    test("tells the control plane what was contacted", async () => {
      const answer = await fetch(`${options.apiUrl}/sandboxes/${sandbox.sandboxId}/network`, {
        headers: { "x-api-key": KEY },
      });
      const text = await answer.text();
      expect(text).toContain('"host":"www.example","port":80,"address":"93.184.216.34","verdict":"allowed"');
      expect(text).toContain('"host":"inward.example","port":80,"address":"","verdict":"refused","reason":"address"');
    });

    test("carries many connections side by side, and the sandbox still answers", async () => {
      const code = `import threading, urllib.request as u
done = []
def one():
    try: done.append(len(u.urlopen('http://www.example/large', timeout=60).read()))
    except Exception as error: done.append(error)
threads = [threading.Thread(target=one) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(set(done), len(done))`;
      const running = run(sandbox, code);
      expect((await sandbox.commands.run("echo alive")).stdout).toBe("alive\n");
      expect(await running).toBe("{20000000} 8");
    });
  });

  test("reaches only what it is allowed, and a name that is not is asked of nobody", async () => {
    const sandbox = await open({ network: { denyOut: [ALL], allowOut: ["www.example"] } });
    heard.length = 0;
    expect(await run(sandbox, URLLIB)).toBe("hello");
    expect(
      (await sandbox.commands.run("curl -s -o /dev/null -w '%{http_connect}' https://secret.evil.example/; true"))
        .stdout,
    ).toBe("403");
    expect(heard).toEqual(["www.example"]);
    expect(await sandbox.getInfo()).toMatchObject({ network: { allowOut: ["www.example"], denyOut: [ALL] } });
    await sandbox.kill();
  });

  test("hears of new rules at once, in both directions", async () => {
    const sandbox = await open({ allowInternetAccess: true });
    expect(await run(sandbox, URLLIB)).toBe("hello");
    await sandbox.updateNetwork({ denyOut: [PUBLIC] });
    expect(await run(sandbox, URLLIB)).toContain("403");
    await sandbox.updateNetwork({});
    expect(await run(sandbox, URLLIB)).toBe("hello");
    await sandbox.updateNetwork({ allowInternetAccess: false });
    expect(await run(sandbox, URLLIB)).toContain("403");
    expect(await sandbox.getInfo()).toMatchObject({ allowInternetAccess: false });
    await sandbox.kill();
  });

  test("that was closed can be opened later, but not by an update that asks for nothing", async () => {
    const sandbox = await open({ allowInternetAccess: false });
    await sandbox.updateNetwork({});
    expect(await run(sandbox, URLLIB)).toContain("URLError");
    await sandbox.updateNetwork({ allowInternetAccess: true });
    expect(await run(sandbox, URLLIB)).toBe("hello");
    await sandbox.kill();
  });

  test("whose port is taken by a program of its own gets another", async () => {
    const sandbox = await open({});
    await run(sandbox, "import socket\ns = socket.create_server(('127.0.0.1', 3128))");
    await sandbox.updateNetwork({ allowInternetAccess: true });
    expect(await run(sandbox, URLLIB)).toBe("hello");
    await sandbox.kill();
  });

  test("uses a key that it never sees, and trusts the certificate for it", async () => {
    const rules = { "api.example": [{ transform: { headers: { Authorization: "Bearer 4711" } } }] };
    const sandbox = await open({ network: { denyOut: [ALL], allowOut: ["api.example"], rules } });
    const curl = "curl -sS https://api.example/ -H 'Authorization: mine'";
    expect((await sandbox.commands.run(curl)).stdout).toBe("Bearer 4711");
    expect((await sandbox.commands.run("wget -qO- https://api.example/")).stdout).toBe("Bearer 4711");
    expect(await run(sandbox, URLLIB.replace("http://www", "https://api"))).toBe("Bearer 4711");
    const seen = await run(
      sandbox,
      "import os, subprocess\nprint(os.environ, subprocess.run(['env'], capture_output=True).stdout)",
    );
    expect(seen).toContain("SSL_CERT_FILE");
    expect(seen).not.toContain("4711");
    expect(JSON.stringify(await sandbox.getInfo())).not.toContain("4711");
    await sandbox.kill();
  });

  test("is not made when its options make no sense or cannot be had here", async () => {
    expect(await failureOf(open({ network: { denyOut: ["example.com"] } }))).toMatch(/400.*only be allowed by name/);
    expect(await failureOf(open({ network: { allowOut: ["www.example"] } }))).toMatch(/400.*0\.0\.0\.0\/0/);
    expect(await failureOf(open({ network: { egressProxy: { address: "a.example:1080" } } }))).toMatch(
      /501.*egressProxy/,
    );
    expect(await failureOf(open({ network: { maskRequestHost: "a" } }))).toMatch(/501.*maskRequestHost/);
    expect(await Sandbox.list(options).nextItems()).toEqual([]);
  });
});
