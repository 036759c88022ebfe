// What the tests need beyond the product: a browser, fonts that show every script, and a second, older Python.
import { existsSync } from "node:fs";
import { aptInstall } from "./apt.mjs";
import { foreground } from "./child.mjs";
import { SetupFailure } from "./failure.mjs";
import { inspect, inspectAll } from "./python.mjs";
import { installPackages } from "./python_packages.mjs";
import { readCoverage, readTotals, totalsLine } from "./totals.mjs";

const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const TEST_PACKAGES = {
  chromium: BROWSERS,
  sqlite3: ["/usr/bin/sqlite3"],
  strace: ["/usr/bin/strace"],
  "fonts-liberation": ["/usr/share/fonts/truetype/liberation"],
  "fonts-wqy-microhei": ["/usr/share/fonts/truetype/wqy"],
  "fonts-noto-color-emoji": ["/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"],
};
const OLDER_PYTHON = ["python3-pandas", "python3-numpy", "python3-munkres", "python3-matplotlib", "python3-openpyxl"];

/** Sets context.testEnvironment. What cannot be had is said with its command; the tests that need it skip. */
export async function ensureTestTools(context) {
  const missing = Object.entries(TEST_PACKAGES).filter(([, paths]) => !paths.some((path) => existsSync(path)));
  if (missing.length > 0)
    await tryToInstall(
      context,
      "Chromium, fonts, the SQLite shell and strace for the tests",
      missing.map(([name]) => name),
    );
  const browser = BROWSERS.find((path) => existsSync(path)) ?? "";
  context.progress.ready("Chromium", browser || "missing");
  const pythons = await testPythons(context);
  context.progress.ready("Pythons of the tests", pythons.join(" "));
  context.testEnvironment = { SANDPIPER_TEST_CHROMIUM: browser, SANDPIPER_TEST_PYTHONS: pythons.join(":") };
}

/**
 * Percent of lines, of all files together. Bun's own threshold holds for each file, and what runs in processes of its own
 * (core, worker, sandboxd) is not counted.
 */
const MIN_COVERAGE = 85;

/** For each test whose file asks for nothing else: what a shared module asks for holds for the first file that imports it only. */
const PATIENCE_MS = 30_000;

/** Runs all tests and ends with their totals; in CI a skipped test is a failure. */
export async function runTests(context, args) {
  let summary = "";
  let covered = 100;
  const keepTail = (chunk) => {
    summary = (summary + chunk).slice(-8_000);
    covered = readCoverage(summary) ?? covered;
  };
  const colour = process.stderr.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: "1" } : {};
  const code = await foreground(context.bun, ["test", "--parallel", `--timeout=${PATIENCE_MS}`, ...args], {
    cwd: context.root,
    env: { ...process.env, ...colour, ...context.testEnvironment },
    onStderr: keepTail,
  });
  const totals = readTotals(summary, code);
  process.stdout.write(`\n${totalsLine(totals)}\n`);
  if (covered < MIN_COVERAGE) {
    process.stderr.write(`Tests reach ${String(covered)} % of the lines; ${MIN_COVERAGE} % is the least.\n`);
    return code || 1;
  }
  if (totals.skipped > 0 && process.env.CI === "true") {
    process.stderr.write("In CI every test must run: what is missing is said above.\n");
    return code || 1;
  }
  return code;
}

/** The newest packages first, then the system's older ones: `executable` or `executable=folder of packages`. */
async function testPythons(context) {
  const found = [];
  if (context.python.source === "pypi") found.push(context.python);
  else {
    const plain = inspectAll(context)[0] ?? context.python;
    const site = await attempt(context, () => installPackages(context, plain));
    if (site !== null) found.push({ executable: plain.executable, site });
    found.push(context.python);
  }
  if (!inspectSystem()?.hasTables) await tryToInstall(context, "An older pandas for the tests", OLDER_PYTHON);
  const older = inspectSystem();
  if (older?.hasTables && older.minor >= 11) found.push({ executable: older.executable, site: null });
  return [...new Set(found.map(nameOf))];
}

const nameOf = ({ executable, site }) => (site ? `${executable}=${site}` : executable);
const inspectSystem = () => (existsSync("/usr/bin/python3") ? inspect("/usr/bin/python3") : null);
const tryToInstall = (context, what, packages) => attempt(context, () => aptInstall(context, what, packages));

async function attempt(context, work) {
  try {
    return await work();
  } catch (failure) {
    if (!(failure instanceof SetupFailure)) throw failure;
    context.progress.note(`${failure.message} Tests that need it are skipped. What helps: ${failure.fix}`);
    return null;
  }
}
