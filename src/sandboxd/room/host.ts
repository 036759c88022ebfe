// What the rooms take from this machine: how its root is laid out, and the files that programs in a room cannot do without.
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { GUEST_DIR } from "./argv.ts";

const LINKS = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] as const;

// numpy finds its BLAS through /etc/alternatives; Debian's matplotlib its settings in /etc/matplotlibrc.
const ETC = [
  "/etc/alternatives",
  "/etc/fonts",
  "/etc/matplotlibrc",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
];

export type HostLayout = { readonly links: Readonly<Record<string, string | null>>; readonly etc: readonly string[] };

export function hostLayout(): HostLayout {
  const present = LINKS.filter((name) => existsSync(`/${name}`));
  const links = present.map((name) => [name, linkTarget(`/${name}`)] as const);
  return { links: Object.fromEntries(links), etc: ETC.filter((path) => existsSync(path)) };
}

function linkTarget(path: string): string | null {
  return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
}

/**
 * A folder of packages must not mix with the system's: matplotlib of one and mpl_toolkits of the other do not work
 * together.
 */
export function systemPackages(): string[] {
  const local = existsSync("/usr/local/lib")
    ? readdirSync("/usr/local/lib").map((name) => `/usr/local/lib/${name}/dist-packages`)
    : [];
  return ["/usr/lib/python3/dist-packages", ...local].filter((path) => existsSync(path));
}

/** The kernel lists somebody's keys, with what they are for, to all that runs as the same user. */
export function maskedFiles(): string[] {
  return ["/proc/keys", "/proc/key-users"].filter((path) => existsSync(path));
}

/** Files that every room gets as copies, so that no path of the host shows in its mount table. */
export function roomFiles(): { readonly from: string; readonly to: string }[] {
  const guest = join(import.meta.dir, "..", "guest");
  const etc = join(import.meta.dir, "etc");
  const modules = readdirSync(guest).filter((name) => name.endsWith(".py"));
  return [
    ...readdirSync(etc).map((name) => ({ from: join(etc, name), to: `/etc/${name}` })),
    ...modules.map((name) => ({ from: join(guest, name), to: `${GUEST_DIR}/sandpiper/${name}` })),
  ];
}

/** Descriptors for one spawn; close them when the child has its own. */
export function openAll(paths: readonly string[]): { readonly fds: readonly number[] } & Disposable {
  const fds = paths.map((path) => openSync(path, "r"));
  return { fds, [Symbol.dispose]: () => fds.forEach((fd) => closeSync(fd)) };
}
