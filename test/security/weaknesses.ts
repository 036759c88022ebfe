// Weaknesses to plant into a copy of the project, one or more for each layer, and the attack that must then get through.

/** In `file` of the copy, `from` becomes `to`; `from` must be there. */
type Edit = readonly [file: string, from: string, to: string];

export type Weakness = {
  readonly layer: string;
  readonly what: string;
  readonly edits: readonly Edit[];
  /** Words of the attack's name. */
  readonly attack: string;
  readonly way?: "forked" | "plain";
};

const ARGV = "src/sandboxd/room/argv.ts";
const AGENT = "src/sandboxd/guest/agent.py";
const JOIN = "src/sandboxd/guest/join.py";
const KERNELS = "src/sandboxd/guest/kernels.py";
const FILES = "src/sandboxd/guest/files.py";
const ROOM = "src/sandboxd/room/room.ts";
const ZYGOTE = "src/sandboxd/room/zygote.ts";
const LIMITS = "src/sandboxd/limits.ts";

const ALL = "--unshare-all --unshare-user";
const UNSEALED: Edit = ["src/sandboxd/guest/seals.py", "    seen = 0\n", "    return\n    seen = 0\n"];
const ALLOW_ALL: Edit = [
  "src/sandboxd/room/seccomp.ts",
  "return encode(load(ARCHITECTURE,",
  "if (audit > 0) return encode(ALLOW);\n  return encode(load(ARCHITECTURE,",
];

const FOLLOWING = `
  const { target } = z.object({ target: z.string().optional() }).parse(
    (await channel.request({ op: "stat", path: pathOf(url) })).value);
  if (target !== undefined && (await Bun.file(target).exists())) return new Response(Bun.file(target));
`;

const NO_CGROUP: Edit = ["src/sandboxd/yard.sh", `export SANDPIPER_CGROUP="$group"`, ":"];
const NO_WATCHDOG: Edit = [
  "src/sandboxd/watchdog.ts",
  "    this.#watched.set(room, {",
  "    new Map<Room, Watched>().set(room, {",
];

