// Programs of a test that run where less is possible: on a disk of a few mebibytes, on one that cannot be written, without
// the powers of root. None of it asks for root.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const ROOT = join(import.meta.dir, "../..");
const BWRAP = z
  .object({ bwrap: z.string() })
  .parse(JSON.parse(readFileSync(join(ROOT, ".tools/setup.json"), "utf8"))).bwrap;

/** Runs the source text of a program; `src/` in its imports is ours. Resolves with what it printed; throws what it said when it failed. */
export function onSmallDisk(folder: string, bytes: number, source: string, ...args: string[]): Promise<string> {
  return run(["--size", String(bytes), "--tmpfs", folder], folder, source, args);
}

/** The same, where nothing in this folder can be written by anybody. */
export function onReadOnlyDisk(folder: string, source: string, ...args: string[]): Promise<string> {
  return run(["--ro-bind", folder, folder], folder, source, args);
}

/** The same, with no more power over files than their modes give to their owner. */
export function withoutPowers(folder: string, source: string, ...args: string[]): Promise<string> {
  return run(["--cap-drop", "ALL"], folder, source, args);
}

async function run(place: string[], home: string, source: string, args: readonly string[]): Promise<string> {
  const program = source.replaceAll(/from "src\//g, `from "${ROOT}/src/`);
  const command = [BWRAP, "--dev-bind", "/", "/", ...place, "--", process.execPath, "--no-env-file", "-e", program];
  const child = Bun.spawn([...command, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: home, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
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
