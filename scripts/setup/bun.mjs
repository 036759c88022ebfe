// Bun: the one that is there, or the one file that the registry has for this machine.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { capture } from "./child.mjs";
import { downloadEnvironment } from "./context.mjs";
import { SetupFailure, lastLine, saysUnreachable } from "./failure.mjs";
import { fileIdentity, readJson, writeAtomically } from "./stamp.mjs";

export const MINIMUM = "1.4.5";
const INSTALL_LIMIT_MS = 300_000;

/** Sets context.bun to a Bun of at least MINIMUM. */
export async function ensureBun(context) {
  const stamp = join(context.tools, "bun.json");
  const found = thisProcess() ?? remembered(context, stamp) ?? search(context);
  if (found !== null) context.progress.ready("Bun", found);
  const path = found ?? (await install(context));
  context.bun = path;
  const identity = { path, identity: fileIdentity(path), chosen: context.settings.BUN ?? "", root: context.root };
  if (JSON.stringify(readJson(stamp)) !== JSON.stringify(identity)) writeAtomically(stamp, JSON.stringify(identity));
}

/** Compares x.y.z; anything that is not a version is too old. */
export function isAtLeast(version, minimum) {
  const [have, want] = [numbers(version), numbers(minimum)];
  if (!have || !want) return false;
  const index = have.findIndex((one, position) => one !== want[position]);
  return index === -1 || have[index] > want[index];
}

/** Where a Bun may be, in the order of preference. */
export function candidates(context) {
  const onPath = (context.settings.PATH ?? "")
    .split(delimiter)
    // npm puts node_modules/.bin in front, where `bun` may be a placeholder that its blocked install script never filled.
    .filter((folder) => folder !== "" && !folder.includes("node_modules"))
    .map((folder) => join(folder, "bun"));
  return [installedPath(context), ...onPath, join(context.home, ".bun", "bin", "bun")];
}

/** The npm package that holds Bun's binary for this machine; null where there is none. */
export function packageName(platform, architecture, isMusl) {
  const system = { linux: "linux", darwin: "darwin" }[platform];
  const processor = { x64: "x64", arm64: "aarch64" }[architecture];
  return system && processor ? `@oven/bun-${system}-${processor}${system === "linux" && isMusl ? "-musl" : ""}` : null;
}

const numbers = (version) => /^(\d+)\.(\d+)\.(\d+)/.exec(version.trim())?.slice(1).map(Number);

function thisProcess() {
  return isAtLeast(process.versions.bun ?? "", MINIMUM) ? process.execPath : null;
}

function remembered(context, stamp) {
  const known = readJson(stamp);
  if (known === null || known.root !== context.root || known.chosen !== (context.settings.BUN ?? "")) return null;
  return known.identity !== null && fileIdentity(known.path) === known.identity ? known.path : null;
}

function search(context) {
  const chosen = context.settings.BUN;
  if (chosen !== undefined) {
    if (isBun(chosen)) return chosen;
    throw new SetupFailure(`BUN is set to ${chosen}, which is not Bun ${MINIMUM} or newer.`, "unset BUN");
  }
  return candidates(context).find((path) => existsSync(path) && isBun(path)) ?? null;
}

/** Judged by what it answers: a file named bun proves nothing. */
function isBun(path) {
  const answer = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 10_000 });
  return answer.status === 0 && isAtLeast(answer.stdout, MINIMUM);
}

const toolFolder = (context) => join(context.tools, `bun-${MINIMUM}`);
const packageOf = () => packageName(process.platform, process.arch, existsSync("/etc/alpine-release"));
const installedPath = (context) => join(toolFolder(context), "node_modules", packageOf() ?? "none", "bin", "bun");

async function install(context) {
  const name = packageOf();
  if (name === null)
    throw new SetupFailure(
      `There is no Bun for ${process.platform} on ${process.arch}.`,
      "use Linux or macOS on x64 or arm64 (on Windows: inside WSL)",
    );
  const folder = toolFolder(context);
  const part = `${folder}.${process.pid}.part`;
  await context.progress.step(`Bun ${MINIMUM}`, async () => {
    mkdirSync(part, { recursive: true });
    // Without a package.json of its own npm would climb to the project's.
    writeFileSync(join(part, "package.json"), '{"private":true}');
    const [command, args] = npm(context);
    const result = await capture(command, [...args, ...INSTALL, "--prefix", part, `${name}@${MINIMUM}`], {
      cwd: part,
      env: npmEnvironment(downloadEnvironment()),
      timeoutMs: INSTALL_LIMIT_MS,
    });
    try {
      if (result.code !== 0) throw explain(result);
      rmSync(folder, { recursive: true, force: true });
      renameSync(part, folder);
    } finally {
      rmSync(part, { recursive: true, force: true });
    }
    return "downloaded by npm, 100 MB on disk";
  });
  const path = installedPath(context);
  if (!isBun(path))
    throw new SetupFailure(
      `Bun was downloaded to ${path}, but does not run on this machine.`,
      `try: ${path} --version`,
    );
  return path;
}

/**
 * The binary's own package needs no install script, which newer versions of npm block. The short retries make an
 * unreachable registry known after seconds; npm's own defaults take more than a minute.
 */
const INSTALL =
  `install --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
  --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000 --fetch-timeout=60000`.split(/\s+/);

/** npm as it was started, or the one on PATH. */
function npm(context) {
  const own = context.settings.npm_execpath ?? "";
  if (own.endsWith("npm-cli.js") && existsSync(own)) return [process.execPath, [own]];
  const found = (context.settings.PATH ?? "")
    .split(delimiter)
    .some((folder) => folder !== "" && existsSync(join(folder, "npm")));
  if (found) return ["npm", []];
  throw new SetupFailure(
    `Sandpiper needs Bun ${MINIMUM} or newer, and there is neither Bun nor npm here to get it with.`,
    "install Node.js (which brings npm) or Bun: https://bun.com",
  );
}

/** What `npm run` sets for the project would steer this install too: its prefix, its workspace, its omitted kinds. */
export function npmEnvironment(environment) {
  const steers =
    /^npm_(package_|lifecycle_|command$|config_(prefix|local_prefix|global|global_prefix|workspace|workspaces|omit|include|ignore_scripts)$)/i;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !steers.test(name)));
}

function explain(result) {
  if (result.isTimedOut || saysUnreachable(result.output))
    return new SetupFailure(
      "Bun could not be downloaded: the npm registry cannot be reached from here.",
      "connect to the network, or install Bun by hand (https://bun.com) and start again",
    );
  return new SetupFailure(
    `npm could not install Bun: ${lastLine(result.output)}`,
    "install Bun by hand (https://bun.com) and start again",
  );
}
