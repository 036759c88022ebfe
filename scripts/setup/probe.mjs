// Asks the sandbox itself whether it can make a room with these tools.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./child.mjs";
import { lastLine } from "./failure.mjs";

const PROBE_LIMIT_MS = 60_000;

/** `{ok: true, versions}` or `{ok: false, layer, message, fix}`; python may be left out to ask for the room alone. */
export async function probe(context, { bwrap, python }) {
  const script = join(context.root, "src", "sandboxd", "probe.ts");
  const wanted = [
    ["--bwrap", bwrap],
    ["--python", python?.executable],
    ["--site", python?.site],
    ["--base", python?.base],
  ];
  const args = wanted.flatMap(([flag, value]) => (value ? [flag, value] : []));
  if (!existsSync(script)) return simpleProbe({ bwrap, python });
  const result = await capture(context.bun, [script, ...args], { cwd: context.root, timeoutMs: PROBE_LIMIT_MS });
  try {
    return JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "");
  } catch {
    const message = result.isTimedOut
      ? "The sandbox did not answer in time."
      : `The sandbox could not be tried: ${result.stderr.trim().split("\n").at(-1)}`;
    return { ok: false, layer: "probe", message, fix: "npm run doctor" };
  }
}

async function simpleProbe({ bwrap, python }) {
  const binds = ["/usr", "/lib", "/lib64", "/bin", "/etc/alternatives", "/etc/matplotlibrc"].filter((path) =>
    existsSync(path),
  );
  const room = [
    "--unshare-all",
    "--dev",
    "/dev",
    "--proc",
    "/proc",
    "--tmpfs",
    "/tmp",
    ...binds.flatMap((path) => ["--ro-bind", path, path]),
  ];
  const site = python?.site
    ? ["--ro-bind", python.site, "/opt/python/site", "--setenv", "PYTHONPATH", "/opt/python/site"]
    : [];
  const base = python?.base ? ["--ro-bind", python.base, python.base] : [];
  const program = python ? [python.executable, "-s", "-c", "import pandas, numpy, matplotlib"] : ["/usr/bin/true"];
  const result = await capture(
    bwrap,
    [...room, ...site, ...base, "--clearenv", "--setenv", "HOME", "/tmp", ...site.slice(3), ...program],
    { timeoutMs: PROBE_LIMIT_MS },
  );
  if (result.code === 0) return { ok: true, versions: {} };
  return {
    ok: false,
    layer: python ? "python" : "namespace",
    message: lastLine(result.output),
    fix: "see docs/setup.md",
  };
}
