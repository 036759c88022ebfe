// One verb of the command line as a process of its own, in a folder of the test's own.
import { join } from "node:path";
import { saidBy, type Said } from "./command.ts";

const SOURCE = join(import.meta.dir, "../../src");

export function startVerb(verb: string, home: string, ...args: string[]) {
  return start(verb, home, {}, args);
}

function start(verb: string, home: string, environment: Readonly<Record<string, string>>, args: readonly string[]) {
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
      ...environment,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

export async function runVerb(verb: string, home: string, ...args: string[]): Promise<Said> {
  return saidBy(startVerb(verb, home, ...args));
}

export async function runVerbWith(
  environment: Readonly<Record<string, string>>,
  verb: string,
  home: string,
): Promise<Said> {
  return saidBy(start(verb, home, environment, []));
}
