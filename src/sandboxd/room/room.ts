// One room: its agent and the socket between. It lives until it is closed or breaks. Here it is a bubblewrap process in which
// Python starts as process 1; zygote.ts makes the same from a fork.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { AppError } from "../../shared/errors.ts";
import { LIMITS, ROOM_LIMITS } from "../limits.ts";
import { familyOf, killQuietly } from "../processes.ts";
import type { Cgroup } from "../cgroups.ts";
import type { Tools } from "../tools.ts";
import { agentCommand } from "./argv.ts";
import { Channel, RoomError } from "./channel.ts";
import { deliver, openDescriptor } from "./descriptor.ts";
import { openAll } from "./host.ts";
import { planRoom } from "./options.ts";
import type { Profile } from "./seccomp.ts";

const CHANNEL_FD = 3;
const ARGUMENTS_FD = 4;
const STATUS_FD = 5;
const SECCOMP_FD = 6;
const FIRST_FILE_FD = 7;
const SHARE = join(import.meta.dir, "../guest/share.py");
const STDERR_KEPT = 8_192;

export type Room = AsyncDisposable & {
  readonly channel: Channel;
  readonly profile: Profile;
  /** Process 1 of the room, as this machine numbers it. */
  readonly pid: number;
  /** Process 1 and whatever else a room is made of: what runs in it besides is its user's. */
  readonly staff: readonly number[];
  readonly python: string;
  /** Resolves with the reason when the room has ended, however that came. */
  readonly ended: Promise<Error>;
  /** Resolves when no process of it is left. */
  readonly gone: Promise<unknown>;
  /** What bubblewrap and the agent wrote to their stderr; resolves after the end. */
  readonly complaint: Promise<string>;
  /** Kills everything in the room; resolves when no process of it is left. */
  readonly close: (reason: Error) => Promise<void>;
};

/** Throws AppError `unavailable` when this machine cannot make a room; nothing runs in that case. */
export async function openRoom(
  tools: Tools,
  memoryBytes: number,
  cgroup: Cgroup | null = null,
  profile: Profile = "code",
): Promise<Room> {
  const started = spawnRoom(tools, profile, cgroup);
  const complaint = readStart(started.stderr);
  const broken = Promise.withResolvers<Error>();
  try {
    const channel = await Channel.open(openDescriptor(descriptor(started, CHANNEL_FD)), broken.resolve);
    const pid = await childPid(started);
    await shareWithOthers(tools, pid);
    void started.exited.then(() => channel.close(new Error("The room has ended.")));
    return await furnish(
      { channel, pid, agent: pid, broken: broken.promise, gone: started.exited, complaint },
      memoryBytes,
      profile,
    );
  } catch (cause) {
    started.kill("SIGKILL");
    await started.exited;
    throw cannotStart(await complaint, cause);
  }
}

export type Shell = {
  readonly channel: Channel;
  readonly pid: number;
  readonly agent: number;
  /** Resolves when the channel broke. */
  readonly broken: Promise<Error>;
  /** Resolves when no process of the room is left. */
  readonly gone: Promise<unknown>;
  readonly complaint: Promise<string>;
};

/** Sets the limits, and has the room die when its channel breaks. Rejects when the agent does not take the limits. */
export async function furnish(
  { channel, pid, agent, broken, gone, complaint }: Shell,
  memoryBytes: number,
  profile: Profile,
): Promise<Room> {
  let isGone = false;
  void gone.then(() => (isGone = true));
  const close = async (reason: Error): Promise<void> => {
    channel.close(reason);
    // Killing process 1 empties the namespace at once; bubblewrap then reaps it and ends.
    if (!isGone) killQuietly(pid);
    await gone;
  };
  void broken.then(close);
  try {
    const python = await configure(channel, memoryBytes, profile);
    const end = () => close(new Error("The room was closed."));
    const staff = familyOf([pid, agent]);
    return { channel, profile, pid, staff, python, ended: broken, gone, complaint, close, [Symbol.asyncDispose]: end };
  } catch (error) {
    await close(new Error("The room could not be furnished."));
    throw error;
  }
}

type Started = Subprocess<"ignore", "ignore", "pipe">;

