// What every room of this machine is made of, ready for bubblewrap's arguments.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LIMITS, ROOM_LIMITS } from "../limits.ts";
import type { Tools } from "../tools.ts";
import { roomArguments, type RoomOptions } from "./argv.ts";
import { architectureOf, seccompFilter, type Profile } from "./seccomp.ts";
import { hostLayout, maskedFiles, roomFiles, systemPackages } from "./host.ts";

export type Plan = {
  readonly args: readonly string[];
  /** Of this machine; they get the descriptors after `firstFd`, in this order. */
  readonly files: readonly string[];
  /** What `seccompFd` holds. */
  readonly filter: Uint8Array;
};

export type PlanOptions = {
  readonly tools: Tools;
  readonly profile: Profile;
  readonly init: RoomOptions["init"];
  readonly statusFd: number;
  readonly seccompFd: number;
  readonly firstFd: number;
  /** More files to copy in. */
  readonly more?: readonly { readonly from: string; readonly to: string }[];
};

/** A folder with tables of its own takes the place of the system's; one that only adds to them stands beside. */
const hasTables = (site: string | null): boolean => site !== null && existsSync(join(site, "pandas"));

/** Throws AppError `unavailable` for a processor that no filter is written for. */
export function planRoom({ tools, profile, init, statusFd, seccompFd, firstFd, more = [] }: PlanOptions): Plan {
  const filter = seccompFilter(profile, architectureOf(process.arch));
  const copies = [...roomFiles(), ...more];
  const args = roomArguments({
    ...hostLayout(),
    python: tools.python,
    masked: maskedFiles(),
    hidden: hasTables(tools.python.site) ? systemPackages() : [],
    files: copies.map((copy, index) => ({ path: copy.to, fd: firstFd + index })),
    rootBytes: LIMITS.rootBytes,
    homeBytes: LIMITS.homeBytes,
    tmpBytes: LIMITS.tmpBytes,
    shmBytes: ROOM_LIMITS[profile].shmBytes,
    statusFd,
    seccompFd,
    profile,
    init,
  });
  return { args, files: copies.map((copy) => copy.from), filter };
}
