// What is fetched from a room: the server opens no path of a room itself, so a name or a link leads nowhere but into the room.
import { existsSync, readFileSync } from "node:fs";
import type { Sandbox } from "@e2b/code-interpreter";
import { groupOf, inRoomOfItsOwn, NotTried, type Attack } from "./attack.ts";
import type { Finding } from "./finding.ts";
import { watched } from "./bystander.ts";
import { placesOf } from "./files.ts";
import type { Ground } from "./ground.ts";
import { NAMES, UPWARDS } from "./names.ts";

type Entry = Omit<Attack, "group">;
const NO_CONTROL = "outside a link leads where it says";
const ANSWER_MS = 15_000;

/** Python in the room, then work with what it left. */
const after = (
  name: string,
  layer: string,
  code: string,
  work: (sandbox: Sandbox, ground: Ground) => Promise<Finding>,
): Entry => ({
  name,
  layer,
  control: NO_CONTROL,
  attempt: async (ground) =>
    await watched(
      ground,
      async () =>
        await inRoomOfItsOwn(ground, async (sandbox) => {
          const { error } = await sandbox.runCode(`import os, socket\n${code}`, { timeoutMs: 40_000 });
          if (error !== undefined) throw new Error(error.traceback);
          return await work(sandbox, ground);
        }),
    ),
});

/** What reading brings: the text, or why there is none. An answer that never comes is a finding of its own. */
async function fetched(
  sandbox: Sandbox,
  path: string,
): Promise<{ readonly text: string | null; readonly said: string }> {
  const late = Bun.sleep(ANSWER_MS).then(() => ({ text: "it never ends", said: "it never ends" }));
  const read = sandbox.files.read(path, { requestTimeoutMs: ANSWER_MS }).then(
    (text) => ({ text, said: `${text.length} characters` }),
    (error: unknown) => ({
      text: null,
      said: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error),
    }),
  );
  return await Promise.race([read, late]);
}

/** A file that everybody on the machine may read, and that no room has. */
function publicFile(): { readonly path: string; readonly content: string } {
  const path = [
    "/etc/os-release",
    "/etc/hostname",
    "/etc/issue",
    "/etc/debian_version",
    "/etc/services",
    "/etc/protocols",
  ].find((one) => existsSync(one));
  if (path === undefined) throw new NotTried("this machine has no file that everybody may read");
  return { path, content: readFileSync(path, "utf8") };
}

async function linkToFile(sandbox: Sandbox): Promise<Finding> {
  const { path, content } = publicFile();
  await sandbox.runCode(`os.symlink(${JSON.stringify(path)}, "chart.png")`);
  const { text, said } = await fetched(sandbox, "chart.png");
  return { got: text === content ? [`${path} of the machine`] : [], seen: said };
}

async function linkToFolder(sandbox: Sandbox): Promise<Finding> {
  const names = async (path: string): Promise<string[]> =>
    (await sandbox.files.list(path, { depth: 1 })).map((one) => one.name);
  const [linked, outer] = [await names("/home/user/out"), await names("/home/user/top")];
  const foreign = [...linked, ...outer].filter((name) =>
    ["shadow", "hostname", "machine-id", "root", "var", "boot", "srv"].includes(name),
  );
  return { got: foreign, seen: `${linked.length + outer.length} names, all of the room` };
}

/** The agent reads for others: what it may see of itself must hold nothing either. */
async function agentsOwn(sandbox: Sandbox, ground: Ground): Promise<Finding> {
  const names = ["environ", "cmdline", "maps", "mountinfo", "mem", "fd/3", "status", "root/etc/shadow", "cwd", "exe"];
  const wanted = [...Object.values(ground.secrets), ...placesOf(ground).filter((one) => one.length > 6)];
  const got: string[] = [];
  for (const name of names) {
    await sandbox.runCode(`os.symlink("/proc/self/${name}", "own-" + ${JSON.stringify(name.replaceAll("/", "-"))})`);
    const { text } = await fetched(sandbox, `own-${name.replaceAll("/", "-")}`);
    if (text !== null && wanted.some((one) => text.includes(one))) got.push(`/proc/self/${name} tells of the machine`);
    if (text?.includes("root:$") === true) got.push(`/proc/self/${name} is a shadow file`);
  }
  return { got, seen: `${names.length} links into /proc/self tell nothing` };
}

