// Ends of every kind: whoever dies, nothing of the room is left after two seconds, and the next one can be made.
import type { Sandbox } from "@e2b/code-interpreter";
import { groupOf, inRoomOfItsOwn, NotTried, type Attack } from "./attack.ts";
import type { Finding } from "./finding.ts";
import { lives } from "./bystander.ts";
import { familyOf, isGone, leftOf, sweepUp, type Family } from "./family.ts";
import type { Ground } from "./ground.ts";

type Entry = Omit<Attack, "group">;
const NO_CONTROL = "outside a program that was left behind lives on";

/** On a busy machine the bomb itself is in the way of what ends it. */
const LONG_MS = 5_000;

type Act = (family: Family, sandbox: Sandbox, ground: Ground) => Promise<void> | void;

/** Does it in the middle of a run. `survives`: the room itself goes on. */
const ending = (name: string, layer: string, act: Act, survives = false): Entry => ({
  name,
  layer,
  control: NO_CONTROL,
  attempt: async (ground) => {
    const sandbox = await ground.create();
    const family = await familyOf(sandbox);
    const running = sandbox.runCode("import time\ntime.sleep(30)", { timeoutMs: 40_000 }).then(
      ({ error }) => error?.name ?? "an answer",
      (error: unknown) => String(error).split("\n")[0]?.slice(0, 70) ?? "",
    );
    await Bun.sleep(200);
    await act(family, sandbox, ground);
    return await (survives ? stillThere(sandbox, running) : gone(ground, family, running, sandbox));
  },
});

async function gone(ground: Ground, family: Family, running: Promise<string>, sandbox: Sandbox): Promise<Finding> {
  const isEmpty = await isGone(family);
  const left = leftOf(family);
  const said = await Promise.race([running, Bun.sleep(5_000).then(() => "no answer")]);
  const got = [
    ...(isEmpty ? [] : [`${left.length} processes are left`]),
    ...(said === "no answer" ? ["whoever waited for the run waits for ever"] : []),
    ...((await lives(ground.server)) ? [] : ["no sandbox can be made any more"]),
  ];
  await sandbox.kill().catch(() => false);
  sweepUp(family);
  return { got, seen: `nothing is left; the run ended with ${said}` };
}

async function stillThere(sandbox: Sandbox, running: Promise<string>): Promise<Finding> {
  const said = await Promise.race([running, Bun.sleep(5_000).then(() => "no answer")]);
  const { text } = await sandbox.runCode("6 * 7", { timeoutMs: 10_000 }).catch(() => ({ text: "nothing" }));
  await sandbox.kill();
  return {
    got: [
      ...(text === "42" ? [] : [`the room answers ${text ?? "nothing"}`]),
      ...(said === "no answer" ? ["whoever waited for the run waits for ever"] : []),
    ],
    seen: `the run ended with ${said}; the room goes on`,
  };
}

const kill = (pid: number | null): void => {
  if (pid === null || pid <= 1) throw new NotTried("a room that starts Python inside has no such process");
  process.kill(pid, "SIGKILL");
};

/** Code that ends badly, and what is to be true then. */
const crash = (name: string, layer: string, code: string, survives: boolean): Entry => ({
  name,
  layer,
  control: NO_CONTROL,
  attempt: async (ground) => {
    const sandbox = await ground.create();
    const family = await familyOf(sandbox);
    const running = sandbox.runCode(code, { timeoutMs: 3_000 }).then(
      ({ error }) => error?.name ?? "an answer",
      (error: unknown) => String(error).split("\n")[0]?.slice(0, 70) ?? "",
    );
    if (survives) return await stillThere(sandbox, running);
    await Promise.race([running, Bun.sleep(4_000)]);
    await sandbox.kill();
    return await gone(ground, family, running, sandbox);
  },
});

