// Every number of the sandbox server, with its unit and reason.

import { totalmem } from "node:os";
import type { Profile } from "./room/seccomp.ts";

const MIB = 2 ** 20;

/** Of the machine, or of the container around it. */
const MACHINE_BYTES = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
/** A room that has drawn a picture keeps 30 MiB of its own; one that has done nothing, 8. */
const USED_ROOM_BYTES = 40 * MIB;
/** All of them together; the rest of this machine belongs to its other programs, and to rooms that compute. */
const ROOMS_SHARE = 1 / 4;

export const LIMITS = {
  /** Of one frame, in each direction: what either side must be able to hold for one message. */
  frameHeaderBytes: 64 * 1024,
  frameBodyBytes: MIB,
  /** stdout and stderr that a client gets of one run; the rest is drained and counted. */
  outputKeptBytes: MIB,
  /** A run that writes more is broken or hostile: it is stopped. */
  outputKilledBytes: 64 * MIB,
  /** All results of one run together; charts of a job are a few hundred kilobytes each. */
  resultBytes: 64 * MIB,
  /** Code of one cell must fit one frame. */
  codeBytes: MIB,
  /** Whatever a client sends that is no file: the longest cell, if each of its characters must be escaped. */
  messageBytes: 8 * MIB,
  /** Output of a command that waits for a client that does not read. */
  unreadBytes: 32 * MIB,
  /** Of all clients of a sandbox, also what cells said. */
  unreadTotalBytes: 128 * MIB,
  /** From spawn to the agent's first answer; a cold disk with a large Python takes seconds. */
  startMs: 20_000,
  /** After an interrupt a kernel has this long to stop before it is killed. */
  interruptMs: 1_000,
  /** The SDK's clients give up a silent stream; E2B sends one as often. */
  keepaliveMs: 5_000,
  /** E2B's own default and maximum for the life of a sandbox. */
  lifeDefaultMs: 300_000,
  lifeMaxMs: 86_400_000,
  /** Rooms at once: 8 GiB of memory are enough for 51, 16 GiB for 102. */
  sandboxes: sandboxesFor(MACHINE_BYTES),
  /** After a spare was taken: the sandbox just given away gets to its first work before the next room competes with it. */
  refillMs: 100,
  /** What a spare room costs, and how many there are at most: a forked one shares nearly everything with the others. */
  forkedRoomBytes: 16 * MIB,
  forkedSpares: 3,
  startedRoomBytes: 110 * MIB,
  startedSpares: 1,
  /** The top level of a room's file system. */
  rootBytes: 64 * MIB,
  homeBytes: 512 * MIB,
  tmpBytes: 256 * MIB,
  /** Files and folders: each is memory of the kernel's, which no size of a tmpfs counts. */
  files: 250_000,
  /** Below this much memory that programs can still have, the hungriest room is emptied. */
  machineFloorBytes: 256 * MIB,
  /** Of one process; a sandbox's time bounds them all. */
  cpuSeconds: 3_600,
} as const;

/**
 * Where rooms of a profile differ. A browser is many processes with many threads each, which the kernel counts alike, and
 * shares what it has drawn. Descriptors on their way in sockets are counted by user, and whoever has more of them than it may
 * open can send no other: with the 253 of one more message, a room stays below the 1,024 of this user's other programs.
 */
export const ROOM_LIMITS: Readonly<Record<Profile, RoomLimits>> = {
  code: { processes: 128, openFiles: 512, shmBytes: 64 * MIB },
  browser: { processes: 1_024, openFiles: 768, shmBytes: 256 * MIB },
};

type RoomLimits = { readonly processes: number; readonly openFiles: number; readonly shmBytes: number };

/** Never so few that a small machine could not keep some between jobs, nor so many that one processor is lost on them. */
export function sandboxesFor(machineBytes: number): number {
  return Math.min(128, Math.max(8, Math.floor((machineBytes * ROOMS_SHARE) / USED_ROOM_BYTES)));
}
