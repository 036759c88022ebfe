// A secret in every place where Sandpiper or its user keeps one; code in the sandbox looks for it everywhere.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../src/shared/config.ts";
import { makeHome, PATIENCE_MS, startSandpiper, type Sandpiper } from "./sandpiper.ts";

setDefaultTimeout(2 * PATIENCE_MS);

/** The searching code holds the first half only in pieces, so that it does not find itself. */
const canary = `CANARY${randomBytes(16).toString("hex")}`;
/** What runs in a room, by its command line: nothing in it is of this machine. */
const OURS =
  /^(\S*python\S*\0-s\0-m\0sandpiper\.(agent|zygote\0\/tmp\/zygote\.sock)\0.*|(\/usr|\/srv\/bwrap)\/\S*bwrap\0--args\0\d+\0--\0\/bin\/cat\0|\/bin\/cat\0)?$/s;
const userHome = makeHome();
let sandpiper: Sandpiper;

beforeAll(async () => {
  await Bun.write(join(userHome, ".ssh/id_ed25519"), canary);
  await Bun.write(join(userHome, "letter.txt"), canary);
  sandpiper = await startSandpiper({
    HOME: userHome,
    E2B_API_KEY: canary,
    ANTHROPIC_API_KEY: canary,
    SANDPIPER_TEST_CANARY: canary,
    LC_CANARY: canary,
  });
  await Bun.write(join(sandpiper.home, "data/notes"), canary);
  await Bun.write(join(sandpiper.home, "data/models.json"), JSON.stringify({ keys: { openai: canary } }));
  await Bun.write(join(sandpiper.home, "storage/uploads/other.csv"), `name,secret\na,${canary}\nb,2\n`);
  // A job of somebody else that has the secret in its sandbox, in its result, and in the board.
  const other = await sandpiper.send({ files: ["other.csv"], code: "print(open('other.csv').read())" });
  await sandpiper.follow(other);
  expect((await sandpiper.job(other)).output?.stdout).toContain(canary);
});
afterAll(async () => {
  await sandpiper[Symbol.asyncDispose]();
  rmSync(userHome, { recursive: true, force: true });
});

const Found = z.object({
  looked: z.number(),
  found: z.array(z.string()),
  environment: z.array(z.string()),
  mounts: z.string(),
  reachable: z.array(z.string()),
  processes: z.array(z.string()),
  identity: z.array(z.number()),
  writable: z.array(z.string()),
});

/** Walks everything but the system's programs (/usr), reads what it can, and asks the network. */
const searchCode = (wanted: { readonly port: number; readonly paths: readonly string[] }): string => `
import json, os, socket
NEEDLE = b"CAN" + b"ARY"
WANTED = json.loads(r'''${JSON.stringify(wanted)}''')
looked, found, writable = 0, [], []
SKIPPED = ("/usr", "/sys", "/opt/python")

def look(path):
    global looked
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(2**20) or b""
    except OSError:
        return
    looked += 1
    if NEEDLE in head:
        found.append(path)

for folder, names, files in os.walk("/", followlinks=False):
    names[:] = [name for name in names if not os.path.join(folder, name).startswith(SKIPPED)]
    if folder.startswith("/proc/") and "/task/" in folder:
        names[:] = []
    if not folder.startswith("/proc") and os.access(folder, os.W_OK):
        writable.append(folder)
    for name in files:
        path = os.path.join(folder, name)
        if NEEDLE in os.fsencode(path):
            found.append(path)
        if os.path.isfile(path) and not path.endswith(("/kmsg", "/kcore", "/clear_refs", "/pagemap", "/mem")):
            look(path)
for path in WANTED["paths"]:
    if os.path.lexists(path):
        found.append(path)
reachable = []
for family, address in [
    (socket.AF_INET, ("127.0.0.1", WANTED["port"])), (socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET, ("169.254.169.254", 80)),
    (socket.AF_UNIX, "/run/dbus/system_bus_socket"), (socket.AF_UNIX, "/var/run/docker.sock"),
]:
    try:
        with socket.socket(family) as client:
            client.settimeout(2)
            client.connect(address)
        reachable.append(str(address))
    except OSError:
        pass
processes = [open(f"/proc/{pid}/cmdline").read() for pid in os.listdir("/proc") if pid.isdigit()]
print(json.dumps({
    "looked": looked, "found": found, "environment": [f"{k}={v}" for k, v in os.environ.items()],
    "mounts": open("/proc/self/mountinfo").read(), "reachable": reachable, "processes": processes,
    "identity": [os.getuid(), os.getgid(), *os.getgroups()], "writable": sorted(writable),
}))
`;

test("code in a sandbox finds no secret, no file of the host, no process and no network", async () => {
  const port = Number(new URL(sandpiper.url).port);
  const id = await sandpiper.send({ code: searchCode({ port, paths: [ROOT, sandpiper.home, userHome, "/root"] }) });
  await sandpiper.follow(id);
  const { output } = await sandpiper.job(id);
  expect(output?.error).toBeUndefined();
  const seen = Found.parse(JSON.parse(output?.stdout ?? ""));
  expect(seen.looked).toBeGreaterThan(100);
  expect(seen.found).toEqual([]);
  expect(seen.reachable).toEqual([]);
  const names = seen.environment.map((line) => line.replace(/=.*/s, ""));
  expect(names.filter((name) => /SANDPIPER|E2B|KEY|TOKEN|CANARY/i.test(name))).toEqual([]);
  for (const place of [ROOT, sandpiper.home, userHome]) expect(seen.mounts).not.toContain(place);
  for (const command of seen.processes) expect(command).toMatch(OURS);
  expect(seen.identity).not.toContain(0);
  for (const folder of seen.writable)
    expect(folder).toMatch(/^\/(home|(tmp|home\/user|dev\/(shm|mqueue|pts))(\/.*)?)?$/);
});

test("what the search finds when the secret is in its own sandbox shows that it searches", async () => {
  const code = `open("mine.txt", "w").write("${canary}")\n${searchCode({ port: 9, paths: [] })}`;
  const id = await sandpiper.send({ code });
  await sandpiper.follow(id);
  const { output } = await sandpiper.job(id);
  const seen = Found.parse(JSON.parse(output?.stdout ?? ""));
  expect(seen.found).toContain("/home/user/mine.txt");
});

test("no log, event or printed line holds the secret of the environment", async () => {
  expect(sandpiper.printed()).not.toContain(canary);
  for (const name of ["main", "core", "worker", "sandboxd"]) {
    const log = Bun.file(join(sandpiper.home, `data/logs/${name}.jsonl`));
    if (await log.exists()) expect(await log.text()).not.toContain(canary);
  }
});
