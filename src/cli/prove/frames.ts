// Lies on the wire: of a kernel to its agent, and of an agent that was taken over to the server. Only the liar's room may suffer.
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox } from "@e2b/code-interpreter";
import { groupOf, inRoomOfItsOwn, type Attack } from "./attack.ts";
import { until } from "./family.ts";
import type { Finding } from "./finding.ts";
import { watched } from "./bystander.ts";
import type { Ground } from "./ground.ts";
import kernelSource from "./kernel_lies.py" with { type: "text" };
import liar from "./liar.py" with { type: "text" };
import type { ProvedServer } from "./server.ts";

type Entry = Omit<Attack, "group">;
const NO_CONTROL = "outside there are no frames";
const LIE_MS = 12_000;
/** The lie may come after an answer that was believed. */
const END_MS = 3_000;

/** A copy of the project whose agents lie when they are asked about /lie/…; one for all lies of a run. */
const liars = new WeakMap<Ground, Promise<ProvedServer>>();

async function liarsServer(ground: Ground): Promise<ProvedServer> {
  const known = liars.get(ground);
  if (known !== undefined) return await known;
  const started = startLiars(ground);
  liars.set(ground, started);
  return await started;
}

/** Ends the server of the lying agents, where there is one. */
export async function endLiars(ground: Ground): Promise<void> {
  const server = await liars.get(ground)?.catch(() => null);
  await server?.[Symbol.asyncDispose]();
}

async function startLiars(ground: Ground): Promise<ProvedServer> {
  const { root } = ground.config;
  const copy = join(ground.folder, "liars");
  mkdirSync(join(copy, ".tools"), { recursive: true });
  cpSync(join(root, "src"), join(copy, "src"), { recursive: true });
  for (const name of ["package.json", "tsconfig.json", "bunfig.toml"]) cpSync(join(root, name), join(copy, name));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const setup = join(root, ".tools/setup.json");
  if (existsSync(setup)) cpSync(setup, join(copy, ".tools/setup.json"));
  const guest = join(copy, "src/sandboxd/guest/files.py");
  writeFileSync(guest, `${readFileSync(guest, "utf8")}\n\n${liar}`);
  return await ground.another(copy);
}

/** `mustEnd`: after this lie the room is not to be believed any more. */
const lie = (name: string, word: string, mustEnd: boolean): Entry => ({
  name: `an agent that ${name}`,
  layer: "host parser",
  control: NO_CONTROL,
  attempt: async (ground) => {
    const server = await liarsServer(ground);
    return await watched(ground, async () => await told(server, word, mustEnd), server);
  },
});

async function told(server: ProvedServer, word: string, mustEnd: boolean): Promise<Finding> {
  const sandbox = await server.create();
  const asked = sandbox.files.getInfo(`/lie/${word}`, { requestTimeoutMs: LIE_MS }).then(
    (info) => `it was believed: ${JSON.stringify(info).slice(0, 80)}`,
    (error: unknown) => `“${String(error).split("\n")[0]?.slice(0, 80) ?? ""}”`,
  );
  const said = await Promise.race([asked, Bun.sleep(LIE_MS).then(() => "no answer")]);
  const isRunning = async (): Promise<boolean> =>
    await sandbox.isRunning({ requestTimeoutMs: 3_000 }).catch(() => false);
  const ended = until(async () => !(await isRunning()), mustEnd ? END_MS : 0);
  const isAlive = await ended.then(
    () => false,
    () => true,
  );
  const before = performance.now();
  await sandbox.kill({ requestTimeoutMs: 10_000 });
  const killMs = performance.now() - before;
  const got = [
    ...(mustEnd && isAlive ? ["its room lives on"] : []),
    ...(killMs > 5_000 ? ["its room could hardly be killed"] : []),
  ];
  return { got, seen: `${said}; ${isAlive ? "its room was killed" : "its room ended"}` };
}

const kernelLie = (name: string, act: string, judge: (sandbox: Sandbox, said: string) => Promise<string[]>): Entry => ({
  name: `a kernel that ${name}`,
  layer: "agent's bounds",
  control: NO_CONTROL,
  attempt: async (ground) =>
    await watched(
      ground,
      async () =>
        await inRoomOfItsOwn(ground, async (sandbox) => {
          const code = ground.script(kernelSource, act, {});
          const said = await sandbox.runCode(code, { timeoutMs: LIE_MS, requestTimeoutMs: LIE_MS }).then(
            ({ error, logs, results }) =>
              error?.name ?? `${logs.stdout.join("").length} characters, ${results.length} results`,
            (error: unknown) => String(error).split("\n")[0]?.slice(0, 80) ?? "",
          );
          return { got: await judge(sandbox, said), seen: said };
        }),
    ),
});

const harmless = async (): Promise<string[]> => [];

/** The next cell gets its own output and nothing of what came late. */
async function unmixed(sandbox: Sandbox): Promise<string[]> {
  await Bun.sleep(1_200);
  const next = await sandbox.runCode("print('mine')\n6 * 7", { timeoutMs: 8_000 }).catch(() => null);
  // The kernel may have been ended for it; it may not answer for another.
  if (next === null || next.error !== undefined) return [];
  return next.text === "42" || next.logs.stdout.join("").includes("mine") || next.logs.stdout.length === 0
    ? []
    : ["the next cell answered with something else"];
}

export const frames = groupOf("frames", [
  lie("talks gibberish", "garbage", true),
  lie("announces a header of 4 GiB", "long_header", true),
  lie("announces a body of 4 GiB", "long_body", true),
  lie("answers what was never asked", "wrong_id", true),
  lie("answers twice", "twice", true),
  lie("answers a question that has no number", "odd_id", true),
  lie("tells of an event that does not exist", "unknown_event", true),
  lie("tells of an event where none is expected", "unasked_event", true),
  lie("never stops telling", "endless_events", false),
  lie("sends empty frames without end", "endless_empty", true),
  lie("answers in 30,000 brackets", "deep", false),
  lie("answers with values of other kinds", "wrong_value", false),
  lie("answers with a prototype", "prototype", false),
  lie("stops in the middle of a frame", "half", false),
  lie("opens 2,000 connections of its own", "egress", false),
  lie("refuses in 60,000 letters", "long_message", true),
  lie("does not listen any more", "deaf", false),
  kernelLie("talks gibberish", "garbage", harmless),
  kernelLie("shows a result that is none", "false_result", harmless),
  kernelLie("sends one result without end", "endless_part", harmless),
  kernelLie("says that it has finished, and goes on", "early_end", unmixed),
  kernelLie("sends descriptors along", "descriptors_along", harmless),
  kernelLie("shouts from eight processes", "agent_flooded", harmless),
  kernelLie("writes frames for the server on every descriptor", "forged_frames", unmixed),
]);
