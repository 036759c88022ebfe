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

const NO_CGROUP: Edit = ["src/sandboxd/server.ts", "Cgroups.find(config.sandboxd.cgroup)", `Cgroups.find("")`];
const NO_WATCHDOG: Edit = [
  "src/sandboxd/watchdog.ts",
  "    this.#watched.set(room, {",
  "    new Map<Room, Watched>().set(room, {",
];

const SHARE = "src/sandboxd/guest/share.py";
const NO_STILL_LOOK: Edit = ["src/sandboxd/watchdog.ts", "void this.#judgeStill(watched);", "void watched;"];

export const OF_ROOMS: readonly Weakness[] = [
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
      NO_CGROUP,
      NO_WATCHDOG,
    ],
    attack: "every place that can be written",
  },
  {
    layer: "watchdog",
    what: "nobody who counts a whole room",
    edits: [NO_CGROUP, NO_WATCHDOG],
    attack: "memory that is shared",
  },
  ...["no process has before it", "handed from process to process", "not read (sockets)"].map((attack) => ({
    layer: "watchdog",
    what: "nobody who looks while all stand still",
    edits: [NO_CGROUP, NO_STILL_LOOK],
    attack,
  })),
  {
    layer: "watchdog",
    what: "nobody who counts files",
    edits: [NO_CGROUP, NO_WATCHDOG],
    attack: "half a million empty files",
  },
  {
    layer: "watchdog",
    what: "nobody who counts a browser's shared memory",
    edits: [NO_CGROUP, ["src/sandboxd/watchdog.ts", `profile === "browser" || `, ""]],
    attack: "(memfd), in a browser's sandbox",
  },
  {
    layer: "seccomp",
    what: "a filter that allows everything",
    edits: [ALLOW_ALL],
    attack: "mounts, by the power over a namespace",
  },
  {
    layer: "seccomp",
    what: "a filter that allows everything",
    edits: [ALLOW_ALL],
    attack: "the packet filter, by the power over a network",
  },
  {
    layer: "namespace quota",
    what: "rooms that share a user's file watches",
    edits: [
      [SHARE, '"max_inotify_watches": 4096', '"max_inotify_watches": 1 << 30'],
      [SHARE, '"max_inotify_instances": 16', '"max_inotify_instances": 1 << 30'],
    ],
    attack: "the machine's share of file watches",
  },
  {
    layer: "namespace quota",
    what: "any number of networks",
    edits: [[SHARE, '"max_net_namespaces": 64', '"max_net_namespaces": 1 << 30']],
    attack: "networks of its own",
  },
  {
    layer: "sandbox server",
    what: "a server that takes files for every sandbox",
    edits: [["src/sandboxd/envd/routes.ts", `sandbox.room.profile === "browser"`, `sandbox.room.pid === 0`]],
    attack: "a person's file, in a browser's sandbox",
  },
  {
    layer: "rlimit",
    what: "ten thousand processes",
    edits: [[LIMITS, "processes: 128,", "processes: 10_000,"]],
    attack: "threads",
  },
];
