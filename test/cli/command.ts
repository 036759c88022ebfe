// The command line as a process of its own, in a folder of the test's own.
import { join } from "node:path";

export const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

export type Said = { readonly code: number; readonly out: string; readonly err: string };

/** No command takes this long on any machine. */
const LONGEST_MS = 60_000;

export function sandpiper(home: string, ...args: string[]): Promise<Said> {
  return run([process.execPath, "--no-env-file", MAIN, ...args], {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    SANDPIPER_HOME: home,
    INIT_CWD: home,
    SANDPIPER_OPEN: "0",
  });
}

/** Any program, to its end. */
export function run(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<Said> {
  return saidBy(Bun.spawn([...argv], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: LONGEST_MS }));
}

export async function saidBy(child: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<Said> {
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}
