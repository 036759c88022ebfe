// Ways out: with the network off there is none; with it on there is one, and it leads to nobody on or around this machine.
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { groupOf, inRoomOfItsOwn, NotTried, scripted, type Attack } from "./attack.ts";
import type { Finding } from "./finding.ts";
import { openCanary, type Canary } from "./canary.ts";
import type { Ground } from "./ground.ts";
import source from "./network.py" with { type: "text" };
import { hostsOf, requestsFor, TRICKS } from "./targets.ts";

const inRoom = scripted(source);
type Entry = Omit<Attack, "group">;

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter((one) => !one.internal).map((one) => one.address),
  );

/** While `work` runs, whoever comes is counted: one is too many. */
async function counted(work: (canary: Canary) => Promise<Finding>): Promise<Finding> {
  await using canary = await openCanary();
  const { got, seen } = await work(canary);
  const visits = canary.visits();
  return {
    got: visits > 0 ? [`the canary was visited ${visits} times`, ...got] : got,
    seen: `0 visits; ${seen}`,
  };
}

const urlsFor = (port: number): string[] =>
  hostsOf(hostname(), ownAddresses()).map((host) => `http://${host}:${port}/canary`);

const off: Entry = {
  name: "this machine's loopback by 40 names, network off",
  layer: "network namespace",
  control: async (ground) =>
    await counted(
      async ({ port }) => await ground.outside(source, "loopback", { urls: [`http://127.0.0.1:${port}/`] }),
    ),
  attempt: async (ground) =>
    await counted(
      async ({ port }) => await ground.inside(source, "loopback", { urls: urlsFor(port) }, await ground.room()),
    ),
};

const NEEDS_OUTSIDE = "outside there is no proxy";

/** A room whose rules allow all that rules can allow: what is refused, is refused whatever they say. */
async function open<T>(ground: Ground, port: number, work: Parameters<typeof inRoomOfItsOwn<T>>[1]): Promise<T> {
  const allowOut = ["*", `*:${port}`, "0.0.0.0/0", `0.0.0.0/0:${port}`];
  const sandbox = await ground.create({ network: { denyOut: ["0.0.0.0/0"], allowOut } });
  try {
    if (!(await isOpen(sandbox))) throw new NotTried("this server gives no sandbox a network");
    return await work(sandbox);
  } finally {
    await sandbox.kill();
  }
}

async function isOpen(sandbox: Awaited<ReturnType<Ground["create"]>>): Promise<boolean> {
  const { text } = await sandbox.runCode(
    "import socket\ntry: socket.create_connection(('127.0.0.1', 3128), timeout=2).close(); answer = 'open'\nexcept OSError: answer = 'closed'\nanswer",
  );
  return text === "open";
}

const throughProxy = (name: string, requests: (port: number) => [string, string][]): Entry => ({
  name,
  layer: "egress",
  control: NEEDS_OUTSIDE,
  attempt: async (ground) =>
    await counted(
      async ({ port }) =>
        await open(ground, port, async (sandbox) => {
          const { got, seen } = await ground.inside(source, "answers", { requests: requests(port) }, sandbox);
          return { got, seen };
        }),
    ),
});

const past: Entry = {
  name: "past the proxy, network on",
  layer: "network namespace",
  control: "outside there is a network, or none at all",
  attempt: async (ground) =>
    await counted(
      async ({ port }) =>
        await open(ground, port, async (sandbox) => {
          const targets = [
            ["127.0.0.1", port],
            ["::1", port],
            ["1.1.1.1", 443],
            ["169.254.169.254", 80],
            ...ownAddresses().map((one) => [one.split("%")[0], port]),
          ];
          return await ground.inside(source, "past_proxy", { targets }, sandbox);
        }),
    ),
};

const flood: Entry = {
  name: "more connections than the proxy allows",
  layer: "egress",
  control: NEEDS_OUTSIDE,
  attempt: async (ground) =>
    await open(ground, 80, async (sandbox) => {
      const finding = await ground.inside(source, "flood", {}, sandbox);
      const lives = (await (await ground.room()).runCode("6 * 7")).text === "42";
      return lives ? finding : { got: ["another sandbox no longer answers"], seen: "" };
    }),
};

