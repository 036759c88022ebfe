// The Pythons that rendered programs are tried with, and one way to run a program in an empty folder.
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";

export type Python = { readonly name: string; readonly executable: string; readonly siteDir: string };

export type Run = { readonly stdout: string; readonly stderr: string; readonly exitCode: number };

const ROOT = resolve(import.meta.dir, "../..");
const PROBE = "import sys, pandas, matplotlib; print(pandas.__version__)";

/** `SANDPIPER_TEST_PYTHONS` (`executable` or `executable=folder of packages`, parted by colons), else the first that has pandas. */
export function pythons(): readonly Python[] {
  const named = (process.env["SANDPIPER_TEST_PYTHONS"] ?? "").split(":").filter((entry) => entry !== "");
  const candidates =
    named.length > 0
      ? named
      : [...fromSetup(), "/usr/bin/python3", "/usr/local/bin/python3", Bun.which("python3") ?? ""];
  const found = candidates.filter((entry) => entry !== "").flatMap((entry) => probe(entry));
  if (found.length === 0 || (named.length > 0 && found.length < named.length)) {
    throw new Error(
      `No usable Python among ${candidates.join(", ")}: it needs pandas and matplotlib. ` +
        "Set SANDPIPER_TEST_PYTHONS to one (executable or executable=folder of packages, several parted by colons).",
    );
  }
  return named.length > 0 ? found : found.slice(0, 1);
}

const Setup = z.object({ python: z.object({ executable: z.string(), site: z.string().nullable() }) });

function fromSetup(): readonly string[] {
  const file = join(ROOT, ".tools/setup.json");
  const setup = existsSync(file) ? Setup.safeParse(JSON.parse(readFileSync(file, "utf8"))) : null;
  if (setup?.success !== true) return [];
  const { executable, site } = setup.data.python;
  return [site === null ? executable : `${executable}=${site}`];
}

function probe(entry: string): readonly Python[] {
  const [executable = "", siteDir = ""] = entry.split("=");
  if (!existsSync(executable)) return [];
  const result = Bun.spawnSync([executable, "-c", PROBE], { env: environment(siteDir) });
  const version = result.stdout.toString().trim();
  return result.exitCode === 0 ? [{ name: `pandas ${version}`, executable, siteDir }] : [];
}

function environment(siteDir: string): Record<string, string> {
  const base = {
    PATH: "/usr/bin:/bin",
    HOME: tmpdir(),
    LANG: "C.UTF-8",
    MPLBACKEND: "Agg",
    PYTHONDONTWRITEBYTECODE: "1",
  };
  return siteDir === "" ? base : { ...base, PYTHONPATH: siteDir };
}

/** A folder that is gone at the end of the test. */
export async function workFolder(): Promise<
  AsyncDisposable & { readonly path: string; list: () => Promise<string[]> }
> {
  const path = await mkdtemp(join(tmpdir(), "planner-"));
  return { path, list: () => readdir(path), [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs one program in `folder`. */
export async function runPython(python: Python, folder: string, code: string): Promise<Run> {
  const file = join(folder, PROGRAM);
  await Bun.write(file, code);
  const run = await spawn(python, [file], folder);
  await rm(file);
  return run;
}

const Shown = z.object({ stdout: z.string(), stderr: z.string(), exitCode: z.number(), figures: z.number() });
export type Shown = z.infer<typeof Shown>;

/** Runs programs that draw, each in its folder, in one process: importing matplotlib is the slow part. */
export async function runShown(
  python: Python,
  programs: readonly { folder: string; code: string }[],
): Promise<readonly Shown[]> {
  for (const { folder, code } of programs) await Bun.write(join(folder, PROGRAM), code);
  const files = programs.map(({ folder }) => join(folder, PROGRAM));
  const run = await spawn(python, [join(import.meta.dir, "harness.py"), ...files], tmpdir());
  for (const file of files) await rm(file);
  const lines = run.stdout.split("\n").filter((line) => line !== "");
  if (lines.length !== programs.length) throw new Error(`The harness broke: ${run.stderr}`);
  return lines.map((line) => Shown.parse(JSON.parse(line)));
}

const PROGRAM = ".program.py";

async function spawn(python: Python, argv: readonly string[], cwd: string): Promise<Run> {
  const child = Bun.spawn([python.executable, ...argv], {
    cwd,
    env: environment(python.siteDir),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode };
}
