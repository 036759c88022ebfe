// Which system calls a room may make: one pure function from profile and architecture to the filter's bytes.
import { AppError } from "../../shared/errors.ts";
import { answer, encode, keep, load, when, type Program } from "./bpf.ts";
import { AARCH64 } from "./syscalls/aarch64.ts";
import { ALLOWED } from "./syscalls/allowed.ts";
import type { Table } from "./syscalls/numbered.ts";
import { X86_64 } from "./syscalls/x86_64.ts";

/** `code`: Python and what it starts. `browser`: Chromium, which builds a sandbox of its own inside; never a user's file. */
export type Profile = "code" | "browser";
export type Architecture = "x86_64" | "aarch64";

type Machine = { readonly audit: number; readonly table: Table };
const MACHINES: Readonly<Record<Architecture, Machine>> = {
  x86_64: { audit: 0xc000_003e, table: X86_64 },
  aarch64: { audit: 0xc000_00b7, table: AARCH64 },
};

/** Calls of x32, a second set on x86_64 that nobody uses, carry this bit; on aarch64 no call is as high. */
const X32_BIT = 0x4000_0000;

// `struct seccomp_data`: the number, the architecture, and of each argument the low word first.
const NUMBER = 0;
const ARCHITECTURE = 4;
/** The kernel ignores the high word of these arguments, so the filter must not look at it (CVE-2019-10063). */
const argument = (index: number): number => 16 + 8 * index;

const refuse = (errno: number): Program => answer(0x0005_0000 + errno);
const ALLOW = answer(0x7fff_0000);
const KILL_PROCESS = answer(0x8000_0000);
const EPERM = refuse(1);
/** “This kernel is older than you think”: programs then use the older call. */
const ENOSYS = refuse(38);
const EPROTONOSUPPORT = refuse(93);
const EAFNOSUPPORT = refuse(97);

const NEW_NAMESPACE = { user: 0x1000_0000, pid: 0x2000_0000, net: 0x4000_0000 } as const;
const ALL_NEW_NAMESPACES = 0x7e02_0000;
/** What Chromium's zygote makes for its renderers. A mount namespace is not among them. */
const BROWSER_NAMESPACES = NEW_NAMESPACE.user + NEW_NAMESPACE.pid + NEW_NAMESPACE.net;

// TIOCSTI and TIOCLINUX type into a terminal; TIOCSETD loads line disciplines, drivers that nobody in a room needs.
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const TIOCSETD = 0x5423;
// Of sockets, about network devices; those of bridges, VLANs and the like have the kernel load a driver for whoever asks.
const DEVICES = [0x8908, 0x8a00] as const;
const SIOCGIFBR = 0x8940;
const SIOCSIFBR = 0x8941;
const DRIVERS = [0x8980, 0x89b0] as const;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_TYPE_BITS = 0xf;
const ANY_PROTOCOL = 0;
const TCP = 6;
const UDP = 17;
const SOL_IP = 0;
const SOL_IPV6 = 41;

const FILE_TYPE_BITS = 0xf000;
const S_IFCHR = 0x2000;
const S_IFBLK = 0x6000;

const oneOf = (values: readonly number[], yes: Program, no: Program): Program =>
  values.reduceRight<Program>((rest, value) => when("equals", value, yes, rest), no);

/** TCP and UDP alone: asking for SCTP, DCCP or the like makes the kernel load the driver. Raw sockets need a power anyway. */
const INTERNET = load(
  argument(1),
  keep(
    SOCK_TYPE_BITS,
    oneOf([SOCK_STREAM, SOCK_DGRAM], load(argument(2), oneOf([ANY_PROTOCOL, TCP, UDP], ALLOW, EPROTONOSUPPORT)), EPERM),
  ),
);
/** Netlink's routing part lists the room's own addresses (getifaddrs). */
const NETLINK = load(argument(2), when("equals", NETLINK_ROUTE, ALLOW, EAFNOSUPPORT));
/** From here on the options of the internet family are the packet filter's tables (CVE-2021-22555), not the socket's. */
const IP_OPTION = load(argument(2), when("isAtLeast", 64, EPERM, ALLOW));
const IPV6_OPTION = load(argument(2), oneOf([64, 65], EPERM, ALLOW));
/** A FIFO, a socket and a file may be made. */
const NO_DEVICE = keep(FILE_TYPE_BITS, oneOf([S_IFCHR, S_IFBLK], EPERM, ALLOW));

/** The architecture of the rooms by Bun's name for it. Throws AppError `unavailable` where no filter is known. */
export function architectureOf(name: string): Architecture {
  if (name === "x64") return "x86_64";
  if (name === "arm64") return "aarch64";
  throw new AppError(
    "unavailable",
    `The system-call filter (seccomp) of the rooms is not written for this machine's processor (${name}), so no sealed room can be made.`,
  );
}

