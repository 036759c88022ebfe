// The command line: one file a verb.
import { AppError } from "../shared/errors.ts";
import { ask, usage as askUsage } from "./ask.ts";
import { backup, usage as backupUsage } from "./backup.ts";
import { doctor, usage as doctorUsage } from "./doctor.ts";
import { jobs, usage as jobsUsage } from "./jobs.ts";
import { link, usage as linkUsage } from "./link.ts";
import { logs, usage as logsUsage } from "./logs.ts";
import { run as models, usage as modelsUsage } from "./models.ts";
import { printable } from "./printable.ts";
import { prove, usage as proveUsage } from "./prove.ts";
import { python, usage as pythonUsage } from "./python.ts";
import { report, usage as reportUsage } from "./report.ts";
import { restore, usage as restoreUsage } from "./restore.ts";
import { schedule, usage as scheduleUsage } from "./schedule.ts";
import { service, usage as serviceUsage } from "./service.ts";

type Verb = { readonly run: (args: readonly string[]) => Promise<number>; readonly usage: string };

const VERBS: { readonly [verb: string]: Verb } = {
  ask: { run: ask, usage: askUsage },
  jobs: { run: jobs, usage: jobsUsage },
  schedule: { run: schedule, usage: scheduleUsage },
  service: { run: service, usage: serviceUsage },
  doctor: { run: doctor, usage: doctorUsage },
  models: { run: models, usage: modelsUsage },
  link: { run: link, usage: linkUsage },
  logs: { run: logs, usage: logsUsage },
  backup: { run: backup, usage: backupUsage },
  restore: { run: restore, usage: restoreUsage },
  python: { run: python, usage: pythonUsage },
  prove: { run: prove, usage: proveUsage },
  report: { run: report, usage: reportUsage },
};

const usageOf = (...lines: readonly string[]): string => `Usage: bun run <verb> -- …\n\n  ${lines.join("\n  ")}\n`;

async function main([name = "help", ...args]: readonly string[]): Promise<number> {
  if (name === "help") {
    const all = Object.values(VERBS).map((verb) => verb.usage);
    console.log(usageOf("start                          start Sandpiper (npm start)", ...all));
    return 0;
  }
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) {
    console.error(
      `There is no command “${printable(name)}”. There are: start, ${Object.keys(VERBS).join(", ")}, help.`,
    );
    return 2;
  }
  try {
    return await verb.run(args);
  } catch (error) {
    if (error instanceof AppError)
      console.error(printable(error.detail === undefined ? error.message : `${error.message}\n\n${error.detail}`));
    // parseArgs names the wrong option itself.
    else if (error instanceof TypeError && "code" in error) console.error(`${error.message}\n\n${usageOf(verb.usage)}`);
    else throw error;
    return error instanceof AppError && error.code !== "bad_request" && error.code !== "not_found" ? 1 : 2;
  }
}

process.exit(await main(process.argv.slice(2)));
