// systemd as its own programs tell it: systemctl for the user manager, loginctl for lingering.
import { existsSync } from "node:fs";
import { getuid } from "node:process";
import { AppError } from "../../shared/errors.ts";

export type Said = { readonly code: number; readonly out: string; readonly err: string };

export type Systemd = {
  /** Null if a user manager answers, else one sentence: what is missing and what helps. */
  readonly missing: () => Promise<string | null>;
  /** Throws AppError `unavailable` with systemd's own words if it refuses. */
  readonly order: (...args: string[]) => Promise<void>;
  readonly state: (unit: string) => Promise<UnitState>;
  readonly isLingering: () => Promise<boolean>;
  /** Null if it is on, else why it was refused. */
  readonly linger: () => Promise<string | null>;
  readonly lingerCommand: string;
};

export type UnitState = {
  readonly isEnabled: boolean;
  /** systemd's word: active, activating, failed, inactive … */
  readonly active: string;
  /** Since when it is active, in ms. */
  readonly since: number | null;
};

type Environment = { readonly [name: string]: string | undefined };

/** To stop takes half a minute at most (TimeoutStopSec). */
const ANSWER_MS = 60_000;
const PASSED_ON = ["PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS"];

export function openSystemd(environment: Environment): Systemd {
  const run = (program: string, ...args: string[]) => runProgram(environment, program, args);
  const user = (...args: string[]) => run("systemctl", "--user", "--no-ask-password", ...args);
  // By number: the caller of `su` or `sudo` has another session than name.
  const uid = String(getuid?.() ?? 0);
  return {
    missing: async () => {
      const asked = await user("show", "--property=Version", "--value");
      return asked.code === 0 ? null : whatIsMissing(factsOf(environment, uid, asked.err));
    },
    order: async (...args) => {
      const { code, err } = await user(...args);
      if (code !== 0)
        throw new AppError("unavailable", `systemd refused “systemctl --user ${args.join(" ")}”: ${lastLine(err)}`);
    },
    state: async (unit) => stateOf(await user("show", unit, `--property=${Object.values(PROPERTIES).join(",")}`)),
    isLingering: async () => (await run("loginctl", "show-user", uid, "--property=Linger", "--value")).out === "yes",
    linger: async () => {
      const { code, err } = await run("loginctl", "--no-ask-password", "enable-linger", uid);
      return code === 0 ? null : lastLine(err);
    },
    lingerCommand: `sudo loginctl enable-linger ${uid}`,
  };
}

export type Facts = {
  readonly platform: string;
  readonly hasSystemctl: boolean;
  /** Whether systemd is the first process of this machine. */
  readonly isBooted: boolean;
  readonly hasRuntimeFolder: boolean;
  readonly uid: string;
  readonly said: string;
};

/** Why no user manager answers, and what helps. */
export function whatIsMissing({ platform, hasSystemctl, isBooted, hasRuntimeFolder, uid, said }: Facts): string {
  if (platform !== "linux")
    return `The service needs systemd, which ${platform === "darwin" ? "macOS" : platform} does not have: keep \`npm start\` running in tmux or screen, or let the system's own tool (launchd on macOS) run it.`;
  if (!hasSystemctl)
    return "The service needs systemd, and there is no systemctl here: keep `npm start` running in tmux or screen, or let this system's own tool for services run it.";
  if (!isBooted)
    return "systemd is installed, but does not run here: in a container let the container's restart policy run `npm start`; in WSL write systemd=true under [boot] into /etc/wsl.conf and start WSL again.";
  if (uid === "0")
    return `You are root, and root has no systemd user manager here (${said}): install the service as the user that Sandpiper belongs to, or log in as root directly, as sudo and su start no user manager.`;
  if (!hasRuntimeFolder)
    return `XDG_RUNTIME_DIR is not set, so your systemd user manager cannot be reached: log in directly instead of with su or sudo, or first run: export XDG_RUNTIME_DIR=/run/user/${uid}`;
  return `Your systemd user manager does not answer (${said}): log out and in again, or run: sudo systemctl start user@${uid}.service`;
}

function factsOf(environment: Environment, uid: string, err: string): Facts {
  return {
    platform: process.platform,
    hasSystemctl: pathOf(environment, "systemctl") !== null,
    isBooted: existsSync("/run/systemd/system"),
    hasRuntimeFolder: environment["XDG_RUNTIME_DIR"] !== undefined,
    uid,
    said: lastLine(err),
  };
}

const PROPERTIES = { enabled: "UnitFileState", active: "ActiveState", since: "ActiveEnterTimestamp" } as const;

function stateOf({ code, out, err }: Said): UnitState {
  if (code !== 0) throw new AppError("unavailable", `systemd did not say how the service is: ${lastLine(err)}`);
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(out)?.[1] ?? "";
  const active = value(PROPERTIES.active);
  return {
    isEnabled: value(PROPERTIES.enabled).startsWith("enabled"),
    active,
    since: active === "active" ? momentOf(value(PROPERTIES.since)) : null,
  };
}

/** systemd.time(7): “Sun 2026-11-22 10:00:00 UTC”; UTC because we asked in that zone. */
function momentOf(text: string): number | null {
  const [, date, time] = /^\w+ (\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.\d+)? UTC$/.exec(text) ?? [];
  return date === undefined ? null : Date.parse(`${date}T${time}Z`);
}

async function runProgram(environment: Environment, program: string, args: readonly string[]): Promise<Said> {
  const path = pathOf(environment, program);
  if (path === null) return { code: 127, out: "", err: `there is no ${program} here` };
  const child = Bun.spawn([path, ...args], {
    env: { ...kept(environment), LC_ALL: "C", TZ: "UTC", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: ANSWER_MS,
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out: out.trim(), err: child.signalCode === null ? err : `no answer within ${ANSWER_MS / 1_000} s` };
}

const kept = (environment: Environment): Environment =>
  Object.fromEntries(PASSED_ON.map((name) => [name, environment[name]]));

const pathOf = (environment: Environment, program: string): string | null =>
  Bun.which(program, { PATH: environment["PATH"] ?? "" });

const lastLine = (text: string): string => text.trim().split("\n").at(-1) || "it did not say why";