const special = (name: string, layer: string, code: string, paths: readonly string[]): Entry =>
  after(name, layer, code, async (sandbox) => {
    const all = await Promise.all(paths.map(async (path) => ({ path, ...(await fetched(sandbox, path)) })));
    const got = all.filter(({ text }) => text !== null && text !== "").map(({ path, said }) => `${path}: ${said}`);
    return { got, seen: all[0]?.said ?? "" };
  });

async function grown(sandbox: Sandbox): Promise<Finding> {
  const stream = await sandbox.files.read("/home/user/growing", { format: "stream", requestTimeoutMs: 40_000 });
  const end = performance.now() + 30_000;
  let [bytes, how] = [0, "ended"];
  try {
    for await (const piece of stream) {
      bytes += piece.length;
      if (bytes > 540 * 2 ** 20 || performance.now() > end) how = "went on";
      if (how === "went on") break;
    }
  } catch {
    // Its room was too large.
    how = "broke off";
  }
  return {
    got: how === "went on" ? [`${bytes >> 20} MiB, and no end`] : [],
    seen: `it ${how} after ${bytes >> 20} MiB`,
  };
}

async function hostile(sandbox: Sandbox): Promise<Finding> {
  const listed = await sandbox.files.list("/home/user/names");
  const got = listed
    .filter((one) => one.name.includes("/") || one.path !== `/home/user/names/${one.name}`)
    .map((one) => JSON.stringify(one.path));
  const missing = NAMES.filter((name) => !listed.some((one) => one.name === name));
  const wrong: string[] = [];
  for (const name of NAMES)
    if ((await fetched(sandbox, `/home/user/names/${name}`)).text !== name) wrong.push(JSON.stringify(name));
  return {
    got: [...got, ...missing.map((one) => `${JSON.stringify(one)} is not listed`), ...wrong],
    seen: `${listed.length} names are what they are, and lead nowhere else`,
  };
}

async function crowd(sandbox: Sandbox): Promise<Finding> {
  const first = (await sandbox.files.list("/home/user/many")).length;
  const second = await sandbox.files.list("/home/user/more").then(
    (all) => `${all.length} entries`,
    (error: unknown) => String(error),
  );
  return {
    got: first === 10_000 ? [] : [`of 10,000 only ${first} came`],
    seen: `10,000 came; of 30,000: ${second.slice(0, 90)}`,
  };
}

async function deep(sandbox: Sandbox): Promise<Finding> {
  const said = await sandbox.files.list("/home/user", { depth: 64 }).then(
    (all) => `${all.length} entries`,
    (error: unknown) => String(error).slice(0, 90),
  );
  const removed = await sandbox.files.remove("/home/user/d").then(
    () => "removed",
    (error: unknown) => String(error).slice(0, 60),
  );
  const lives = (await sandbox.runCode("6 * 7")).text === "42";
  return { got: lives ? [] : ["the room died of it"], seen: `${said}; ${removed}` };
}

async function oddTimes(sandbox: Sandbox): Promise<Finding> {
  const names = await sandbox.files.list("/home/user/times").then(
    (all) => all.map((one) => one.name),
    (error: unknown) => String(error),
  );
  const isThere = Array.isArray(names) && names.includes("good");
  return { got: isThere ? [] : [`nothing can be listed any more: ${String(names)}`], seen: "all are listed" };
}

async function racing(sandbox: Sandbox): Promise<Finding> {
  const { content } = publicFile();
  const seen = new Set<string>();
  for (let turn = 0; turn < 150; turn += 1) {
    const { text } = await fetched(sandbox, "/home/user/swapped");
    if (text === content) return { got: ["a file of the machine"], seen: "" };
    seen.add(text === null ? "a refusal" : "the room's own");
  }
  return { got: [], seen: `150 times ${[...seen].join(" or ")}` };
}

async function upwards(sandbox: Sandbox): Promise<Finding> {
  const all = await Promise.all(UPWARDS.map(async (path) => ({ path, ...(await fetched(sandbox, path)) })));
  return {
    got: all.filter((one) => one.text !== null).map((one) => one.path),
    seen: `${all.length} times: ${all[0]?.said ?? ""}`,
  };
}

