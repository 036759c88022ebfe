// The command line: one file a verb.
import { AppError } from "../shared/errors.ts";
import { ask, usage as askUsage } from "./ask.ts";
import { doctor, usage as doctorUsage } from "./doctor.ts";
import { link, usage as linkUsage } from "./link.ts";
import { logs, usage as logsUsage } from "./logs.ts";
import { schedule, usage as scheduleUsage } from "./schedule.ts";

const VERBS: { readonly [verb: string]: (args: readonly string[]) => Promise<number> } = {
  ask,
  doctor,
  link,
  logs,
  schedule,
};

const USAGE = `Usage: bun run <verb> …

  start                          start Sandpiper (npm start)
  ${[askUsage, scheduleUsage, doctorUsage, linkUsage, logsUsage].join("\n  ")}
`;

async function main([verb = "help", ...args]: readonly string[]): Promise<number> {
  const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (run === undefined) {
    (verb === "help" ? console.log : console.error)(
      verb === "help" ? USAGE : `There is no command “${verb}”.\n\n${USAGE}`,
    );
    return verb === "help" ? 0 : 2;
  }
  try {
    return await run(args);
  } catch (error) {
    if (error instanceof AppError)
      console.error(error.detail === undefined ? error.message : `${error.message}\n\n${error.detail}`);
    // parseArgs names the wrong option itself.
    else if (error instanceof TypeError && "code" in error) console.error(`${error.message}\n\n${USAGE}`);
    else throw error;
    return error instanceof AppError && error.code !== "bad_request" && error.code !== "not_found" ? 1 : 2;
  }
}

process.exit(await main(process.argv.slice(2)));