export const WEAKNESSES: readonly Weakness[] = [
  {
    layer: "network namespace",
    what: "a room without one",
    edits: [[ARGV, ALL, "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup"]],
    attack: "loopback by 40 names, network off",
  },
  {
    layer: "uts namespace",
    what: "a room without one",
    edits: [
      [ARGV, ALL, "--unshare-user --unshare-pid --unshare-ipc --unshare-net --unshare-cgroup"],
      [ARGV, " --hostname sandbox", ""],
    ],
    attack: "the machine's name",
  },
  {
    layer: "pid namespace",
    what: "the machine's /proc in the room",
    edits: [[ARGV, "--proc /proc", "--bind /proc /proc"], UNSEALED],
    attack: "seeing the machine's processes",
  },
  {
    layer: "user namespace",
    what: "a user 0",
    edits: [[ARGV, "--uid 1000 --gid 1000", "--uid 0 --gid 0"]],
    attack: "becoming another user",
  },
  {
    layer: "mount namespace",
    what: "a folder of the machine, bound under another name",
    edits: [
      [ARGV, `["--ro-bind", "/usr", "/usr", `, `["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/var/machine", `],
    ],
    attack: "by device and number",
  },
  {
    layer: "read-only mounts",
    what: "folders that were not sealed",
    edits: [[ARGV, `...["/dev", ...SEALED].flatMap(`, `...["/dev"].flatMap(`]],
    attack: "writing to programs, settings and the agent",
  },
  {
    layer: "yard",
    what: "a folder that is bound from where it lies",
    edits: [
      [
        ARGV,
        `["--ro-bind", "/usr", "/usr", `,
        `["--ro-bind", "/usr", "/usr", "--ro-bind", "/srv/project/src", "/var/source", `,
      ],
    ],
    attack: "what the mount table tells",
  },
  {
    layer: "own /dev",
    what: "devices of the machine",
    edits: [[ARGV, "--dev /dev", "--dev /dev --dev-bind-try /dev/kmsg /dev/kmsg --dev-bind-try /dev/fuse /dev/fuse"]],
    attack: "devices that are there",
  },
  {
    layer: "seccomp",
    what: "a filter that allows everything",
    edits: [ALLOW_ALL],
    attack: "every system call by its number",
  },
  { layer: "seccomp", what: "a filter that allows everything", edits: [ALLOW_ALL], attack: "performance counters" },
  {
    layer: "seal check",
    what: "no filter, and nobody who looks",
    edits: [[ARGV, " --seccomp ${options.seccompFd}", ""], UNSEALED],
    attack: "a neighbour without a filter",
    way: "plain",
  },
  {
    layer: "no capabilities",
    what: "an agent that keeps its powers",
    edits: [
      [JOIN, "    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:", "    if False:"],
      [JOIN, "    while libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:", "    while False:"],
      UNSEALED,
    ],
    attack: "capabilities, taken back",
    way: "forked",
  },
  {
    layer: "no_new_privs",
    what: "no process that sets it",
    edits: [
      ["src/sandboxd/launch.ts", " --bounding-set=-all --no-new-privs", " --bounding-set=-all"],
      ["src/sandboxd/launch.ts", " setpriv --no-new-privs", " setpriv"],
      [JOIN, "    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)\n", ""],
      [
        JOIN,
        "            give_up_power()\n            lay_filter(self.program)\n",
        "            lay_filter(self.program)\n            give_up_power()\n",
      ],
      [AGENT, "    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)\n", ""],
      UNSEALED,
    ],
    attack: "taking no_new_privs back",
    way: "forked",
  },
  {
    layer: "undumpable",
    what: "an agent that may be looked into",
    edits: [[AGENT, "    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)\n", ""]],
    attack: "the agent's memory, environment and descriptors",
    way: "plain",
  },
  {
    layer: "closed descriptors",
    what: "a folder that a kernel inherits",
    edits: [
      [
        KERNELS,
        "        reseed()\n        kernel.main",
        `        os.dup2(os.open("/opt", os.O_RDONLY), 9)\n        reseed()\n        kernel.main`,
      ],
    ],
    attack: "folders and files that were left open",
  },
  {
    layer: "clean start",
    what: "the server's environment, passed on by the zygote",
    edits: [
      [ZYGOTE, "env: roomEnvironment(tools.python),", "env: { ...process.env, ...roomEnvironment(tools.python) },"],
    ],
    attack: "secrets in the memory of every process",
    way: "forked",
  },
  {
    layer: "clean start",
    what: "the server's environment, passed on by bubblewrap",
    edits: [
      [ROOM, "      env: {},", "      env: process.env,"],
      [ARGV, " --clearenv", ""],
    ],
    attack: "secrets in /proc",
    way: "plain",
  },
  {
    layer: "reseeding",
    what: "kernels that draw what every other one draws",
    edits: [[KERNELS, "        reseed()\n", ""]],
    attack: "the numbers that another sandbox draws",
    way: "forked",
  },
  {
    layer: "tmpfs size",
    what: "disks without a size",
    edits: [
      [
        ARGV,
        `return ["--perms", mode, "--size", String(bytes), "--tmpfs", path];`,
        `return ["--perms", mode, ...(bytes > 0 ? [] : []), "--tmpfs", path];`,
      ],
    ],
    attack: "every place that can be written",
  },
  {
    layer: "watchdog",
    what: "nobody who counts a whole room",
    edits: [NO_CGROUP, NO_WATCHDOG],
    attack: "memory that is shared",
  },
  {
    layer: "watchdog",
    what: "nobody who counts files",
    edits: [NO_CGROUP, NO_WATCHDOG],
    attack: "half a million empty files",
  },
  {
    layer: "rlimit",
    what: "ten thousand processes",
    edits: [[LIMITS, "processes: 128", "processes: 10_000"]],
    attack: "threads",
  },
  {
    layer: "host parser",
    what: "a server that hears answers to nothing",
    edits: [
      [
        "src/sandboxd/room/channel.ts",
        `throw new FrameError("The room answered a request that was never made.");`,
        "return;",
      ],
    ],
    attack: "answers what was never asked",
  },
  {
    layer: "host parser",
    what: "a server that believes every length",
    edits: [
      [
        "src/sandboxd/room/frames.ts",
        "if (lengths[0] > LIMITS.frameHeaderBytes || lengths[1] > LIMITS.frameBodyBytes)",
        "if (lengths[0] < 0)",
      ],
    ],
    attack: "announces a body of 4 GiB",
  },
  {
    layer: "host parser",
    what: "a server that passes on all text",
    edits: [[LIMITS, "outputKeptBytes: MIB", "outputKeptBytes: 63 * MIB"]],
    attack: "endless text on stdout",
  },
  {
    layer: "agent reads",
    what: "a server that follows a link itself",
    edits: [
      [
        "src/sandboxd/envd/files.ts",
        "export async function readFile(channel: Channel, url: URL): Promise<Response> {\n",
        `export async function readFile(channel: Channel, url: URL): Promise<Response> {\n${FOLLOWING}`,
      ],
    ],
    attack: "a link to a file of the machine",
  },
  {
    layer: "agent's bounds",
    what: "times that no client can read",
    edits: [[FILES, "min(max(nanoseconds // 10**9, OLDEST), NEWEST)", "nanoseconds // 10**9"]],
    attack: "files from other ages",
  },
  {
    layer: "egress",
    what: "a proxy that refuses no address",
    edits: [
      [
        "src/sandboxd/egress/address.ts",
        "  const found = REFUSED.find(",
        "  if (own.length >= 0) return null;\n  const found = REFUSED.find(",
      ],
    ],
    attack: "tunnels to the same 40",
  },
  {
    layer: "die-with-parent",
    what: "a room that needs nobody",
    edits: [
      [ARGV, "--die-with-parent ", ""],
      [
        AGENT,
        "        if not length:\n            os._exit(0)\n",
        "        if not length:\n            self.selector.unregister(self.host)\n            return\n",
      ],
    ],
    attack: "the server is killed (SIGKILL)",
    way: "plain",
  },
  {
    layer: "host timer",
    what: "a server that has no clock",
    edits: [
      [
        "src/sandboxd/sandboxes.ts",
        `setTimeout(() => void this.kill(sandbox.id, "its time was over"), bounded)`,
        `setTimeout(() => void this.kill(sandbox.id, "its time was over"), 86_400_000)`,
      ],
    ],
    attack: "its time is over while the agent is stopped",
  },
  {
    layer: "fallback",
    what: "a server that has one way only",
    edits: [
      [
        "src/sandboxd/rooms.ts",
        "    return await this.#startInside();\n  }\n\n  close",
        `    throw new Error("There is no zygote.");\n  }\n\n  close`,
      ],
      ["src/sandboxd/rooms.ts", "    if (!signal.aborted) await this.#startZygote();\n", ""],
    ],
    attack: "the zygote is killed",
    way: "forked",
  },
  {
    layer: "agent",
    what: "an agent that does not tell of a death",
    edits: [[KERNELS, `        self.finish({"died": {"signal": number, "exitCode": exit_code}})\n`, ""]],
    attack: "the kernel is killed",
  },
];
