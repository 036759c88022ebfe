// Can this machine make a sealed room? Asked by set-up and doctor: one line of JSON, naming the layer that is missing.
import { parseArgs } from "node:util";
import { realpathSync } from "node:fs";
import { z } from "zod";
import { ROOT } from "../shared/config.ts";
import { AppError, toAppError } from "../shared/errors.ts";
import { openInterpreter } from "./interpreter/interpreter.ts";
import { checkMounts, findPlace, sandboxdCommand } from "./launch.ts";
import { explain, LAYERS, type Layer, type Trouble } from "./probe_troubles.ts";
import { hostLayout } from "./room/host.ts";
import { openRoom } from "./room/room.ts";
import { findTools, type Tools } from "./tools.ts";

const Report = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), versions: z.record(z.string(), z.string()) }),
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

/** Makes a real room, and imports `modules` in it, unless null. Never throws for what the machine lacks. */
export async function probe(tools: Tools, modules: readonly string[] | null): Promise<ProbeReport> {
  const trouble = (await tryVersion(tools.bwrap)) ?? (await trySteps(tools.bwrap));
  if (trouble !== null) return { ok: false, ...trouble };
  if (modules === null) return { ok: true, versions: {} };
  return await tryRoom(tools, modules);
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
  return null;
}

/** Data to Python, never code: a module's name may come from a package. */
const importing = (modules: readonly string[]): string => `
import importlib, json
found = [importlib.import_module(name) for name in json.loads(${JSON.stringify(JSON.stringify(modules))})]
print(json.dumps({m.__name__: str(getattr(m, "__version__", "")) for m in found}))`;

async function tryRoom(tools: Tools, modules: readonly string[]): Promise<ProbeReport> {
  try {
    await using room = await openRoom(tools, PROBE_MEMORY_BYTES);
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
      versions: { python: room.python, ...Object.fromEntries(named.map(([name, version]) => [name, String(version)])) },
    };
  } catch (error) {
    const { code, message, detail } = toAppError(error);
    if (code === "unavailable")
      return { ok: false, ...explain(/exec/.test(detail ?? "") ? "python" : "room", detail ?? message) };
    return { ok: false, ...explain("packages", code === "code" ? message : String(error)) };
  }
}

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

async function run(command: readonly string[]): Promise<Outcome> {
  try {
    const child = Bun.spawn([...command], { cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
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

/** As root the probe gives root up in the same way as the server does, and asks again from there. */
async function probeWithoutRoot(tools: Tools, modules: readonly string[] | null): Promise<ProbeReport> {
  const place = findPlace(ROOT);
  try {
    await checkMounts(place);
  } catch (error) {
    return { ok: false, ...explain("mount", toAppError(error).detail ?? "") };
  }
  const launch = sandboxdCommand({
    uid: 0,
    bun: realpathSync(process.execPath),
    root: ROOT,
    tools,
    place,
    program: ["src/sandboxd/probe.ts", ...flagsOf(tools, modules), "--staged"],
  });
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

function flagsOf(tools: Tools, modules: readonly string[] | null): string[] {
  return modules === null
    ? []
    : ["--python", tools.python.executable, ...modules.flatMap((name) => ["--import", name])];
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
  } as const;
  const { values } = parseArgs({ args: Bun.argv.slice(2), options });
  const found = findTools({ root: ROOT, bwrap: values.bwrap ?? "", python: values.python ?? "" });
  // Once root is given up, set-up's file says where the things are now.
  const modules = values.python === undefined ? null : (values.import ?? MODULES);
  if (values.staged === true) return await probe(findTools({ root: ROOT, bwrap: "", python: "" }), modules);
  const python = {
    ...found.python,
    ...(values.site && { site: values.site }),
    ...(values.base && { base: values.base }),
  };
  const tools = { bwrap: found.bwrap, python };
  return process.getuid?.() === 0 ? await probeWithoutRoot(tools, modules) : await probe(tools, modules);
}

if (import.meta.main) {
  const report = await main();
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(report.ok ? 0 : 1);
}
