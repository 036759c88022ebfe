// The systemd unit of this folder: its name, where it lies, and its text, escaped as systemd.unit(5) and systemd.service(5) say.
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { syncFolder } from "../../shared/files.ts";
import { AppError } from "../../shared/errors.ts";
import { printableLine } from "../printable.ts";

/** One a project folder, so that two of them can be installed side by side. */
export const unitName = (root: string): string =>
  `sandpiper-${createHash("sha256").update(root).digest("hex").slice(0, 8)}.service`;

/** Where the user manager looks for units of this user; a relative XDG_CONFIG_HOME does not count (XDG Base Directory). */
export function unitFile(root: string, configHome = ""): string {
  const folder = isAbsolute(configHome) ? configHome : join(homedir(), ".config");
  return join(folder, "systemd/user", unitName(root));
}

/** `program` is Node or Bun, absolute. Throws AppError `unsupported` for a path that no unit can hold. */
export function unitText(root: string, program: string): string {
  for (const path of [root, program]) refuseControls(path);
  return `# Made by \`bun run service -- install\`, which writes it anew; \`bun run service -- remove\` takes it away.
[Unit]
Description=Sandpiper (${specifiers(root)})

[Service]
Type=exec
ExecStart=${commandLine(program, [join(root, "scripts/run.mjs"), "start"])}
WorkingDirectory=${folderLine(root)}
Environment=SANDPIPER_OPEN=0
Restart=on-failure
RestartSec=5
# Only the door is told; it ends the others in their order. 143: it was told while it was still setting up.
KillMode=mixed
TimeoutStopSec=30
SuccessExitStatus=143
# A sandbox that wants too much memory ends alone.
OOMPolicy=continue
# The link that opens the dashboard is for a terminal, not for a journal; data/logs has everything else.
StandardOutput=null
StandardError=journal

[Install]
WantedBy=default.target
`;
}

/** Whole or not at all; true if anything changed. */
export function writeUnit(file: string, text: string): boolean {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  const descriptor = openSync(part, "w", 0o644);
  writeFileSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
  // Whatever the umask took away: there is nothing secret in it.
  chmodSync(part, 0o644);
  renameSync(part, file);
  syncFolder(dirname(file));
  return true;
}

const ASK_MS = 10_000;

/**
 * What starts scripts/run.mjs: the Node on PATH, by the name that lasts longest, or this Bun. A version manager's shim, or a
 * link that lives as long as its shell (Bun and fnm make such), is gone or answers otherwise under systemd.
 */
export function starter(path: string): string {
  const found = Bun.which("node", { PATH: path });
  if (found === null) return process.execPath;
  const asked = Bun.spawnSync([found, "-p", "process.execPath"], { timeout: ASK_MS, stderr: "ignore" });
  const program = asked.stdout.toString().trim();
  if (asked.exitCode !== 0 || !isAbsolute(program)) return process.execPath;
  const isLasting = !/^\/(tmp|var\/tmp|run\/user)\//.test(found) && realpathSync(found) === realpathSync(program);
  return isLasting ? found : program;
}

/** A line ends where systemd finds a line end, and there is no way to write one in WorkingDirectory=. */
function refuseControls(path: string): void {
  if (/\p{Cc}/u.test(path))
    throw new AppError(
      "unsupported",
      `A systemd unit cannot hold the path “${printableLine(path)}”: there is a line end or another control character in it. Rename the folder and try again.`,
    );
}

/** systemd takes no quote and no backslash in the name of a program, however escaped; in an argument it does. */
function commandLine(program: string, args: readonly string[]): string {
  const words = /["'\\$]/.test(program) ? ["/bin/sh", "-c", 'exec "$0" "$@"', program, ...args] : [program, ...args];
  return words.map(quoted).join(" ");
}

/** One word of ExecStart=: quotes, then specifiers (%) and variables ($). */
const quoted = (word: string): string =>
  `"${specifiers(word.replace(/["\\]/g, String.raw`\$&`)).replaceAll("$", "$$$$")}"`;

/** Unquoted to its end: the slash keeps a last space, and a last backslash from joining the next line. */
const folderLine = (path: string): string => `${specifiers(path)}/`;

const specifiers = (text: string): string => text.replaceAll("%", "%%");
