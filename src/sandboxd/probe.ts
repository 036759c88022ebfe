// Can this machine make a sealed room? Asked by set-up and doctor: one line of JSON, naming the layer that is missing.
import { parseArgs } from "node:util";
import { z } from "zod";
import { readEnvironment, ROOT } from "../shared/config.ts";
import { AppError, toAppError } from "../shared/errors.ts";
import { createLog } from "../shared/log.ts";
import { pause } from "../shared/stop.ts";
import { Cgroups } from "./cgroups.ts";
import { openInterpreter } from "./interpreter/interpreter.ts";
import { inScope, inYard, optionsFor, troubleWithYard } from "./launch.ts";
import { explain, LAYERS, type Layer, type Trouble } from "./probe_troubles.ts";
import { deliver } from "./room/descriptor.ts";
import { hostLayout } from "./room/host.ts";
import { openRoom } from "./room/room.ts";
import { isYard, Zygote } from "./room/zygote.ts";
import { LIMITS, ROOM_LIMITS } from "./limits.ts";
import { architectureOf, seccompFilter } from "./room/seccomp.ts";
import { findTools, type Tools } from "./tools.ts";

const Report = z.discriminatedUnion("ok", [
  z.object({
    ok: z.literal(true),
    versions: z.record(z.string(), z.string()),
    /** Whether rooms are forked from a Python that is ready; null: that was not asked. */
    forks: z.boolean().nullable(),
    /** Whether the kernel counts the memory of a room as a whole; null: that was not asked. */
    counts: z.boolean().nullable(),
  }),
  z.object({ ok: z.literal(false), layer: z.enum(LAYERS), message: z.string(), fix: z.string() }),
]);
export type ProbeReport = z.infer<typeof Report>;

const MODULES = ["pandas", "numpy", "matplotlib", "matplotlib.pyplot"];
const PROBE_MEMORY_BYTES = 2 ** 31;

/** Each step adds one kind of isolation to those before it, so that the first failure names what is missing. */
const STEPS: readonly { readonly layer: Layer; readonly flags: readonly string[] }[] = [
  { layer: "user-namespaces", flags: ["--unshare-user"] },
  { layer: "pid", flags: ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--dev", "/dev"] },
  { layer: "net", flags: ["--unshare-all"] },
  { layer: "proc", flags: ["--proc", "/proc"] },
  { layer: "nested-namespaces", flags: ["--disable-userns"] },
];

/** Makes a real room, and imports modules in it. Never throws for what the machine lacks. */
export async function probe(tools: Tools, { modules, asksForks }: Wanted): Promise<ProbeReport> {
  const trouble = (await tryVersion(tools.bwrap)) ?? (await trySteps(tools.bwrap));
  if (trouble !== null) return { ok: false, ...trouble };
  if (modules === null) return { ok: true, versions: {}, forks: null, counts: null };
  const report = await tryRoom(tools, modules);
  return report.ok && asksForks ? { ...report, forks: await tryFork(tools) } : report;
}

type Wanted = {
  /** Null: no Python is started. */
  readonly modules: readonly string[] | null;
  readonly asksForks: boolean;
};

/** The fast way to a room, once. */
async function tryFork(tools: Tools): Promise<boolean> {
  if (!isYard()) return false;
  const zygote = await Zygote.start(
    tools,
    createLog("probe", "error", () => undefined),
  );
  try {
    await Promise.race([zygote.ready, pause(LIMITS.startMs, new AbortController().signal)]);
    await using room = await zygote.openRoom(PROBE_MEMORY_BYTES);
    return room.python !== "";
  } catch {
    return false;
  } finally {
    zygote.stop();
  }
}

async function tryVersion(bwrap: string): Promise<Trouble | null> {
  const { code, stderr, stdout } = await run([bwrap, "--version"]);
  const [major, minor] = (/(\d+)\.(\d+)/.exec(stdout)?.slice(1) ?? []).map(Number);
  if (code !== 0 || major === undefined || minor === undefined) return explain("bubblewrap", stderr);
  return major === 0 && minor < 8 ? explain("bubblewrap-version", `${major}.${minor}`) : null;
}

async function trySteps(bwrap: string): Promise<Trouble | null> {
  const links = Object.entries(hostLayout().links).flatMap(([name, target]) =>
    target === null ? ["--ro-bind", `/${name}`, `/${name}`] : ["--symlink", target, `/${name}`],
  );
  const flags = ["--ro-bind", "/usr", "/usr", ...links];
  for (const step of STEPS) {
    flags.push(...step.flags);
    const { code, stderr } = await run([bwrap, ...flags, "/usr/bin/env", "true"]);
    if (code !== 0) return explain(step.layer, stderr);
  }
  return await tryFilter([bwrap, ...flags]);
}

async function tryFilter(command: readonly string[]): Promise<Trouble | null> {
  try {
    const filter = seccompFilter("code", architectureOf(process.arch));
    const { code, stderr } = await run([...command, "--seccomp", "3", "/usr/bin/env", "true"], filter);
    return code === 0 ? null : explain("seccomp", stderr);
  } catch (error) {
    return explain("seccomp", toAppError(error).message);
  }
}

/** Data to Python, never code: a module's name may come from a package. */
const importing = (modules: readonly string[]): string => `
import importlib, json
found = [importlib.import_module(name) for name in json.loads(${JSON.stringify(JSON.stringify(modules))})]
print(json.dumps({m.__name__: str(getattr(m, "__version__", "")) for m in found}))`;

async function tryRoom(tools: Tools, modules: readonly string[]): Promise<ProbeReport> {
  const cgroups = Cgroups.find(readEnvironment()["SANDPIPER_CGROUP"] ?? "");
  const cgroup = cgroups?.create(PROBE_MEMORY_BYTES, ROOM_LIMITS.code.processes) ?? null;
  try {
    await using room = await openRoom(tools, PROBE_MEMORY_BYTES, cgroup);
    const interpreter = await openInterpreter(room.channel);
    const lines: string[] = [];
    await interpreter.run({
      contextId: interpreter.contexts()[0]?.id ?? "",
      code: importing(modules),
      environment: {},
      signal: AbortSignal.timeout(60_000),
      emit: (line) => {
        if (line.type === "error") throw new AppError("code", `${String(line["name"])}: ${String(line["value"])}`);
        if (line.type === "stdout") lines.push(String(line["text"]));
      },
    });
    const found: unknown = JSON.parse(lines.join(""));
    const all = typeof found === "object" && found !== null ? Object.entries(found) : [];
    const named = all.filter(([, version]) => version !== "");
    return {
      ok: true,
      forks: null,
      counts: cgroup !== null,
      versions: { python: room.python, ...Object.fromEntries(named.map(([name, version]) => [name, String(version)])) },
    };
  } catch (error) {
    const { code, message, detail } = toAppError(error);
    if (code === "unavailable") return { ok: false, ...explain(layerOf(detail ?? ""), detail ?? message) };
    return { ok: false, ...explain("packages", code === "code" ? message : String(error)) };
  } finally {
    await cgroup?.remove();
  }
}

function layerOf(complaint: string): Layer {
  if (/seccomp/i.test(complaint)) return "seccomp";
  return /exec/.test(complaint) ? "python" : "room";
}

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** `given` is what the program finds on descriptor 3. */
async function run(command: readonly string[], given?: Uint8Array): Promise<Outcome> {
  try {
    const child = Bun.spawn([...command], {
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe", given === undefined ? "ignore" : "pipe"],
    });
    const fd: unknown = child.stdio[3];
    if (given !== undefined && typeof fd === "number") deliver(fd, given);
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code, stdout, stderr };
  } catch (error) {
    return { code: -1, stdout: "", stderr: error instanceof Error ? error.message : String(error) };
  }
}

