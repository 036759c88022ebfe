// Python packages from PyPI in a folder of the project, by hash: `base` before the first start, `more` behind it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { addAgain } from "./added_packages.mjs";
import { withLock } from "./lock.mjs";
import { install, merge } from "./pip.mjs";
import { digest, readText, removeParts, writeAtomically } from "./stamp.mjs";

const BASE_LIMIT_MS = 1_800_000;
const MORE_LIMIT_MS = 7_200_000;
/** Some of the second list have no wheels for a newer Python 3. */
const MORE_NEWEST = 13;

/** Resolves to the folder of packages for this Python, installed if it is not there yet. */
export async function installPackages(context, python) {
  const folder = packageFolder(context, python);
  const site = join(folder, "site");
  if (existsSync(site)) return site;
  mkdirSync(folder, { recursive: true });
  removeParts(folder, "site.");
  await context.progress.step("Python packages: pandas, matplotlib …", async () => {
    const part = `${site}.${process.pid}.part`;
    await install(context, python, lockOf(context, "python.lock"), part, BASE_LIMIT_MS);
    await addAgain(context, python, part);
    renameSync(part, site);
    removeOthers(context, folder);
    return "140 MB from PyPI";
  });
  return site;
}

/** IPython for a Python that has tables already, in a folder beside its own packages. */
export async function installNotebook(context, python) {
  const key = digest(readText(lockOf(context, "notebook.lock")), String(python.minor));
  const site = join(context.tools, `notebook-${key.slice(0, 12)}`, "site");
  if (existsSync(site)) return site;
  mkdirSync(join(site, ".."), { recursive: true });
  removeParts(join(site, ".."), "site.");
  await context.progress.step("Python packages: IPython", async () => {
    const part = `${site}.${process.pid}.part`;
    await install(context, python, lockOf(context, "notebook.lock"), part, BASE_LIMIT_MS);
    renameSync(part, site);
    return "4 MB from PyPI";
  });
  return site;
}

/** Whether the second list is still to come: only a folder of our own gets it. */
export const lacksMore = (python) => python?.source === "pypi" && python.minor <= MORE_NEWEST && !isComplete(python);

const isComplete = (python) => existsSync(join(python.site, "..", "more.done"));

/**
 * Adds the second list to the folder, entry by entry, each a rename: a sandbox that is running sees whole packages come.
 * It is nice to everything else on the machine.
 */
export async function addMore(context, python) {
  const folder = join(python.site, "..");
  await withLock(join(folder, "more.lock"), async () => {
    if (isComplete(python)) return;
    removeParts(folder, "more.");
    const part = join(folder, `more.${process.pid}.part`);
    await install(context, python, lockOf(context, "python_more.lock"), part, MORE_LIMIT_MS, ["nice", "-n", "19"]);
    merge(part, python.site);
    rmSync(part, { recursive: true, force: true });
    writeAtomically(join(folder, "more.done"), "");
  });
}

/** Named by what is inside: other lists or another Python make another folder. */
export function packageFolder(context, python) {
  const list = (name) => readText(join(context.root, "scripts", "setup", name));
  const key = digest(list("python.lock"), list("python_more.lock"), String(python.minor), process.arch);
  return join(context.tools, `python-${key.slice(0, 12)}`);
}

const lockOf = (context, name) => join(context.root, "scripts", "setup", name);

function removeOthers(context, folder) {
  for (const name of readdirSync(context.tools)) {
    const path = join(context.tools, name);
    if (/^python-[0-9a-f]{12}$/.test(name) && path !== folder) rmSync(path, { recursive: true, force: true });
  }
}
