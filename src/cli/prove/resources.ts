// Bombs: whatever can be used up is used up, in a room of its own; the others and the server must not notice.
import { freemem } from "node:os";
import { groupOf, inRoomOfItsOwn, isMistake, NotTried, scripted, type Attack } from "./attack.ts";
import type { Finding } from "./finding.ts";
import { lives, watched } from "./bystander.ts";
import type { Given, Ground } from "./ground.ts";
import memory from "./memory.py" with { type: "text" };
import counted from "./resources.py" with { type: "text" };
import { MEMORY_MIB } from "./server.ts";

const source = `${memory}\n${counted}`;
const inRoom = scripted(source);
type Entry = Omit<Attack, "group">;

const BOMB_MS = 25_000;
/** What a bomb wants; this machine must have it to spare. */
const WANTED_MIB = 3 * MEMORY_MIB;
const SPARE_BYTES = 2 * WANTED_MIB * 2 ** 20;

type Blast = { readonly most: number; readonly isKept: boolean; readonly end: string };

/** Runs it until it ends or is ended. */
async function blast(ground: Ground, act: string, given: Given, template?: string): Promise<Blast> {
  if (freemem() < SPARE_BYTES) throw new NotTried("this machine has too little memory to spare");
  return await inRoomOfItsOwn(
    ground,
    async (sandbox) => {
      let said = "";
      const code = ground.script(source, act, { folder: "/tmp", outside: false, ...given });
      const limits = { timeoutMs: BOMB_MS, requestTimeoutMs: BOMB_MS };
      const end = await sandbox.runCode(code, { ...limits, onStdout: (line) => void (said += line.line) }).then(
        ({ error }) => {
          if (error === undefined) return "it ended by itself";
          if (isMistake(error.name)) throw new Error(error.traceback);
          return `${error.name}: ${error.value.slice(0, 60)}`;
        },
        (error: unknown) => String(error).split("\n")[0]?.slice(0, 60) ?? "",
      );
      const counts = said.split("\u0001").map(Number).filter(Number.isInteger);
      return { most: Math.max(0, ...counts), isKept: said.includes("\u0001kept\u0001"), end };
    },
    template,
  );
}

type Bomb = {
  readonly name: string;
  readonly layer: string;
  readonly act: string;
  readonly given: Given;
  readonly unit: string;
  /** So much may be had and kept. */
  readonly allowed?: number;
  readonly control?: string;
  readonly template?: string;
};

const bomb = ({ name, layer, act, given, unit, allowed, control, template }: Bomb): Entry => ({
  name,
  layer,
  control: control ?? (async (ground) => await ground.outside(source, act, { ...given, ...SMALL })),
  attempt: async (ground) =>
    await watched(ground, async () => {
      const { most, isKept, end } = await blast(ground, act, given, template);
      const isTooMuch = allowed === undefined ? isKept : most > allowed;
      const seen = `${most} ${unit}, then: ${end}`;
      return { got: isTooMuch ? [`${most} ${unit}${isKept ? ", and kept them" : ""}`] : [], seen };
    }),
});

/** Outside the same is done in a size that hurts nobody. */
const SMALL = { mib: 64, files: 20_000, wait: 0 };
const MEMORY = { given: { mib: WANTED_MIB }, unit: "MiB" };
const TOO_LARGE = "outside it would fill the machine";

/** Home, /tmp, /dev/shm, the top level, and what is sealed. */
const DISKS_MIB = 512 + 256 + 64 + 64 + 16;

/** While every process of a room is busy, another one is made and answers. */
async function crowd(ground: Ground): Promise<Finding> {
  return await inRoomOfItsOwn(ground, async (busy) => {
    const code = ground.script(source, "processors", { folder: "/tmp", outside: false });
    const running = busy.runCode(code, { timeoutMs: 12_000 }).catch(() => null);
    await Bun.sleep(1_500);
    const before = performance.now();
    const isAnswered = await lives(ground.server);
    const answerMs = Math.round(performance.now() - before);
    await running;
    return {
      got: isAnswered ? [] : ["no other sandbox answers"],
      seen: `another sandbox answered after ${answerMs} ms`,
    };
  });
}

async function starve(ground: Ground): Promise<Finding> {
  return await watched(ground, async () => {
    return await inRoomOfItsOwn(ground, async (hungry) => {
      const code = ground.script(source, "watches", { folder: "/tmp", outside: false });
      const other = await ground.room();
      const isFull = Promise.withResolvers<void>();
      const eating = hungry.runCode(code, { timeoutMs: 12_000, onStdout: () => isFull.resolve() }).catch(() => null);
      await Promise.race([isFull.promise, eating]);
      const finding = await ground.inside(source, "one_watch", {}, other);
      await eating;
      return finding;
    });
  });
}

export const resources = groupOf("resources", [
  bomb({ ...MEMORY, name: "memory of one's own", layer: "rlimit", act: "anonymous" }),
  bomb({ ...MEMORY, name: "memory that is shared", layer: "watchdog", act: "shared" }),
  bomb({ ...MEMORY, name: "memory that is mapped nowhere (memfd)", layer: "seccomp", act: "memfd" }),
  bomb({
    ...MEMORY,
    name: "memory that is mapped nowhere (memfd), in a browser's sandbox",
    layer: "watchdog",
    act: "memfd",
    template: "browser",
  }),
  bomb({ ...MEMORY, name: "memory of many processes", layer: "watchdog", act: "many", control: TOO_LARGE }),
  bomb({ ...MEMORY, name: "shared memory that no process has before it", layer: "watchdog", act: "unmapped" }),
  bomb({
    ...MEMORY,
    name: "memory handed from process to process",
    layer: "watchdog",
    act: "hare",
    control: TOO_LARGE,
  }),
  bomb({
    name: "disk: every place that can be written",
    layer: "tmpfs size",
    act: "disks",
    given: { mib: 2_048 },
    unit: "MiB",
    allowed: DISKS_MIB,
    control: TOO_LARGE,
  }),
  bomb({ name: "page tables", layer: "watchdog", act: "page_tables", given: { mib: 2 * MEMORY_MIB }, unit: "MiB" }),
  bomb({
    name: "what was sent and is not read (sockets)",
    layer: "watchdog",
    act: "socket_buffers",
    given: { mib: 2 * MEMORY_MIB },
    unit: "MiB",
  }),
  bomb({
    name: "what was sent and is not read (pipes)",
    layer: "kernel's pipe quota",
    act: "pipes",
    given: { mib: MEMORY_MIB },
    unit: "MiB",
    control: TOO_LARGE,
  }),
  bomb({
    name: "half a million empty files",
    layer: "watchdog",
    act: "inodes",
    given: { files: 500_000 },
    unit: "files",
  }),
  inRoom("memory that cannot be swapped", "rlimit", "locked"),
  inRoom("threads", "rlimit", "threads"),
  inRoom("processes", "rlimit", "forks", undefined, TOO_LARGE),
  inRoom("open files", "rlimit", "descriptors"),
  inRoom("a sparse file of a tebibyte", "rlimit", "sparse"),
  inRoom(
    "a crash that leaves its memory on the disk",
    "rlimit",
    "dumps",
    undefined,
    "outside it depends on the machine",
  ),
  { name: "all processors at once", layer: "scheduler", control: TOO_LARGE, attempt: crowd },
  { name: "the machine's share of file watches", layer: "namespace quota", control: TOO_LARGE, attempt: starve },
]);
