// The packages of bun.lock, exactly.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./child.mjs";
import { downloadEnvironment } from "./context.mjs";
import { SetupFailure, lastLine, saysUnreachable } from "./failure.mjs";
import { digest, readText, writeAtomically } from "./stamp.mjs";
import { MINIMUM } from "./bun.mjs";

const INSTALL_LIMIT_MS = 300_000;

/** node_modules holds what bun.lock names. Tools for tests are included: leaving them out would reinstall at each switch. */
export async function ensurePackages(context) {
  const lock = readText(join(context.root, "bun.lock"));
  // Without the lock file `bun install --frozen-lockfile` succeeds and takes whatever is newest.
  if (lock === null)
    throw new SetupFailure(
      "bun.lock is missing, so the versions of the packages are unknown.",
      "git checkout bun.lock",
    );
  const wanted = digest(readText(join(context.root, "package.json")), lock, process.platform, process.arch, MINIMUM);
  const stamp = join(context.tools, "packages.stamp");
  if (existsSync(join(context.root, "node_modules")) && readText(stamp) === wanted) {
    context.progress.ready("Packages");
    return;
  }
  await context.progress.step("Packages", async () => {
    const result = await capture(context.bun, ["install", "--frozen-lockfile", "--no-progress"], {
      cwd: context.root,
      env: downloadEnvironment(),
      timeoutMs: INSTALL_LIMIT_MS,
    });
    if (result.code !== 0) throw explain(result);
    writeAtomically(stamp, wanted);
    return /(\d+ packages?) installed/.exec(result.output)?.[1] ?? "up to date";
  });
}

function explain(result) {
  if (/lockfile had changes|frozen/i.test(result.output))
    return new SetupFailure(
      "package.json and bun.lock do not fit together.",
      "bun install, then keep the changed bun.lock",
    );
  if (result.isTimedOut || saysUnreachable(result.output))
    return new SetupFailure(
      "The packages could not be downloaded: the npm registry cannot be reached from here.",
      "connect to the network and start again",
    );
  return new SetupFailure(
    `The packages could not be installed: ${lastLine(result.output)}`,
    "bun install --frozen-lockfile shows the whole message",
  );
}
