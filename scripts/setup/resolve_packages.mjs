// Which packages a wish would bring to the sandbox's Python, asked of the index without running any of them.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./child.mjs";
import { SetupFailure } from "./failure.mjs";
import { PIP, explain, pipEnvironment } from "./pip.mjs";
import { readText } from "./stamp.mjs";
import { downloadWheel } from "./wheel.mjs";

const LIMIT_MS = 1_800_000;
const RESOLVE = `install --dry-run --quiet --only-binary :all: --no-input --progress-bar off
  --disable-pip-version-check --retries 1 --timeout 10`.split(/\s+/);

/** Package names as the index compares them (PEP 503). */
export const plainName = (name) => name.toLowerCase().replace(/[-_.]+/g, "-");

/** A wish is `name` or `name==version`. */
export const nameOf = (wish) => wish.split("==")[0];

/** What would have to be installed for the wishes (`name` or `name==version`): `[{name, version, sha256, file}]`. */
export async function resolve(context, python, wishes) {
  const folder = join(context.tools, `resolve.${process.pid}.part`);
  try {
    copyMetadata(python.site, join(folder, "there"));
    writeFileSync(join(folder, "constraints.txt"), constraints(context, python.site));
    const report = join(folder, "report.json");
    const pip = join(await downloadWheel(context, PIP), "pip");
    // -S, and of the packages only what says that they are there: none of their code may run on this machine.
    const args = ["-S", pip, ...RESOLVE, "--report", report, "-c", join(folder, "constraints.txt"), ...wishes];
    const env = { ...pipEnvironment(), PYTHONPATH: join(folder, "there"), PYTHONNOUSERSITE: "1" };
    const result = await capture(python.executable, args, { cwd: folder, env, timeoutMs: LIMIT_MS });
    if (result.code !== 0) throw refusal(result, wishes);
    return JSON.parse(readFileSync(report, "utf8")).install.map(packageOf);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function packageOf({ metadata, download_info: { url, archive_info: archive } }) {
  const sha256 = archive?.hashes?.sha256 ?? archive?.hash?.split("=")[1];
  if (sha256 === undefined)
    throw new SetupFailure(`${metadata.name} came without a hash.`, "use another package index");
  return {
    name: metadata.name,
    version: metadata.version,
    sha256,
    file: decodeURIComponent(url.split("/").at(-1) ?? ""),
  };
}

function refusal(result, wishes) {
  const named = wishes.join(", ");
  if (/No matching distribution|Could not find a version/.test(result.output))
    return new SetupFailure(
      `There is no package ${named} with a wheel for this Python.`,
      "check the name; packages that must be compiled cannot be added",
    );
  if (/ResolutionImpossible|conflicting dependencies|constraint/i.test(result.output))
    return new SetupFailure(
      `${named} needs other versions of packages than the sandbox has.`,
      "ask for another version: NAME==VERSION",
    );
  return explain(result);
}

/** The packages that are there, without their code. */
function copyMetadata(site, target) {
  mkdirSync(target, { recursive: true });
  for (const info of infosOf(site)) {
    mkdirSync(join(target, info));
    cpSync(join(site, info, "METADATA"), join(target, info, "METADATA"));
  }
}

/** The folders that say of each package what it is. */
export const infosOf = (site) =>
  readdirSync(site).filter((name) => name.endsWith(".dist-info") && existsSync(join(site, name, "METADATA")));

/** `name-version.dist-info` without the rest. */
export const distributionOf = (info) => info.replace(/-[^-]*\.dist-info$/, "");

/** Nothing that is there, or that set-up's second list will bring, may become another version. */
function constraints(context, site) {
  const listed = lockedLines(context);
  const there = infosOf(site).map((info) => info.replace(/\.dist-info$/, "").replace(/-(?=[^-]*$)/, "=="));
  return `${[...listed.map((line) => line.replace(/\s*\\$/, "")), ...there].join("\n")}\n`;
}

/** What set-up's own lists have, as lines of requirements. */
export const lockedLines = (context) =>
  ["python.lock", "python_more.lock"].flatMap((name) =>
    (readText(join(context.root, "scripts", "setup", name)) ?? "")
      .split("\n")
      .filter((line) => /^[\w.-]+==/.test(line)),
  );
