// Weaknesses of the server and of the agents, in the form of weaknesses.ts.
import type { Weakness } from "./weaknesses.ts";

const ARGV = "src/sandboxd/room/argv.ts";
const AGENT = "src/sandboxd/guest/agent.py";
const KERNELS = "src/sandboxd/guest/kernels.py";
const FILES = "src/sandboxd/guest/files.py";
const LIMITS = "src/sandboxd/limits.ts";

const FOLLOWING = `
  const { target } = z.object({ target: z.string().optional() }).parse(
    (await channel.request({ op: "stat", path: pathOf(url) })).value);
  if (target !== undefined && (await Bun.file(target).exists())) return new Response(Bun.file(target));
`;

export const OF_SERVERS: readonly Weakness[] = [
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
        "        if not length:\n            import time\n            time.sleep(30)\n            os._exit(0)\n",
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
        "    return await this.#startInside();\n",
        `    throw new Error("There is no zygote.");\n`,
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
