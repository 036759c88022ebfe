// One verb of the command line as a process of its own, in a folder of the test's own.
import { join } from "node:path";
import type { Said } from "./command.ts";

const SOURCE = join(import.meta.dir, "../../src");

export function startVerb(verb: string, home: string, ...args: string[]) {
  const program = `
    import { ${verb} } from ${JSON.stringify(join(SOURCE, `cli/${verb}.ts`))};
    import { AppError } from ${JSON.stringify(join(SOURCE, "shared/errors.ts"))};
    try { process.exit(await ${verb}(process.argv.slice(1))); }
    catch (error) {
      if (!(error instanceof AppError)) throw error;
      console.error(error.code + ": " + error.message);
      process.exit(1);
    }`;
  return Bun.spawn([process.execPath, "--no-env-file", "-e", program, ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      SANDPIPER_HOME: home,
      INIT_CWD: home,
      // Bun would keep what it compiled in HOME.
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

export async function runVerb(verb: string, home: string, ...args: string[]): Promise<Said> {
  const child = startVerb(verb, home, ...args);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}
