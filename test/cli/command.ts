// The command line as a process of its own, in a folder of the test's own.
import { join } from "node:path";

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

export type Said = { readonly code: number; readonly out: string; readonly err: string };

export async function sandpiper(home: string, ...args: string[]): Promise<Said> {
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: home, SANDPIPER_HOME: home, INIT_CWD: home, SANDPIPER_OPEN: "0" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}
