// The sandboxes of the template `browser`: Chromium seals its pages itself in there, and nobody's file ever comes in.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { Sandbox } from "@e2b/code-interpreter";
import { z } from "zod";
import { failureOf, startServer, type TestServer } from "./harness.ts";

const CHROMIUM = "/usr/lib/chromium/chromium";
/** The rooms see /usr of this machine, and Debian's Chromium in it. */
const hasChromium = existsSync(CHROMIUM);

const Renderers = z.array(z.object({ filters: z.string(), pids: z.string(), command: z.string() }));

/** Opens a page that its own script changes, and lists the page's processes while it is open. */
const BROWSE = String.raw`
import glob, json, re, subprocess, time, urllib.request
page = "data:text/html,<h1>1</h1><script>document.title = String(6 * 7)</script>"
chromium = subprocess.Popen([${JSON.stringify(CHROMIUM)}, "--headless=new", "--disable-gpu", "--remote-debugging-port=9222", "--user-data-dir=/tmp/profile", page],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
def titles():
    try: return [one["title"] for one in json.load(urllib.request.urlopen("http://127.0.0.1:9222/json"))]
    except OSError: return []
while "42" not in titles(): time.sleep(0.1)
found = []
for path in glob.glob("/proc/[0-9]*"):
    command = open(path + "/cmdline").read().replace("\0", " ")
    if "--type=renderer" in command:
        status = open(path + "/status").read()
        found.append({"filters": re.search(r"Seccomp_filters:\t(\d+)", status)[1], "pids": re.search(r"NSpid:\t(.*)", status)[1], "command": command})
chromium.kill()
print(json.dumps(found))`;

describe("a browser's sandbox", () => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer();
    sandbox = await Sandbox.create("browser", server.options);
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  test("takes nobody's file, and gives out what was made in it", async () => {
    expect(await failureOf(sandbox.files.write("mine.txt", "private"))).toContain(
      "A browser's sandbox takes no files.",
    );
    await sandbox.runCode("open('page.txt', 'w').write('public')");
    expect(await sandbox.files.read("page.txt")).toBe("public");
  });

  test("has limits of its own", async () => {
    const { text } = await sandbox.runCode(
      "import os, resource\nshm = os.statvfs('/dev/shm')\n[resource.getrlimit(one)[0] for one in (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE)] + [shm.f_blocks * shm.f_frsize >> 20]",
    );
    expect(text).toBe("[1024, 768, 256]");
  });

  test.skipIf(!hasChromium)("lets Chromium seal each page as it does outside", async () => {
    const { logs, error } = await sandbox.runCode(BROWSE, { timeoutMs: 25_000 });
    expect(error).toBeUndefined();
    const renderers = Renderers.parse(JSON.parse(logs.stdout.join("")));
    expect(renderers.length).toBeGreaterThan(0);
    for (const { filters, pids, command } of renderers) {
      // The room's filter and Chromium's; process numbers of the room, of Chromium's namespace and of the page's own.
      expect(Number(filters)).toBeGreaterThanOrEqual(2);
      expect(pids.split("\t").length).toBeGreaterThanOrEqual(2);
      expect(command).not.toContain("--no-sandbox");
    }
  });
});

if (!hasChromium) console.warn(`Chromium itself was not tried in a browser's sandbox: there is no ${CHROMIUM} here.`);
