// What a room is made of: one pure function from its options to bubblewrap's arguments. bubblewrap 0.8 is the floor.
import { basename, join, relative } from "node:path";
import type { Profile } from "./seccomp.ts";

export type RoomOptions = {
  readonly python: { readonly executable: string; readonly site: string | null; readonly base: string | null };
  /** Of the host: a merged /usr has links (target given), an older system has folders (null). */
  readonly links: Readonly<Record<string, string | null>>;
  /** Files and folders of the host's /etc that exist and that programs cannot do without. */
  readonly etc: readonly string[];
  /** Files to make inside: their path and the descriptor that holds their bytes. */
  readonly files: readonly { readonly path: string; readonly fd: number }[];
  /** Folders of the host that must be empty inside. */
  readonly hidden: readonly string[];
  /** Files of /proc that tell of whoever started the room. */
  readonly masked: readonly string[];
  readonly rootBytes: number;
  readonly homeBytes: number;
  readonly tmpBytes: number;
  readonly shmBytes: number;
  readonly statusFd: number;
  readonly profile: Profile;
  /** Process 1: the agent itself, or bubblewrap's own, beside which an agent from outside joins. */
  readonly init: "agent" | "bubblewrap";
  /** Holds the bytes of the system-call filter. */
  readonly seccompFd: number;
};

export const GUEST_DIR = "/opt/sandpiper";
export const SITE_DIR = "/opt/python/site";
export const BASE_DIR = "/opt/python/base";
/** Last in the path: programs that this machine has by another name only. */
const NAMES_DIR = "/opt/bin";
export const HOME_DIR = "/home/user";
/** Folders of the room's own that are full once it is made. */
const SEALED = ["/etc", "/opt"];
const SEALED_BYTES = 4 * 2 ** 20;

/** What goes to `--args`; the command itself stays on the command line. */
export function roomArguments(options: RoomOptions): string[] {
  return [
    ...words("--unshare-all --unshare-user --uid 1000 --gid 1000"),
    // A browser seals its pages in namespaces of its own; the filter lets it have three kinds.
    ...(options.profile === "browser" ? [] : ["--disable-userns"]),
    ...words("--die-with-parent --new-session --hostname sandbox --clearenv"),
    ...(options.init === "agent" ? ["--as-pid-1"] : []),
    ...Object.entries(roomEnvironment(options.python)).flatMap(([name, value]) => ["--setenv", name, value]),
    // bubblewrap's own root has no size; what lies in it besides the top level is not for the user to change.
    ...sizedTmpfs("/", options.rootBytes, "0755"),
    ...SEALED.flatMap((path) => sizedTmpfs(path, SEALED_BYTES, "0755")),
    ...systemArguments(options),
    ...pythonArguments(options.python),
    ...options.hidden.flatMap((path) => ["--tmpfs", path, "--remount-ro", path]),
    ...words("--proc /proc --dev /dev"),
    ...options.masked.flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...sizedTmpfs("/dev/shm", options.shmBytes, "1777"),
    ...sizedTmpfs("/tmp", options.tmpBytes, "1777"),
    ...sizedTmpfs(HOME_DIR, options.homeBytes, "0755"),
    ...options.files.flatMap((file) => ["--perms", "0444", "--file", String(file.fd), file.path]),
    ...["/dev", ...SEALED].flatMap((path) => ["--remount-ro", path]),
    ...words(`--chdir ${HOME_DIR} --json-status-fd ${options.statusFd} --seccomp ${options.seccompFd}`),
  ];
}

/** Where the Python of the host is found inside a room. */
export function pythonInside(python: RoomOptions["python"]): string {
  if (python.base === null) return python.executable;
  const inside = relative(python.base, python.executable);
  return join(BASE_DIR, inside.startsWith("..") ? join("bin", basename(python.executable)) : inside);
}

export function agentCommand(python: RoomOptions["python"]): string[] {
  return [pythonInside(python), "-s", "-m", "sandpiper.agent"];
}

/** In the yard the paths are those of the rooms. */
export function zygoteCommand(python: RoomOptions["python"], address: string): string[] {
  return [pythonInside(python), "-s", "-m", "sandpiper.zygote", address];
}

/** What programs in a room find in their environment, before their owner adds to it. */
export function roomEnvironment(python: RoomOptions["python"]): Readonly<Record<string, string>> {
  const path = ["/usr/local/bin", "/usr/bin", "/bin", NAMES_DIR];
  return {
    PATH: (python.base === null ? path : [join(BASE_DIR, "bin"), ...path]).join(":"),
    HOME: HOME_DIR,
    USER: "user",
    LOGNAME: "user",
    SHELL: "/bin/bash",
    LANG: "C.UTF-8",
    TZ: "UTC",
    TMPDIR: "/tmp",
    PYTHONPATH: python.site === null ? GUEST_DIR : `${SITE_DIR}:${GUEST_DIR}`,
    PYTHONDONTWRITEBYTECODE: "1",
    // Sets have the same order in every room, so that the same code comes to the same values again.
    PYTHONHASHSEED: "0",
    XDG_CACHE_HOME: "/tmp/.cache",
    MPLCONFIGDIR: "/tmp/.cache/matplotlib",
    MPLBACKEND: "module://sandpiper.inline",
    // One thread each: a pool of sandboxes shares the cores, and threads cannot be forked.
    OPENBLAS_NUM_THREADS: "1",
    OMP_NUM_THREADS: "1",
    ...(python.base === null ? {} : { LD_LIBRARY_PATH: join(BASE_DIR, "lib") }),
  };
}

function systemArguments(options: RoomOptions): string[] {
  const links = Object.entries(options.links).flatMap(([name, target]) =>
    target === null ? ["--ro-bind", `/${name}`, `/${name}`] : ["--symlink", target, `/${name}`],
  );
  return ["--ro-bind", "/usr", "/usr", ...links, ...options.etc.flatMap((path) => ["--ro-bind", path, path])];
}

function pythonArguments(python: RoomOptions["python"]): string[] {
  return [
    ...(python.base === null ? [] : ["--ro-bind", python.base, BASE_DIR]),
    ...(python.site === null ? [] : ["--ro-bind", python.site, SITE_DIR]),
    // Debian has no program of this name, and everybody types it.
    "--symlink",
    pythonInside(python),
    `${NAMES_DIR}/python`,
  ];
}

function words(text: string): string[] {
  return text.split(" ");
}

function sizedTmpfs(path: string, bytes: number, mode: string): string[] {
  return ["--perms", mode, "--size", String(bytes), "--tmpfs", path];
}
