// Asks the sandbox itself whether it can make a room with these tools.
import { join } from "node:path";
import { capture } from "./child.mjs";
import { lastLine } from "./failure.mjs";

const PROBE_LIMIT_MS = 60_000;

/**
 * `{ok: true, versions}` or `{ok: false, layer, message, fix}`; python may be left out to ask for the room alone. `modules`
 * are imported in the place of those that every room must have.
 */
export async function probe(context, { bwrap, python }, modules = []) {
  const script = join(context.root, "src", "sandboxd", "probe.ts");
  const wanted = [
    ["--bwrap", bwrap],
    ["--python", python?.executable],
    ["--site", python?.site],
    ["--base", python?.base],
    ...modules.map((name) => ["--import", name]),
  ];
  const args = wanted.flatMap(([flag, value]) => (value ? [flag, value] : []));
  const result = await capture(context.bun, [script, ...args], { cwd: context.root, timeoutMs: PROBE_LIMIT_MS });
  try {
    return JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "");
  } catch {
    const message = result.isTimedOut
      ? "The sandbox did not answer in time."
      : `The sandbox could not be tried: ${lastLine(result.output)}`;
    return { ok: false, layer: "probe", message, fix: "npm run doctor" };
  }
}