async function uploads(sandbox: Sandbox): Promise<Finding> {
  const targets = ["to-passwd", "to-agent", "to-proc", "to-exe", "to-core"];
  const got: string[] = [];
  let said = "";
  for (const name of targets)
    await sandbox.files.write(`/home/user/${name}`, "planted").then(
      () => got.push(name),
      (error: unknown) => (said = String(error).slice(0, 80)),
    );
  return { got, seen: `${targets.length} refused: ${said}` };
}

export const artifacts = groupOf("artifacts", [
  after("a link to a file of the machine", "agent reads", "", linkToFile),
  after(
    "a link to a folder of the machine",
    "agent reads",
    'os.symlink("/etc", "out")\nos.symlink("/proc/1/root", "top")',
    linkToFolder,
  ),
  after("links into what the agent sees of itself", "clean start", "", agentsOwn),
  special("a FIFO that nobody writes to", "agent reads", 'os.mkfifo("pipe.csv")', ["pipe.csv"]),
  special("a socket in place of a file", "agent reads", 'socket.socket(socket.AF_UNIX).bind("socket.png")', [
    "socket.png",
  ]),
  special(
    "a device without an end, by a link",
    "agent reads",
    'os.symlink("/dev/zero", "zeros.csv")\nos.symlink("/dev/urandom", "noise.csv")\nos.symlink("/dev/tty", "tty.csv")',
    ["zeros.csv", "noise.csv", "tty.csv"],
  ),
  special("a link to itself", "agent reads", 'os.symlink("loop", "loop")\nos.symlink("b", "a")\nos.symlink("a", "b")', [
    "loop",
    "a",
  ]),
  after(
    "a file that grows while it is fetched",
    "rlimit",
    "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'f=open(\"/home/user/growing\",\"wb\",0)\\nwhile True: f.write(bytes(1<<20))'])\nimport time\nwhile not os.path.exists('growing') or os.path.getsize('growing') < 1<<20: time.sleep(0.01)",
    grown,
  ),
  after(
    "hostile names",
    "host parser",
    `os.mkdir("names")\nfor n in ${JSON.stringify(NAMES)}:\n    open("names/" + n, "w").write(n)\nopen(b"names/\\xff\\xfe", "w").close()`,
    hostile,
  ),
  after(
    "10,000 artifacts, and 30,000",
    "agent's bounds",
    'for place, count in (("many", 10_000), ("more", 30_000)):\n    os.mkdir(place)\n    for n in range(count): os.mknod(f"{place}/{n}")',
    crowd,
  ),
  after(
    "folders without a bottom",
    "agent's bounds",
    'at = os.getcwd()\nfor n in range(3000):\n    os.mkdir("d")\n    os.chdir("d")\nos.chdir(at)',
    deep,
  ),
  after(
    "files from other ages",
    "agent's bounds",
    'os.mkdir("times")\nopen("times/good", "w").close()\nfor n, t in enumerate((2**62, -2**62, 2**40, -2**40, 253402300800)):\n    open(f"times/{n}", "w").close()\n    try: os.utime(f"times/{n}", (t, t))\n    except (OSError, OverflowError): pass',
    oddTimes,
  ),
  after(
    "a file that turns into a link while it is fetched",
    "agent reads",
    'import subprocess, sys\nopen(\'mine\', \'w\').write(\'mine\')\nsubprocess.Popen([sys.executable, \'-c\', \'import os\\nwhile True:\\n    os.symlink("/etc/os-release", "/home/user/t"); os.rename("/home/user/t", "/home/user/swapped"); os.link("/home/user/mine", "/home/user/t"); os.rename("/home/user/t", "/home/user/swapped")\\n    if os.path.lexists("/home/user/t"): os.unlink("/home/user/t")\'])',
    racing,
  ),
  after("paths that lead upwards", "mount namespace", "", upwards),
  after(
    "uploads onto links to what must not change",
    "read-only mounts",
    'for n, t in (("passwd", "/etc/passwd"), ("agent", "/opt/sandpiper/sandpiper/agent.py"), ("proc", "/proc/sys/kernel/core_pattern"), ("exe", "/proc/self/exe"), ("core", "/dev/core")):\n    os.symlink(t, "to-" + n)',
    uploads,
  ),
]);
