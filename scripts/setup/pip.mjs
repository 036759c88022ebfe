// pip as set-up uses it: wheels by hash into a folder, with bytecode that fits the room.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./child.mjs";
import { downloadEnvironment } from "./context.mjs";
import { SetupFailure, lastLine, saysUnreachable } from "./failure.mjs";
import { downloadWheel } from "./wheel.mjs";

const COMPILE_LIMIT_MS = 1_800_000;
/** Where the room has the folder: the path that tracebacks show. */
const SITE_IN_ROOM = "/opt/python/site";
/** Runs from the zip itself: for a Python that came without pip, and where nothing else may be on its path. */
export const PIP = {
  project: "pip",
  file: "pip-26.3-py3-none-any.whl",
  sha256: "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13",
};
/** The last three: an unreachable index is known after seconds, where pip's own defaults take minutes. */
const OPTIONS = `install --require-hashes --only-binary :all: --no-deps --no-compile --no-input --progress-bar off
  --disable-pip-version-check --retries 1 --timeout 10`.split(/\s+/);

/** PyPI could not help; another source may. */
export class PackagesFailure extends SetupFailure {}

/** Installs what the file `lock` lists, by hash, into the folder `part`, which is gone if that fails. */
export async function install(context, python, lock, part, timeoutMs, prefix = []) {
  mkdirSync(part, { recursive: true });
  try {
    const pip = python.hasPip === false ? [join(await downloadWheel(context, PIP), "pip")] : ["-m", "pip"];
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
  await capture(command, [...args, "-q", "-j", "0", "-x", "/tests?/", ...paths], { timeoutMs: COMPILE_LIMIT_MS });
}

/** The user's own pip settings hold (an index, a proxy), except those that fight with --target. */
export function pipEnvironment() {
  return {
    ...downloadEnvironment(),
    PIP_USER: "0",
    PIP_REQUIRE_VIRTUALENV: "0",
    PIP_ROOT_USER_ACTION: "ignore",
    PIP_NO_COLOR: "1",
  };
}

export function explain(result) {
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

/** Moves all entries of one folder into another; folders that both have become one. */
export function merge(from, to) {
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const isShared = existsSync(target) && statSync(source).isDirectory() && statSync(target).isDirectory();
    if (isShared) merge(source, target);
    else renameSync(source, target);
  }
  rmdirSync(from);
}
