// Run by `python` of the command line: list, plan, add, remove. Takes one JSON object on stdin, answers with one on stdout.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addPackages, installedPackages, readAdded, removePackages } from "./added_packages.mjs";
import { watchSignals } from "./child.mjs";
import { createContext } from "./context.mjs";
import { SetupFailure, fromSystem } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { probe } from "./probe.mjs";
import { createProgress } from "./progress.mjs";
import { resolve } from "./resolve_packages.mjs";
import { readJson } from "./stamp.mjs";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const ACTIONS = {
  list: async (context, { python }) => ({ added: readAdded(context), packages: installedPackages(python.site) }),
  /** `{wishes}`: what they would bring, together. */
  plan: async (context, { python }, { wishes }) => ({ packages: await resolve(context, python, wishes) }),
  /** `{wishes, packages}` as they were answered: what is installed is what was agreed to. */
  add: async (context, { bwrap, python }, plan) => {
    const verify = (site, modules) => importIn(context, { bwrap, python: { ...python, site } }, modules);
    await context.progress.step(`Adding ${plan.wishes.join(", ")}`, () => addPackages(context, python, plan, verify));
    return { added: plan.wishes };
  },
  remove: async (context, { python }, { names }) => ({ removed: removePackages(context, python, names) }),
};

async function importIn(context, tools, modules) {
  if (modules.length === 0) return null;
  const answer = await probe(context, tools, modules);
  return answer.ok ? null : answer.message;
}

function readSetup(context) {
  const setup = readJson(join(context.tools, "setup.json"));
  if (setup === null) throw new SetupFailure("The sandbox has not been set up.", "npm run setup");
  if (setup.python?.source !== "pypi")
    throw new SetupFailure(
      "The sandbox uses a Python whose packages set-up does not manage.",
      `install packages where ${setup.python?.executable ?? "that Python"} finds them, as you did with pandas`,
    );
  return setup;
}

async function main(action) {
  const request = JSON.parse(readFileSync(0, "utf8") || "{}");
  const context = createContext({ root: ROOT, progress: createProgress(process.stderr) });
  context.bun = process.execPath;
  const work = () => ACTIONS[action](context, readSetup(context), request);
  const onWait = () => context.progress.note("Set-up is at work in this folder; waiting for it.");
  return action === "list" ? work() : withLock(join(context.tools, "lock"), work, onWait);
}

watchSignals();
try {
  process.stdout.write(`${JSON.stringify({ ok: true, ...(await main(process.argv[2])) })}\n`);
} catch (failure) {
  const { message, fix } = fromSystem(failure);
  process.stdout.write(`${JSON.stringify({ ok: false, message, fix: fix ?? "" })}\n`);
}
process.exit();
