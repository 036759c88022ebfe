// The door for people: does what set-up is missing, then runs the command. Plain Node, or Bun where there is no Node.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBun } from "./setup/bun.mjs";
import { endGroups, foreground, wasToldToEnd, watchSignals } from "./setup/child.mjs";
import { createContext } from "./setup/context.mjs";
import { SetupFailure, fromSystem } from "./setup/failure.mjs";
import { withLock } from "./setup/lock.mjs";
import { ensurePackages } from "./setup/packages.mjs";
import { ensurePage } from "./setup/page.mjs";
import { createProgress } from "./setup/progress.mjs";
import { addMore, lacksMore } from "./setup/python_packages.mjs";
import { ensureRoom } from "./setup/room.mjs";
import { removeParts } from "./setup/stamp.mjs";
import { ensureTestTools, runTests } from "./setup/testing.mjs";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const USAGE = `Usage: node scripts/run.mjs <mode> [arguments]
  start          set up what is missing, then start Sandpiper
  setup          set up only, and say what is there
  cli <verb> …   a command of Sandpiper: ask, doctor, logs, link …
  run FILE …     set up, then run a program of this project
  test [args]    set up for tests, then run them all
  check          format, types, lint, unused code, then the tests with coverage
`;

const START = `Usage: npm start
  Sets up what is missing, starts Sandpiper and prints a link that opens the dashboard. Ctrl+C stops it.
  It takes no arguments: settings are environment variables or lines in .env, and docs/settings.md lists them.
  Other commands: bun run ask, doctor, jobs, schedule, service, logs, link, backup, restore, python, report (docs/cli.md).
`;

/** Verbs that run code and so need the whole set-up. */
const WORKING_VERBS = new Set(["ask", "prove", "python"]);

/** The server has said where it listens by then. */
const MORE_AFTER_MS = 5_000;
const MORE = "scikit-learn, scipy … (330 MB)";

const MODES = {
  start: async (context, args) => {
    await setUp(context, [ensureBun, ensurePackages, ensurePage, ensureRoom]);
    const adding = setTimeout(() => void addMoreBehind(context), MORE_AFTER_MS);
    const code = await foreground(context.bun, ["--no-orphans", "src/main.ts", ...args], { cwd: ROOT });
    clearTimeout(adding);
    endGroups();
    return code;
  },
  setup: async (context) => {
    await setUp(context, [ensureBun, ensurePackages, ensurePage, ensureRoom]);
    if (lacksMore(context.python))
      await context.progress.step(`More Python packages: ${MORE}`, () => addMore(context, context.python));
    return 0;
  },
  cli: async (context, args) => {
    const isWorking = WORKING_VERBS.has(args[0]);
    await setUp(context, isWorking ? [ensureBun, ensurePackages, ensurePage, ensureRoom] : [ensureBun, ensurePackages]);
    return foreground(context.bun, ["src/cli/main.ts", ...args], { cwd: ROOT });
  },
  run: async (context, args) => {
    await setUp(context, [ensureBun, ensurePackages, ensurePage, ensureRoom]);
    return foreground(context.bun, args, { cwd: ROOT });
  },
  test: async (context, args) => {
    await setUp(context, [ensureBun, ensurePackages, ensurePage, ensureRoom, ensureTestTools]);
    return runTests(context, args);
  },
  check: async (context, args) => {
    await setUp(context, [ensureBun, ensurePackages]);
    for (const [command, ...rest] of checks(context)) {
      process.stderr.write(`\n$ ${rest.join(" ")}\n`);
      const code = await foreground(command, rest, { cwd: ROOT });
      if (code !== 0) return code;
    }
    await setUp(context, [ensurePage, ensureRoom, ensureTestTools]);
    return runTests(context, ["--coverage", ...args]);
  },
};

/** What must hold besides the tests; each is a program and its arguments. */
function checks({ bun }) {
  return [
    [bun, "fmt", "--no-script", "--check"],
    [bun, "check", "--no-script"],
    [bun, "node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"],
    [bun, "node_modules/knip/bin/knip-bun.js"],
  ];
}

/** The start does not wait for what few requests need. */
async function addMoreBehind(context) {
  if (!lacksMore(context.python)) return;
  context.progress.note(`Adding more Python packages in the background: ${MORE}; they join when they are complete.`);
  try {
    await addMore(context, context.python);
  } catch (failure) {
    if (!(failure instanceof SetupFailure)) throw failure;
    if (wasToldToEnd()) return;
    context.progress.note(`More Python packages could not be added; the next start tries again. ${failure.message}`);
  }
}

async function setUp(context, parts) {
  const work = async () => {
    removeParts(context.tools);
    for (const ensure of parts) await ensure(context);
  };
  const onWait = () => context.progress.note("Another start is setting up this folder; waiting for it.");
  await withLock(join(context.tools, "lock"), work, onWait);
}

async function main([mode = "", ...args]) {
  const run = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined;
  if (run === undefined || (mode === "run" && args.length === 0)) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (mode === "start" && (args.includes("--help") || args.includes("-h"))) {
    process.stdout.write(START);
    return 0;
  }
  watchSignals();
  const progress = createProgress(process.stderr, { isTable: mode === "setup", root: ROOT });
  try {
    return await run(createContext({ root: ROOT, progress }), args);
  } catch (failure) {
    const error = fromSystem(failure);
    process.stderr.write(`\n${error.message}\n${error.fix ? `What helps: ${error.fix}\n` : ""}`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
