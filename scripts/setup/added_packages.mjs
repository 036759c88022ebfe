// Python packages that the owner added to set-up's own: taken by hash, tried in a room, and joined by renames.
import { existsSync, mkdirSync, readdirSync, rmSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { capture } from "./child.mjs";
import { SetupFailure } from "./failure.mjs";
import { explain, install, merge } from "./pip.mjs";
import { distributionOf, infosOf, lockedLines, nameOf, plainName } from "./resolve_packages.mjs";
import { readJson, readText, removeParts, writeAtomically } from "./stamp.mjs";

const LIMIT_MS = 1_800_000;
/** What was added: `[{wish, packages: [{name, version, sha256}]}]`. Beside the folders of packages, so that it outlives them. */
const recordOf = (context) => join(context.tools, "python_added.json");
export const readAdded = (context) => readJson(recordOf(context)) ?? [];
const writeAdded = (context, added) => writeAtomically(recordOf(context), `${JSON.stringify(added, null, 2)}\n`);

/**
 * Installs `packages`, which fulfil `wishes`. `verify(site, modules)` is called with a copy of the folder that has them and
 * resolves to null or to what is wrong; only then do they join. What fails leaves the folder as it was.
 */
export async function addPackages(context, python, { wishes, packages }, verify) {
  const folder = join(python.site, "..");
  removeParts(folder, "added.");
  const part = join(folder, `added.${process.pid}.part`);
  const copy = join(folder, `added.copy.${process.pid}.part`);
  try {
    await installByHash(context, python, packages, part);
    await checkNames(python, part);
    await linkInto(python.site, copy);
    await linkInto(part, copy);
    const trouble = await verify(
      copy,
      wishes.flatMap((wish) => modulesOf(part, wish)),
    );
    if (trouble !== null)
      throw new SetupFailure(`${wishes.join(", ")} does not work in the sandbox: ${trouble}`, "nothing was changed");
    writeAdded(context, [...readAdded(context), ...recordsOf(wishes, packages)]);
    merge(part, python.site);
  } finally {
    // Forty thousand links; rmSync takes a quarter of a minute for them.
    await capture("rm", ["-rf", part, copy], { timeoutMs: LIMIT_MS });
  }
}

/** What came along is noted with the first wish. */
function recordsOf(wishes, packages) {
  const records = wishes.map((wish) => ({ wish, packages: packages.filter((one) => isSame(one.name, nameOf(wish))) }));
  const others = packages.filter((one) => !wishes.some((wish) => isSame(one.name, nameOf(wish))));
  return records.map((record, index) =>
    index === 0 ? { ...record, packages: [...record.packages, ...others] } : record,
  );
}

const isSame = (one, other) => plainName(one) === plainName(other);

async function installByHash(context, python, packages, part) {
  const list = `${part.replace(/\.part$/, "")}.txt.part`;
  mkdirSync(dirname(list), { recursive: true });
  writeFileSync(list, packages.map((one) => `${one.name}==${one.version} --hash=sha256:${one.sha256}\n`).join(""));
  try {
    await install(context, python, list, part, LIMIT_MS);
  } finally {
    rmSync(list, { force: true });
  }
}

/** The room's own programs import from this folder before anything of theirs runs: it may replace nothing of Python. */
async function checkNames(python, part) {
  for (const name of UNUSED) rmSync(join(part, name), { recursive: true, force: true });
  const ask = "import json, sys; print(json.dumps(sorted(sys.stdlib_module_names)))";
  const answer = await capture(python.executable, ["-I", "-c", ask], { cwd: "/" });
  const taken = new Set([...JSON.parse(answer.stdout), "sandpiper", "sitecustomize", "usercustomize"]);
  const names = readdirSync(part);
  const wrong =
    names.find((name) => taken.has(name.split(".")[0])) ?? names.find((name) => replaces(part, python.site, name));
  if (wrong !== undefined)
    throw new SetupFailure(`The package brings “${wrong}”, which is there already.`, "nothing was changed");
}

/** What wheels put beside their modules by mistake or for a terminal. */
const UNUSED = ["bin", "test", "tests", "doc", "docs", "example", "examples", "__pycache__"];

/** Folders may be shared (`google/`), files not. */
function replaces(from, to, name) {
  const [source, target] = [join(from, name), join(to, name)];
  if (!existsSync(target)) return false;
  if (!statSync(source).isDirectory() || !statSync(target).isDirectory()) return true;
  return readdirSync(source).some((one) => one !== "__pycache__" && replaces(source, target, one));
}

/** Hard links: a copy of a gigabyte in a second. */
async function linkInto(from, to) {
  mkdirSync(to, { recursive: true });
  const result = await capture("cp", ["-al", `${from}/.`, to], { timeoutMs: LIMIT_MS });
  if (result.code !== 0) throw explain(result);
}

/** The modules that the wished package brings: the one with its name, or all outermost ones. */
function modulesOf(part, wish) {
  const wanted = plainName(nameOf(wish));
  const info = infosOf(part).find((name) => plainName(distributionOf(name)) === wanted);
  const files = info === undefined ? [] : filesOf(part, info);
  const packages = files.filter((file) => file.endsWith("/__init__.py")).map((file) => dirname(file));
  const outermost = packages.filter((one) => !packages.some((other) => one.startsWith(`${other}/`)));
  const single = files.flatMap((file) => /^(\w+)(?:\.[\w-]+)?\.(?:py|so)$/.exec(file)?.[1] ?? []);
  const found = [...new Set([...outermost.map((path) => path.replaceAll("/", ".")), ...single])];
  const usable = found.filter(
    (name) => /^[A-Za-z]\w*(?:\.\w+)*$/.test(name) && !/^(?:tests?|docs?|examples?)$/.test(name),
  );
  const same = usable.filter((name) => plainName(name) === wanted);
  return same.length > 0 ? same : usable;
}

/** Relative to the folder; what would lie outside it is left out. */
function filesOf(site, info) {
  const lines = (readText(join(site, info, "RECORD")) ?? "").split("\n");
  const paths = lines.map((line) =>
    normalize(line.startsWith('"') ? line.slice(1, line.indexOf('"', 1)) : line.split(",")[0]),
  );
  return paths.filter((path) => path !== "." && !path.startsWith("..") && !path.startsWith("/"));
}

/** Removes the wishes and what only they needed. Resolves to the packages that are gone. */
export function removePackages(context, python, names) {
  const wanted = new Set(names.map(plainName));
  const all = readAdded(context);
  const kept = all.filter(({ wish }) => !wanted.has(plainName(nameOf(wish))));
  if (all.length - kept.length !== wanted.size) {
    const known = new Set(all.map(({ wish }) => plainName(nameOf(wish))));
    const missing = names.filter((name) => !known.has(plainName(name)));
    throw new SetupFailure(`${missing.join(", ")} was not added here.`, "see which were: python list");
  }
  const infos = new Map(infosOf(python.site).map((info) => [plainName(distributionOf(info)), info]));
  const ours = lockedLines(context).map((line) => plainName(nameOf(line)));
  const needed = neededBy(python.site, infos, [...kept.map(({ wish }) => plainName(nameOf(wish))), ...ours]);
  const gone = all.flatMap(({ packages }) => packages).filter(({ name }) => !needed.has(plainName(name)));
  // A package that came with a wish that goes may be needed by one that stays.
  const moved = all.flatMap(({ packages }) => packages).filter(({ name }) => needed.has(plainName(name)));
  writeAdded(
    context,
    kept.map((one) => ({ ...one, packages: ownPackages(one, kept, moved) })),
  );
  for (const { name } of gone) removeFiles(python.site, infos.get(plainName(name)));
  return gone;
}

/** The first wish that stays takes over what has no other place. */
function ownPackages(one, kept, moved) {
  if (one !== kept[0]) return one.packages;
  const placed = new Set(kept.flatMap(({ packages }) => packages.map(({ name }) => name)));
  return [...one.packages, ...moved.filter(({ name }) => !placed.has(name))];
}

function neededBy(site, infos, wishes) {
  const needed = new Set();
  for (const queue = [...wishes]; queue.length > 0;) {
    const name = queue.pop();
    if (needed.has(name)) continue;
    needed.add(name);
    const metadata = infos.has(name) ? (readText(join(site, infos.get(name), "METADATA")) ?? "") : "";
    for (const [line, other] of metadata.matchAll(/^Requires-Dist: ([\w.-]+).*$/gm))
      if (!/\bextra\s*==/.test(line)) queue.push(plainName(other));
  }
  return needed;
}

function removeFiles(site, info) {
  if (info === undefined) return;
  const folders = new Set();
  for (const file of filesOf(site, info)) {
    rmSync(join(site, file), { force: true });
    for (let folder = dirname(file); folder !== "."; folder = dirname(folder)) folders.add(folder);
  }
  for (const folder of [...folders].toSorted((a, b) => b.length - a.length)) {
    rmSync(join(site, folder, "__pycache__"), { recursive: true, force: true });
    removeIfEmpty(join(site, folder));
  }
}

function removeIfEmpty(folder) {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

/** A new folder of packages gets what was added to the old one, by the same hashes. Another Python may have other wheels. */
export async function addAgain(context, python, site) {
  const added = readAdded(context);
  const packages = added.flatMap((one) => one.packages);
  if (packages.length === 0) return;
  const part = `${site.replace(/\.part$/, "")}.added.part`;
  try {
    await installByHash(context, python, packages, part);
    merge(part, site);
  } catch (failure) {
    if (!(failure instanceof SetupFailure)) throw failure;
    const wishes = added.map(({ wish }) => wish).join(" ");
    context.progress.note(
      `The Python packages that you added could not be added again. What helps: bun run python -- add ${wishes}`,
    );
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** `[{name, version}]` of all packages in the folder. */
export const installedPackages = (site) =>
  infosOf(site).map((info) => {
    const [, name, version] = /^(.*)-([^-]*)\.dist-info$/.exec(info) ?? ["", info, ""];
    return { name, version };
  });
