// The Pythons of this machine that the rooms are tried with: one that has IPython, one that has not.
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../src/shared/config.ts";
import { findTools } from "../../src/sandboxd/tools.ts";
import { temporaryFolder } from "../shared/temporary.ts";

const HAS = (module: string): string =>
  `import importlib.util as u, sys; sys.exit(0 if u.find_spec(${JSON.stringify(module)}) else 1)`;

type Python = { readonly executable: string; readonly site: string | null };

/** The system's own, if it draws and has no IPython; else null. */
export function withoutNotebook(): string | null {
  const python = { executable: "/usr/bin/python3", site: null };
  return has(python, "matplotlib") && !has(python, "IPython") ? python.executable : null;
}

/** The rooms' own, else what the tests were given (SANDPIPER_TEST_PYTHONS); null where none has IPython. */
export function findNotebook(): Python | null {
  const { executable, site } = findTools({ root: ROOT, bwrap: "", python: "" }).python;
  const given = (process.env["SANDPIPER_TEST_PYTHONS"] ?? "").split(":").map((entry) => {
    const [path = "", folder = null] = entry.split("=");
    return { executable: path, site: folder };
  });
  return [{ executable, site }, ...given].find((one) => one.executable !== "" && has(one, "IPython")) ?? null;
}

/** `python` for startServer, so that its rooms have IPython: nothing where they have it anyway. Null: no Python has it. */
export function withNotebook(): ({ readonly options: { readonly python?: string } } & Disposable) | null {
  const found = findNotebook();
  const own = findTools({ root: ROOT, bwrap: "", python: "" }).python;
  if (found === null) return null;
  if (found.site === null || found.site === own.site) return { options: {}, [Symbol.dispose]: () => undefined };
  const folder = temporaryFolder();
  return { options: { python: virtualPython(folder.path, found) }, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

function has({ executable, site }: Python, module: string): boolean {
  if (site !== null) return existsSync(join(site, module));
  const asked = Bun.spawnSync([executable, "-I", "-c", HAS(module)], { stdout: "ignore", stderr: "ignore" });
  return asked.exitCode === 0;
}

/** A virtual environment around the same files: a room takes it as a whole, and its Python finds its packages in it. */
function virtualPython(folder: string, { executable, site }: Python): string {
  const version = Bun.spawnSync([executable, "-I", "-c", "import sys; print(f'python3.{sys.version_info[1]}')"]);
  const packages = join(folder, "lib", version.stdout.toString().trim());
  mkdirSync(join(folder, "bin"));
  mkdirSync(packages, { recursive: true });
  symlinkSync(executable, join(folder, "bin/python3"));
  writeFileSync(join(folder, "pyvenv.cfg"), "home = /usr/bin\ninclude-system-site-packages = false\n");
  Bun.spawnSync(["chmod", "-R", "a+rX", folder]);
  const copied = Bun.spawnSync(["cp", "-al", site ?? "", join(packages, "site-packages")]);
  if (copied.exitCode !== 0) Bun.spawnSync(["cp", "-a", site ?? "", join(packages, "site-packages")]);
  return join(folder, "bin/python3");
}