function spawnRoom(tools: Tools, profile: Profile, cgroup: Cgroup | null): Started {
  const { args, files, filter } = planRoom({
    tools,
    profile,
    init: "agent",
    statusFd: STATUS_FD,
    seccompFd: SECCOMP_FD,
    firstFd: FIRST_FILE_FD,
  });
  using opened = openAll(files);
  let started: Started;
  try {
    started = Bun.spawn([tools.bwrap, "--args", String(ARGUMENTS_FD), "--", ...agentCommand(tools.python)], {
      cwd: "/",
      env: {},
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", "pipe", "pipe", ...opened.fds],
    });
  } catch (cause) {
    throw new AppError("unavailable", `bubblewrap could not be started from ${tools.bwrap}. Run: npm run doctor`, {
      cause,
    });
  }
  // It waits for its arguments: whatever it starts comes after this.
  if (cgroup !== null) writeFileSync(cgroup.procs, String(started.pid));
  // Host paths travel here, not on the command line that every process of this machine can read.
  deliver(descriptor(started, ARGUMENTS_FD), new TextEncoder().encode(`${args.join("\0")}\0`));
  deliver(descriptor(started, SECCOMP_FD), filter);
  return started;
}

function descriptor(started: Started, index: number): number {
  const value: unknown = started.stdio[index];
  if (typeof value !== "number") throw new AppError("internal", `The room was started without descriptor ${index}.`);
  return value;
}

/** bubblewrap tells the pid of the room's process 1 as JSON on the status descriptor. */
async function childPid(started: Started): Promise<number> {
  const found = Promise.withResolvers<number>();
  let text = "";
  await openDescriptor(descriptor(started, STATUS_FD))({
    data: (chunk) => {
      text += chunk.toString();
      const pid = /"child-pid"\s*:\s*(\d+)/.exec(text)?.[1];
      if (pid !== undefined) found.resolve(Number(pid));
    },
    end: () => found.reject(new Error("bubblewrap ended before the room was ready")),
  });
  return await found.promise;
}

/** A room's part of what is counted by user. A kernel that cannot be told so has rooms that share it all. */
async function shareWithOthers(tools: Tools, pid: number): Promise<void> {
  const program = [tools.python.executable, "-I", "-S", SHARE, String(pid)];
  const told = Bun.spawn(program, { cwd: "/", env: {}, stdio: ["ignore", "ignore", "ignore"] });
  await told.exited;
}

async function configure(channel: Channel, memoryBytes: number, profile: Profile): Promise<string> {
  const limits = {
    data: memoryBytes,
    processes: ROOM_LIMITS[profile].processes,
    fileSize: LIMITS.homeBytes,
    openFiles: ROOM_LIMITS[profile].openFiles,
    core: 0,
    cpu: LIMITS.cpuSeconds,
  };
  const tooLate = Promise.withResolvers<never>();
  const timer = setTimeout(() => tooLate.reject(new Error("the agent did not answer in time")), LIMITS.startMs);
  try {
    const operation = { op: "configure", limits, environment: {}, filters: ownFilters() };
    const reply = await Promise.race([channel.request(operation), tooLate.promise]);
    const value = reply.value;
    return typeof value === "object" && value !== null && "python" in value ? String(value.python).slice(0, 32) : "";
  } finally {
    clearTimeout(timer);
  }
}

/** How many system-call filters lie around this process already, as in a container: the room's must be one more. */
function ownFilters(): number {
  return Number(/^Seccomp_filters:\t(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
}

/** What a child says first; the rest is let go. */
export async function readStart(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) if (text.length < STDERR_KEPT) text += decoder.decode(chunk, { stream: true });
  return text.slice(0, STDERR_KEPT).trim();
}

export function cannotStart(complaint: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  // The agent says in a sentence which seal is missing; otherwise the last line of bubblewrap or Python tells most.
  const why = cause instanceof RoomError ? cause.message : (complaint.split("\n").at(-1) ?? "");
  const said = why === "" ? "" : ` It said: ${why}`;
  return new AppError("unavailable", `This machine could not make a sealed room.${said} Run: npm run doctor`, {
    cause,
    detail: complaint || why,
  });
}