/** The server itself dies; it has a server of its own for that. */
const serverEnds = (name: string, layer: string, signal: NodeJS.Signals): Entry => ({
  name,
  layer,
  control: NO_CONTROL,
  attempt: async (ground) => {
    const server = await ground.another();
    let family: Family | null = null;
    try {
      const sandbox = await server.create();
      family = await familyOf(sandbox);
      const bomb = sandbox
        .runCode("import os, time\nfor _ in range(60):\n    if os.fork() == 0: time.sleep(60)\ntime.sleep(60)")
        .catch(() => null);
      await Bun.sleep(300);
      server.kill(signal);
      await server.exited;
      const isEmpty = await isGone(family);
      const isZygoteGone = family.zygote === null || (await isGone({ ...family, joiner: family.zygote }));
      await bomb;
      const left = [
        ...(isEmpty ? [] : [`${leftOf(family).length} processes are left`]),
        ...(isZygoteGone ? [] : ["the zygote is left"]),
      ];
      await using next = await ground.another();
      return {
        got: [...left, ...((await lives(next)) ? [] : ["the next server makes no sandbox"])],
        seen: "nothing is left, and the next server works",
      };
    } finally {
      server.kill("SIGKILL");
      if (family !== null) sweepUp(family);
    }
  },
});

/** Killed from outside while it multiplies; it must be over quickly. */
async function killedBomb(ground: Ground): Promise<Finding> {
  const sandbox = await ground.create();
  const family = await familyOf(sandbox);
  const bomb = sandbox
    .runCode("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", { timeoutMs: 30_000 })
    .catch(() => null);
  await Bun.sleep(700);
  const before = performance.now();
  await sandbox.kill();
  const killMs = performance.now() - before;
  await bomb;
  const got = [
    ...((await isGone(family)) ? [] : ["processes are left"]),
    ...(killMs > LONG_MS ? [`it took ${Math.round(killMs)} ms`] : []),
  ];
  return { got, seen: "nothing is left" };
}

/** Its time is over while its agent is stopped and cannot say goodbye. */
async function overtime(ground: Ground): Promise<Finding> {
  const sandbox = await ground.create();
  const family = await familyOf(sandbox);
  process.kill(family.agent, "SIGSTOP");
  await sandbox.setTimeout(500);
  await Bun.sleep(700);
  const isEmpty = await isGone(family);
  sweepUp(family);
  return { got: isEmpty ? [] : ["processes are left"], seen: "nothing is left" };
}

/** The zygote dies while rooms that came from it are at work: they go on, and the next one is made. */
async function zygoteDies(ground: Ground): Promise<Finding> {
  return await inRoomOfItsOwn(ground, async (sandbox) => {
    const { zygote } = await familyOf(sandbox);
    kill(zygote);
    const own = (await sandbox.runCode("6 * 7")).text === "42";
    let next = true;
    // The first ones may have been ready before.
    for (let turn = 0; turn < 5 && next; turn += 1) next = await lives(ground.server);
    return {
      got: [...(own ? [] : ["its rooms died with it"]), ...(next ? [] : ["no sandbox can be made any more"])],
      seen: "its rooms go on, and the next one is made",
    };
  });
}

export const life = groupOf("life", [
  ending("the agent is killed", "process 1 and its keeper", ({ agent }) => kill(agent)),
  ending("the kernel is killed", "agent", ({ kernel }) => kill(kernel), true),
  ending("process 1 of the room is killed", "pid namespace", ({ init }) => kill(init)),
  ending("bubblewrap is killed", "die-with-parent", ({ bwrap }) => kill(bwrap)),
  ending("the joiner is killed", "die-with-parent", ({ joiner }) => kill(joiner)),
  { name: "the zygote is killed", layer: "fallback", control: NO_CONTROL, attempt: zygoteDies },
  ending("the agent is stopped, and the room killed", "pid namespace", async ({ agent }, sandbox) => {
    process.kill(agent, "SIGSTOP");
    await sandbox.kill();
  }),
  { name: "its time is over while the agent is stopped", layer: "host timer", control: NO_CONTROL, attempt: overtime },
  serverEnds("the server is killed (SIGKILL)", "die-with-parent", "SIGKILL"),
  serverEnds("the server is told to end (SIGTERM)", "pid namespace", "SIGTERM"),
  { name: "a fork bomb is killed from outside", layer: "pid namespace", control: NO_CONTROL, attempt: killedBomb },
  crash(
    "a room that kills all it can reach",
    "pid namespace",
    "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)",
    false,
  ),
  crash("a crash of Python", "agent", "import ctypes\nctypes.string_at(0)", true),
  crash(
    "an endless loop that does not want to be interrupted",
    "host timer",
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
    true,
  ),
  crash("a kernel that stops itself", "host timer", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", true),
]);
