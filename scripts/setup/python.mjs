// The sandbox's Python: one that already has tables and charts, or a plain one with packages of our own beside it.
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { aptInstall, hasApt } from "./apt.mjs";
import { SetupFailure } from "./failure.mjs";
import { probe } from "./probe.mjs";
import { PackagesFailure } from "./pip.mjs";
import { installNotebook, installPackages } from "./python_packages.mjs";

const OLDEST = 11;

/** Enough for tables, charts and Excel. python3-munkres spares Debian's scipy, which would bring a whole compiler. */
const DEBIAN_PACKAGES = `python3 python3-pandas python3-numpy python3-munkres python3-matplotlib python3-openpyxl
  python3-bs4 python3-lxml python3-html5lib python3-requests python3-pil python3-jinja2
  fonts-dejavu-core fonts-wqy-microhei`.split(/\s+/);

/** -I: neither the user's own packages nor PYTHON… variables count, as the room has neither. */
const INSPECT = `import sys, json, sysconfig
from importlib.util import find_spec
found = {name: find_spec(name) for name in ("pandas", "numpy", "matplotlib", "pip")}
print(json.dumps({"minor": sys.version_info[1] if sys.version_info[0] == 3 else 0,
  "executable": getattr(sys, "_base_executable", None) or sys.executable, "base": sys.base_prefix,
  "isVirtual": sys.prefix != sys.base_prefix, "site": sysconfig.get_paths()["purelib"],
  "pandas": found["pandas"] and found["pandas"].origin, "hasPip": found["pip"] is not None,
  "hasNotebook": find_spec("IPython") is not None,
  "hasTables": all(found[name] for name in ("pandas", "numpy", "matplotlib"))}))`;

/** Resolves to `{executable, site, base, source, pandas}`: what the room is made with, and the file that proves it is still there. */
export async function ensurePython(context, bwrap) {
  const pythons = inspectAll(context);
  const found = await alreadyThere(context, bwrap, pythons);
  if (found !== null) return await withNotebook(context, bwrap, found);
  const plain = pythons[0] ?? (await pythonFromApt(context));
  try {
    const site = await installPackages(context, plain);
    const { executable, base, minor } = plain;
    return await proved(context, bwrap, {
      executable,
      base,
      minor,
      site,
      source: "pypi",
      pandas: join(site, "pandas", "__init__.py"),
    });
  } catch (failure) {
    if (failure instanceof PackagesFailure) return fromDebian(context, bwrap, failure);
    throw failure;
  }
}

/** Every Python worth a look, best first; each real executable once. */
export function inspectAll(context) {
  const chosen = context.settings.SANDPIPER_PYTHON;
  if (chosen !== undefined) {
    const python = inspect(chosen);
    if (python === null)
      throw new SetupFailure(
        `SANDPIPER_PYTHON is set to ${chosen}, which is no Python that runs here.`,
        "unset SANDPIPER_PYTHON",
      );
    if (python.minor >= OLDEST) return [python];
    throw new SetupFailure(
      `SANDPIPER_PYTHON is set to ${chosen}, which is Python 3.${python.minor}; 3.${OLDEST} or newer is needed.`,
      "unset SANDPIPER_PYTHON",
    );
  }
  const seen = new Map();
  for (const path of candidatePaths(context.settings)) {
    const python = existsSync(path) ? inspect(path) : null;
    if (python !== null && python.minor >= OLDEST && !seen.has(python.executable)) seen.set(python.executable, python);
  }
  return [...seen.values()];
}

/** The system's own first: a Python under a home folder may be hidden from the sandbox's user. */
export function candidatePaths(settings) {
  const system = [13, 12, 11].map((minor) => `/usr/bin/python3.${minor}`);
  const onPath = (settings.PATH ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  return [...system, "/usr/bin/python3", "/usr/local/bin/python3", ...onPath.map((folder) => join(folder, "python3"))];
}

/** What a Python says about itself (a pyenv shim or a venv names the real one), or null. */
export function inspect(path) {
  const answer = spawnSync(path, ["-I", "-c", INSPECT], { encoding: "utf8", timeout: 20_000, cwd: "/" });
  if (answer.status !== 0) return null;
  const told = JSON.parse(answer.stdout);
  const executable = realpathSync(told.executable);
  const base = executable.startsWith("/usr/") ? null : realpathSync(told.base);
  return { ...told, executable, base, site: told.isVirtual && told.hasTables ? told.site : null };
}

async function alreadyThere(context, bwrap, pythons) {
  for (const { hasTables, ...told } of pythons) {
    const { executable, base, site, pandas } = told;
    const python = { executable, base, site, source: "found", pandas };
    if (hasTables && (await probe(context, { bwrap, python })).ok) {
      context.progress.ready("Python", executable);
      return { python, told };
    }
  }
  return null;
}

/** Tables alone make no notebook. A Python that a person chose, and one with a folder of its own, stay as they are. */
async function withNotebook(context, bwrap, { python, told }) {
  const isLeftAlone = context.settings.SANDPIPER_PYTHON !== undefined || python.site !== null || told.hasNotebook;
  if (isLeftAlone) return python;
  const noteThat = (why) => context.progress.note(`${why} Until then cells run as plain Python, without IPython.`);
  try {
    const more = { ...python, site: await installNotebook(context, told) };
    const answer = await probe(context, { bwrap, python: more }, ["IPython"]);
    if (answer.ok) return more;
    noteThat(answer.message);
  } catch (failure) {
    if (!(failure instanceof PackagesFailure)) throw failure;
    noteThat(failure.message);
  }
  return python;
}

async function pythonFromApt(context) {
  const what = `Python 3.${OLDEST} or newer`;
  if (!hasApt())
    throw new SetupFailure(
      `${what} is missing.`,
      "install it with your system's package manager, or set SANDPIPER_PYTHON to its path",
    );
  await aptInstall(context, what, ["python3"]);
  const python = inspect("/usr/bin/python3");
  if (python !== null && python.minor >= OLDEST) return python;
  throw new SetupFailure(
    `${what} is missing, and this system's own is older.`,
    "install a newer one and set SANDPIPER_PYTHON to its path",
  );
}

async function fromDebian(context, bwrap, reason) {
  if (!hasApt() || context.settings.SANDPIPER_PYTHON !== undefined) throw reason;
  context.progress.note(`${reason.message} The system's own Python packages are the other way.`);
  await aptInstall(context, "Python with pandas", DEBIAN_PACKAGES);
  const { executable, base, pandas } = inspect("/usr/bin/python3") ?? {};
  if (!pandas)
    throw new SetupFailure(
      "The system's Python packages are installed, but /usr/bin/python3 does not find pandas.",
      "set SANDPIPER_PYTHON to a Python that has pandas, numpy and matplotlib",
    );
  return proved(context, bwrap, { executable, base, site: null, source: "debian", pandas });
}

async function proved(context, bwrap, python) {
  const answer = await probe(context, { bwrap, python });
  if (!answer.ok) throw new SetupFailure(answer.message, answer.fix);
  return python;
}
