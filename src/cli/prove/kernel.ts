// The kernel itself: all its calls by number, and those that matter as they are meant to be called.
import { z } from "zod";
import { groupOf, scripted, type Control } from "./attack.ts";
import type { Finding } from "./finding.ts";
import attempts from "./attempts.py" with { type: "text" };
import type { Ground } from "./ground.ts";
import source from "./kernel.py" with { type: "text" };
import { ARGUMENTS, FOREIGN, KILLED, NUMBERS, wrongBy32Bits, type Sweep } from "./sweep.ts";

const inRoom = scripted(source);
const Found = z.object({ found: z.array(z.number()), by32Bits: z.number() });

const OUTSIDE_NONE = "outside no filter lies around it";
const HARMFUL = "outside it would change the machine";

async function swept(ground: Ground, { attempts: list, wrong }: Sweep): Promise<Finding & { by32Bits: number }> {
  const wanted = JSON.stringify(list.map(([number, args]) => [number, args.map(String)]));
  const sandbox = await ground.room();
  const { logs, error } = await sandbox.runCode(`${attempts}\nmain(${wanted})`, { timeoutMs: 50_000 });
  if (error !== undefined) throw new Error(error.traceback);
  const { found, by32Bits } = Found.parse(JSON.parse(logs.stdout.join("")));
  if (found.length !== list.length) throw new Error(`${found.length} of ${list.length} calls were answered`);
  return { got: wrong(found), seen: `${found.length} calls answered as expected`, by32Bits };
}

async function foreign(ground: Ground): Promise<Finding> {
  const { got, by32Bits } = await swept(ground, FOREIGN);
  const ended = by32Bits === KILLED ? "each ended its process" : "32-bit programs do not run here";
  return { got: [...got, ...wrongBy32Bits(by32Bits)], seen: ended };
}

const calling = (name: string, sweep: Sweep, control: Control) => ({
  name,
  layer: "seccomp",
  control,
  attempt: async (ground: Ground) => await swept(ground, sweep),
});

export const kernel = groupOf("kernel", [
  calling("every system call by its number", NUMBERS, OUTSIDE_NONE),
  calling("system calls whose arguments decide", ARGUMENTS, OUTSIDE_NONE),
  { name: "the calls of 32-bit programs and of x32", layer: "seccomp", control: OUTSIDE_NONE, attempt: foreign },
  inRoom("namespaces of one's own, by every door", "seccomp", "new_namespaces"),
  inRoom("a program started anew, in the hope that it is free", "seccomp", "fresh_program"),
  inRoom("entering the namespaces of others", "seccomp", "join_namespaces"),
  inRoom("mounting and unmounting", "seccomp", "mounts"),
  inRoom("mounting by the newer calls", "seccomp", "new_mounts"),
  inRoom("io_uring, which does calls that no filter sees", "seccomp", "rings"),
  inRoom("userfaultfd, which makes races easy", "seccomp", "page_faults"),
  inRoom("eBPF", "seccomp", "programs"),
  inRoom("performance counters", "seccomp", "counters"),
  inRoom("the kernel's keys", "seccomp", "keys"),
  inRoom("System V's and POSIX's shared things", "seccomp", "shared_by_number"),
  inRoom("tables of the processor", "seccomp", "tables"),
  inRoom("old personalities", "seccomp", "old_personalities"),
  inRoom("loading a module", "seccomp", "modules", undefined, HARMFUL),
  inRoom("the kernel's log", "seccomp", "log"),
  inRoom("a laxer filter on top of the filter", "seccomp", "laxer_filter"),
  inRoom("observing another process", "seccomp", "madvised"),
]);
