// A copy of the project in which something is weak, and its own `prove` to say so.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../src/shared/config.ts";
import type { Weakness } from "./weaknesses.ts";

export const Report = z.strictObject({
  at: z.iso.datetime(),
  tier: z.enum(["forked", "plain"]),
  attacks: z.array(
    z.strictObject({
      group: z.string(),
      name: z.string(),
      layer: z.string(),
      tried: z.boolean(),
      outcome: z.string(),
      held: z.boolean(),
    }),
  ),
});
export type Report = z.infer<typeof Report>;

export type Project = Disposable & { readonly path: string };

export function copiedProject(): Project {
  const path = mkdtempSync(join(tmpdir(), "sandpiper-weak-"));
  cpSync(join(ROOT, "src"), join(path, "src"), { recursive: true });
  for (const name of ["package.json", "tsconfig.json", "bunfig.toml"]) cpSync(join(ROOT, name), join(path, name));
  symlinkSync(join(ROOT, "node_modules"), join(path, "node_modules"));
  mkdirSync(join(path, ".tools"));
  const setup = join(ROOT, ".tools/setup.json");
  if (existsSync(setup)) cpSync(setup, join(path, ".tools/setup.json"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Throws when the product no longer has what was to be weakened. */
export function plant({ path }: Project, { edits }: Weakness): void {
  for (const [name, from, to] of edits) {
    const file = join(path, name);
    const text = readFileSync(file, "utf8");
    if (!text.includes(from)) throw new Error(`${name} has no “${from}” any more.`);
    writeFileSync(
      file,
      text.replaceAll(from, () => to),
    );
  }
}

export type Proved = { readonly code: number; readonly report: Report; readonly complaint: string };

/** `prove` of a project, with a home of its own. */
export async function proveIn(path: string, home: string, ...args: string[]): Promise<Proved> {
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", join(path, "src/cli/main.ts"), "prove", "--json", ...args],
    {
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: home,
        SANDPIPER_HOME: home,
        SANDPIPER_BWRAP: process.env["SANDPIPER_BWRAP"] ?? "",
        SANDPIPER_PYTHON: process.env["SANDPIPER_PYTHON"] ?? "",
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const [out, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  if (out === "") throw new Error(`prove said nothing: ${complaint}`);
  return { code, report: Report.parse(JSON.parse(out)), complaint };
}
