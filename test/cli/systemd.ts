// systemctl and loginctl as shell scripts on a PATH of the test's own: they keep their state in files, write down every call
// and answer in the words of systemd 252. What they do not know they refuse, so that a new call is noticed.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, type TemporaryFolder } from "../shared/temporary.ts";
import { MAIN, run, type Said } from "./command.ts";

/** Each is a file: there or not. */
type Fact = "no-manager" | "enabled" | "active" | "failed" | "lingering" | "refuse-linger" | "refuse-enable";

export type FakeSystemd = TemporaryFolder & {
  readonly units: string;
  readonly set: (fact: Fact, isSo?: boolean) => void;
  readonly is: (fact: Fact) => boolean;
  /** What was asked since the last time, without the questions that change nothing. */
  readonly orders: () => string[];
  readonly service: (...args: string[]) => Promise<Said>;
  readonly serviceWith: (environment: Readonly<Record<string, string>>, ...args: string[]) => Promise<Said>;
  /** Of the Sandpiper in another folder. */
  readonly serviceOf: (main: string, ...args: string[]) => Promise<Said>;
};

export function fakeSystemd(): FakeSystemd {
  const folder = temporaryFolder();
  const at = (...parts: string[]) => join(folder.path, ...parts);
  const units = at("home/.config/systemd/user");
  for (const one of ["bin", "facts", "home", "runtime"]) mkdirSync(at(one));
  for (const [name, body] of Object.entries({ systemctl: systemctl(units), loginctl: LOGINCTL })) {
    writeFileSync(at("bin", name), `#!/bin/sh\ncd ${at("facts")}\necho "${name} $*" >> calls\n${body}`);
    chmodSync(at("bin", name), 0o755);
  }
  const environment = {
    PATH: `${at("bin")}:/usr/bin:/bin`,
    HOME: at("home"),
    SANDPIPER_HOME: at("home"),
    XDG_RUNTIME_DIR: at("runtime"),
  };
  const start = (main: string, more: Readonly<Record<string, string>>, args: readonly string[]) =>
    run([process.execPath, "--no-env-file", main, "service", ...args], { ...environment, ...more });
  return {
    ...folder,
    units,
    set: (fact, isSo = true) => (isSo ? writeFileSync(at("facts", fact), "") : rmSync(at("facts", fact))),
    is: (fact) => existsSync(at("facts", fact)),
    orders: () => {
      const file = at("facts/calls");
      const calls = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
      rmSync(file, { force: true });
      return calls.filter((call) => !/ show(-user)? /.test(call)).map((call) => call.replace(" --no-ask-password", ""));
    },
    service: (...args) => start(MAIN, {}, args),
    serviceWith: (more, ...args) => start(MAIN, more, args),
    serviceOf: (main, ...args) => start(main, {}, args),
  };
}

const systemctl = (units: string): string => `
fail() { echo "$1" >&2; exit 1; }
[ "$1 $2" = "--user --no-ask-password" ] || fail "Unexpected: $*"
shift 2
[ -z "$XDG_RUNTIME_DIR" ] && fail "Failed to connect to bus: No medium found"
[ -e no-manager ] && fail "Failed to connect to bus: Connection refused"
[ "$TZ $LC_ALL" = "UTC C" ] || fail "Times and words would be of another zone and language."
verb=$1; shift
now=; [ "$1" = --now ] && now=1 && shift
needs_unit() { [ -e "${units}/$1" ] || fail "Failed to $verb unit: Unit file $1 does not exist."; }
case $verb in
  show)
    if [ "$1" = --property=Version ]; then echo "252.38-1~deb12u1"; exit; fi
    [ -e enabled ] && echo UnitFileState=enabled || echo UnitFileState=
    if [ -e active ]; then echo ActiveState=active; echo "ActiveEnterTimestamp=Sun 2026-11-22 10:00:00 UTC"
    elif [ -e failed ]; then echo ActiveState=failed; echo "ActiveEnterTimestamp=Sat 2026-11-21 10:00:00 UTC"
    else echo ActiveState=inactive; echo ActiveEnterTimestamp=; fi ;;
  daemon-reload) ;;
  enable)
    needs_unit "$1"
    [ -e refuse-enable ] && fail "Failed to enable unit: Unit $1 is masked."
    echo "Created symlink default.target.wants/$1" >&2
    touch enabled; [ -n "$now" ] && touch active; exit 0 ;;
  disable) needs_unit "$1"; rm -f enabled; [ -n "$now" ] && rm -f active; exit 0 ;;
  restart) needs_unit "$1"; touch active ;;
  stop) rm -f active ;;
  *) fail "Unknown command verb $verb." ;;
esac
`;

const LOGINCTL = `
case $1 in
  show-user) [ -e lingering ] && echo yes && exit
    echo "Failed to get user: User ID $2 is not logged in or lingering" >&2; exit 1 ;;
  --no-ask-password) [ "$2" = enable-linger ] || exit 1
    [ -e refuse-linger ] && echo "Could not enable linger: Interactive authentication required." >&2 && exit 1
    touch lingering ;;
  *) exit 1 ;;
esac
`;
