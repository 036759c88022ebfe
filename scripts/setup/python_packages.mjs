// Python packages from PyPI in a folder of the project, by hash: `base` before the first start, `more` behind it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./child.mjs";
import { downloadEnvironment } from "./context.mjs";
import { SetupFailure, lastLine, saysUnreachable } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { digest, readText, removeParts, writeAtomically } from "./stamp.mjs";
import { downloadWheel } from "./wheel.mjs";

const BASE_LIMIT_MS = 1_800_000;
const MORE_LIMIT_MS = 7_200_000;
/** Where the room has the folder: the path that tracebacks show. */
const SITE_IN_ROOM = "/opt/python/site";
/** Some of the second list have no wheels for a newer Python 3. */
const MORE_NEWEST = 13;
/** Runs from the zip itself, for a Python that came without pip. */
const PIP = {
  project: "pip",
  file: "pip-26.3-py3-none-any.whl",
  sha256: "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13",
};
/** The last three: an unreachable index is known after seconds, where pip's own defaults take minutes. */
const OPTIONS = `install --require-hashes --only-binary :all: --no-deps --no-compile --no-input --progress-bar off
  --disable-pip-version-check --retries 1 --timeout 10`.split(/\s+/);

/** PyPI could not help; another source may. */
export class PackagesFailure extends SetupFailure {}

/** Resolves to the folder of packages for this Python, installed if it is not there yet. */
export async function installPackages(context, python) {
  const folder = packageFolder(context, python);
  const site = join(folder, "site");
  if (existsSync(site)) return site;
  mkdirSync(folder, { recursive: true });
  removeParts(folder, "site.");
  await context.progress.step("Python packages: pandas, matplotlib …", async () => {
    const part = `${site}.${process.pid}.part`;
    await install(context, python, "python.lock", part, BASE_LIMIT_MS);
    renameSync(part, site);
    removeOthers(context, folder);
    return "135 MB from PyPI";
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
    await install(context, python, "python_more.lock", part, MORE_LIMIT_MS, ["nice", "-n", "19"]);
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

async function install(context, python, list, part, timeoutMs, prefix = []) {
  mkdirSync(part, { recursive: true });
  try {
    const pip = python.hasPip === false ? [join(await downloadWheel(context, PIP), "pip")] : ["-m", "pip"];
    const lock = join(context.root, "scripts", "setup", list);
    const [command, ...args] = [...prefix, python.executable, ...pip, ...OPTIONS, "--target", part, "-r", lock];
    const result = await capture(command, args, { cwd: context.tools, env: pipEnvironment(), timeoutMs });
    if (result.code !== 0) throw explain(result);
    await compile(python, part, prefix);
  } catch (failure) {
    rmSync(part, { recursive: true, force: true });
    throw failure;
  }
}

/** The room sees the folder read-only, so bytecode is made here, and with the room's paths in it. */
async function compile(python, part, prefix) {
  const [command, ...args] = [...prefix, python.executable, "-m", "compileall"];
  const paths = ["-s", part, "-p", SITE_IN_ROOM, part];
  // A package's own tests are never imported; a file that does not compile is none of the room's.
  await capture(command, [...args, "-q", "-j", "0", "-x", "/tests?/", ...paths], { timeoutMs: BASE_LIMIT_MS });
}

/** The user's own pip settings hold (an index, a proxy), except those that fight with --target. */
function pipEnvironment() {
  return {
    ...downloadEnvironment(),
    PIP_USER: "0",
    PIP_REQUIRE_VIRTUALENV: "0",
    PIP_ROOT_USER_ACTION: "ignore",
    PIP_NO_COLOR: "1",
  };
}

function explain(result) {
  if (result.isTimedOut || saysUnreachable(result.output))
    return new PackagesFailure(
      "The Python packages could not be downloaded: PyPI cannot be reached from here.",
      "connect to the network and start again",
    );
  return new PackagesFailure(
    `pip could not install the Python packages: ${lastLine(result.output)}`,
    "set SANDPIPER_PYTHON to a Python that has pandas, numpy and matplotlib",
  );
}

function merge(from, to) {
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const isShared = existsSync(target) && statSync(source).isDirectory() && statSync(target).isDirectory();
    if (isShared) merge(source, target);
    else renameSync(source, target);
  }
  rmdirSync(from);
}

function removeOthers(context, folder) {
  for (const name of readdirSync(context.tools)) {
    const path = join(context.tools, name);
    if (/^python-[0-9a-f]{12}$/.test(name) && path !== folder) rmSync(path, { recursive: true, force: true });
  }
}
