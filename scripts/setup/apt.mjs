// Packages of the system, on Debian and its children: the only thing outside the project folder that set-up ever changes.
import { existsSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { capture, foreground } from "./child.mjs";
import { SetupFailure, lastLine, saysUnreachable } from "./failure.mjs";

const INSTALL_LIMIT_MS = 900_000;
const OPTIONS =
  "-y -o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 -o DPkg::Lock::Timeout=120".split(
    " ",
  );

export const hasApt = () => existsSync("/usr/bin/apt-get");

/** The command that a person can type, the same as set-up would run. */
export const aptCommand = (packages) => `sudo apt-get install --no-install-recommends ${packages.join(" ")}`;

/**
 * Installs packages after a yes on the terminal; as root without a terminal it goes ahead and says so. An ordinary user
 * without a terminal is given the command.
 */
export async function aptInstall(context, what, packages) {
  const command = aptCommand(packages);
  if (!hasApt())
    throw new SetupFailure(
      `${what} is missing, and this system has no apt-get to get it with.`,
      `install it with your system's package manager (on Debian: ${command})`,
    );
  if (context.isTerminal) {
    if (!(await agrees(what, packages))) throw new SetupFailure(`${what} is missing.`, command);
  } else if (!context.isRoot) {
    throw new SetupFailure(`${what} is missing, and installing it needs an administrator.`, command);
  } else context.progress.note(`Installing system packages: ${packages.join(" ")}`);
  // sudo may ask for its password; it must do so before a progress line owns the terminal.
  if (!context.isRoot && (await foreground("sudo", ["-v"])) !== 0)
    throw new SetupFailure(`${what} is missing, and sudo refused.`, command);
  await context.progress.step(`${what} from the system's packages`, () => install(context, packages, command));
}

async function agrees(what, packages) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `\n${what} is missing. Install these system packages with apt? ${packages.join(" ")}\n[y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

async function install(context, packages, command) {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const apt = (args) => {
    const [program, rest] = context.isRoot
      ? ["apt-get", args]
      : ["sudo", ["DEBIAN_FRONTEND=noninteractive", "apt-get", ...args]];
    return capture(program, rest, { env: environment, timeoutMs: INSTALL_LIMIT_MS });
  };
  let result = await apt(["install", "--no-install-recommends", ...OPTIONS, ...packages]);
  if (result.code !== 0) {
    // A fresh machine has no package lists, an old one has lists whose files are gone.
    await apt(["update", ...OPTIONS]);
    result = await apt(["install", "--no-install-recommends", ...OPTIONS, ...packages]);
  }
  if (result.code === 0) return undefined;
  if (result.isTimedOut || saysUnreachable(result.output))
    throw new SetupFailure(
      "The system's package servers cannot be reached from here.",
      `connect to the network, then: ${command}`,
    );
  throw new SetupFailure(`apt-get failed: ${lastLine(result.output)}`, command);
}