/**
 * `struct sock_filter[]` for bubblewrap's --seccomp or prctl(PR_SET_SECCOMP). Foreign calls end the process, calls newer than
 * our tables get ENOSYS, all others that are not allowed EPERM. A handful of comparisons finds a number's answer, and since
 * Linux 5.11 the kernel remembers which numbers are allowed in any case.
 */
export function seccompFilter(profile: Profile, architecture: Architecture): Uint8Array<ArrayBuffer> {
  const { audit, table } = MACHINES[architecture];
  const x32 = architecture === "x86_64" ? [{ from: X32_BIT, program: KILL_PROCESS }] : [];
  const byNumber = search([...answers(profile, table), ...x32]);
  return encode(load(ARCHITECTURE, when("equals", audit, load(NUMBER, byNumber), KILL_PROCESS)));
}

/** The numbers from here to the next range's have this program. */
type Range = { readonly from: number; readonly program: Program };

/** Ascending from 0; neighbours of the same answer are one range. */
function answers(profile: Profile, table: Table): Range[] {
  const allowed = new Set(ALLOWED);
  const special = conditions(profile);
  const ranges: Range[] = [];
  let next = 0;
  const add = (from: number, program: Program): void => {
    if (ranges.at(-1)?.program !== program) ranges.push({ from, program });
  };
  for (const [name, number] of [...table].toSorted(([, a], [, b]) => a - b)) {
    if (number > next) add(next, ENOSYS);
    add(number, special.get(name) ?? (allowed.has(name) ? ALLOW : EPERM));
    next = number + 1;
  }
  add(next, ENOSYS);
  return ranges;
}

function search(ranges: readonly Range[]): Program {
  const half = Math.ceil(ranges.length / 2);
  const upper = ranges[half];
  if (upper === undefined) return ranges[0]?.program ?? KILL_PROCESS;
  return when("isAtLeast", upper.from, search(ranges.slice(half)), search(ranges.slice(0, half)));
}

/** The calls whose arguments or whose profile decide. */
function conditions(profile: Profile): ReadonlyMap<string, Program> {
  const newNamespaces = profile === "browser" ? ALL_NEW_NAMESPACES - BROWSER_NAMESPACES : ALL_NEW_NAMESPACES;
  return new Map([
    ["clone", load(argument(0), when("hasAnyOf", newNamespaces, EPERM, ALLOW))],
    // Its flags lie in memory, where no filter can look.
    ["clone3", ENOSYS],
    ["ioctl", load(argument(1), oneOf([TIOCSTI, TIOCLINUX, TIOCSETD, SIOCGIFBR, SIOCSIFBR], EPERM, devices(profile)))],
    ["socket", socket(profile === "browser" ? EAFNOSUPPORT : NETLINK)],
    ["socketpair", load(argument(0), when("equals", AF_UNIX, ALLOW, EAFNOSUPPORT))],
    // 0 is how every process starts and all bits ask what it is; the others take away address randomisation and the like.
    ["personality", load(argument(0), oneOf([0, 0xffff_ffff], ALLOW, EPERM))],
    ["mknod", load(argument(1), NO_DEVICE)],
    ["mknodat", load(argument(2), NO_DEVICE)],
    ...(profile === "browser" ? BROWSER : []),
  ]);
}

/** Where network namespaces can be made, one has power over its own: what only that power reaches is closed (with NETLINK). */
const BROWSER: readonly (readonly [string, Program])[] = [
  ["unshare", load(argument(0), keep(~BROWSER_NAMESPACES >>> 0, when("equals", 0, ALLOW, EPERM)))],
  // Into an empty folder, once a renderer has opened all that it needs.
  ["chroot", ALLOW],
  // Memory that the browser's processes share; what counts it is the browser room's own limit.
  ["memfd_create", ALLOW],
  ["setsockopt", load(argument(1), when("equals", SOL_IP, IP_OPTION, when("equals", SOL_IPV6, IPV6_OPTION, ALLOW)))],
];

function devices(profile: Profile): Program {
  const [from, to] = profile === "browser" ? DEVICES : DRIVERS;
  return when("isAtLeast", to, ALLOW, when("isAtLeast", from, EPERM, ALLOW));
}

function socket(netlink: Program): Program {
  const others = when("equals", AF_NETLINK, netlink, EAFNOSUPPORT);
  return load(argument(0), when("equals", AF_UNIX, ALLOW, oneOf([AF_INET, AF_INET6], INTERNET, others)));
}
