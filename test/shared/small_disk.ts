// A disk of a few mebibytes: a program of a test runs with one in the place of a folder, without being root.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const ROOT = join(import.meta.dir, "../..");
const BWRAP = z
  .object({ bwrap: z.string() })
  .parse(JSON.parse(readFileSync(join(ROOT, ".tools/setup.json"), "utf8"))).bwrap;

/** Runs the source text of a program; `src/` in its imports is ours. Resolves with what it printed; throws what it said when it failed. */
export async function onSmallDisk(folder: string, bytes: number, source: string, ...args: string[]): Promise<string> {
  const program = source.replaceAll(/from "src\//g, `from "${ROOT}/src/`);
  const disk = ["--dev-bind", "/", "/", "--size", String(bytes), "--tmpfs", folder];
  const child = Bun.spawn([BWRAP, ...disk, "--", process.execPath, "--no-env-file", "-e", program, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(err);
  return out.trim();
}

/** Source: writes to `path` until nothing more goes, then in small pieces. */
export const FILL = `
  import { closeSync, openSync, writeSync } from "node:fs";
  function fill(path) {
    const file = openSync(path, "a");
    for (let bytes = 2 ** 20; bytes >= 1; bytes = Math.floor(bytes / 2)) {
      const noise = crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65536)));
      try { for (;;) writeSync(file, noise); } catch (error) { if (error.code !== "ENOSPC") throw error; }
    }
    closeSync(file);
  }`;