const abstract: Entry = {
  name: "an abstract socket of the machine",
  layer: "network namespace",
  control: async (ground) =>
    await withAbstract(async (name) => await ground.outside(source, "abstract_socket", { abstract: name })),
  attempt: async (ground) =>
    await withAbstract(
      async (name) => await ground.inside(source, "abstract_socket", { abstract: name }, await ground.room()),
    ),
};

async function withAbstract<T>(work: (name: string) => Promise<T>): Promise<T> {
  const name = `sandpiper-prove-${process.pid}`;
  return await listeningOn(`\0${name}`, async () => await work(name));
}

/** Somebody of this machine listens there as long as the work lasts. */
async function listeningOn<T>(unix: string, work: () => Promise<T>): Promise<T> {
  const listener = Bun.listen({ unix, socket: { data: () => undefined } });
  try {
    return await work();
  } finally {
    listener.stop(true);
  }
}

const named: Entry = {
  name: "sockets with a name: the zygote's, Docker's, the prover's",
  layer: "mount namespace",
  control: async (ground) =>
    await withNamed(ground, async (path) => await ground.outside(source, "named_sockets", { sockets: [path] })),
  attempt: async (ground) =>
    await withNamed(
      ground,
      async (path) => await ground.inside(source, "named_sockets", { sockets: [path] }, await ground.room()),
    ),
};

async function withNamed<T>(ground: Ground, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(ground.folder, "canary.sock");
  return await listeningOn(path, async () => await work(path));
}

const LISTENED_PORT = 48_211;

async function listening<T>(
  ground: Ground,
  work: (given: { port: number; abstract: string }) => Promise<T>,
): Promise<T> {
  return await inRoomOfItsOwn(ground, async (sandbox) => {
    const given = { port: LISTENED_PORT, abstract: `room-${process.pid}` };
    await ground.inside(source, "listen", given, sandbox);
    const own = await ground.inside(source, "to_listener", given, sandbox);
    if (own.got.length !== 2) throw new Error("the room itself cannot reach what it listens on");
    return await work(given);
  });
}

const betweenRooms: Entry = {
  name: "what another sandbox listens on",
  layer: "network namespace",
  control: "the room itself reaches it",
  attempt: async (ground) =>
    await listening(ground, async (given) => await ground.inside(source, "to_listener", given, await ground.room())),
};

const fromMachine: Entry = {
  name: "a room that listens on the machine's ports",
  layer: "network namespace",
  control: "the room itself reaches it",
  attempt: async (ground) =>
    await listening(ground, async (given) => await ground.outside(source, "to_listener", given)),
};

const own: Entry = {
  name: "the server that the room belongs to",
  layer: "network namespace",
  control: async (ground) =>
    await ground.outside(source, "loopback", { urls: [`http://127.0.0.1:${ground.server.port}/sandboxes`] }),
  attempt: async (ground) => {
    const urls = ["127.0.0.1", "localhost", "[::1]"].map((host) => `http://${host}:${ground.server.port}/sandboxes`);
    return await ground.inside(source, "loopback", { urls }, await ground.room());
  },
};

const SERVERS = [
  ["8.8.8.8", 53],
  ["1.1.1.1", 53],
  ["169.254.169.253", 53],
];
const SPEAKS = "outside it would speak to others";

export const network = groupOf("network", [
  inRoom("interfaces and routes", "network namespace", "interfaces"),
  off,
  own,
  abstract,
  named,
  inRoom("servers of names", "network namespace", "names", () => ({ servers: SERVERS }), SPEAKS),
  inRoom("raw sockets", "seccomp", "raw"),
  inRoom("drivers behind socket()", "seccomp", "families"),
  inRoom("an interface of one's own", "no capabilities", "hypervisor"),
  inRoom("multicast and broadcast", "network namespace", "shouting", undefined, SPEAKS),
  betweenRooms,
  fromMachine,
  throughProxy("this machine's loopback by 40 names, through the proxy", (port) =>
    requestsFor("GET", hostsOf(hostname(), ownAddresses()), port),
  ),
  throughProxy("tunnels to the same 40", (port) => requestsFor("CONNECT", hostsOf(hostname(), ownAddresses()), port)),
  throughProxy("requests that say two things at once", TRICKS),
  past,
  flood,
]);