/** The probe goes where the server will be, in the same way, and asks again from there. */
async function probeInPlace(tools: Tools, wanted: Wanted): Promise<ProbeReport> {
  const options = optionsFor(ROOT, tools);
  const trouble = await troubleWithYard(options);
  if (trouble !== null && options.uid === 0) return { ok: false, ...explain("mount", trouble) };
  const staged =
    trouble === null
      ? inYard(options, ["src/sandboxd/probe.ts", ...flagsOf(wanted), "--staged"])
      : { argv: [options.bun, Bun.main, ...Bun.argv.slice(2), "--staged"], env: {} };
  const launch = inScope(staged, options.uid);
  const { stdout, stderr } = await run([
    "env",
    ...Object.entries(launch.env).map((pair) => pair.join("=")),
    ...launch.argv,
  ]);
  try {
    return Report.parse(JSON.parse(stdout));
  } catch {
    return { ok: false, ...explain("mount", stderr) };
  }
}

function flagsOf({ modules, asksForks }: Wanted): string[] {
  const forks = asksForks ? ["--forks"] : [];
  return modules === null
    ? []
    : ["--python", "as set-up says", ...modules.flatMap((name) => ["--import", name]), ...forks];
}

async function main(): Promise<ProbeReport> {
  const text = { type: "string" } as const;
  const options = {
    bwrap: text,
    python: text,
    site: text,
    base: text,
    import: { type: "string", multiple: true },
    staged: { type: "boolean" },
    forks: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ args: Bun.argv.slice(2), options });
  const found = findTools({ root: ROOT, bwrap: values.bwrap ?? "", python: values.python ?? "" });
  const modules = values.python === undefined ? null : (values.import ?? MODULES);
  const wanted = { modules, asksForks: values.forks };
  // In the yard, set-up's file says where the things are now.
  if (isYard()) return await probe(findTools({ root: ROOT, bwrap: "", python: "" }), wanted);
  const python = {
    ...found.python,
    ...(values.site && { site: values.site }),
    ...(values.base && { base: values.base }),
  };
  const tools = { bwrap: found.bwrap, python };
  return values.staged === true ? await probe(tools, wanted) : await probeInPlace(tools, wanted);
}

if (import.meta.main) {
  const report = await main();
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(report.ok ? 0 : 1);
}
