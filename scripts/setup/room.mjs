// What a local sandbox is made of, found or fetched once and written to .tools/setup.json for sandboxd and doctor.
import { existsSync, rmSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { ensureBubblewrap } from "./bubblewrap.mjs";
import { SetupFailure } from "./failure.mjs";
import { ensurePython } from "./python.mjs";
import { digest, fileIdentity, readJson, readText, writeAtomically } from "./stamp.mjs";

/** Sets context.python; nothing to do where the work goes to E2B. */
export async function ensureRoom(context) {
  if (!context.usesLocalRoom) return context.progress.ready("Sandbox", "E2B");
  if (process.platform !== "linux")
    throw new SetupFailure(
      "The sandbox on this machine needs Linux (on Windows: WSL).",
      "put E2B_API_KEY=… into .env: the code then runs in E2B's cloud",
    );
  const file = join(context.tools, "setup.json");
  const known = readJson(file);
  if (known !== null && isFresh(context, known)) {
    context.progress.ready("bubblewrap", known.bwrap);
    context.progress.ready("Python", `${known.python.executable}, packages: ${known.python.source}`);
    context.python = known.python;
    return undefined;
  }
  // The probe takes what it is not told from this file.
  rmSync(file, { force: true });
  const bwrap = await ensureBubblewrap(context);
  const python = await ensurePython(context, bwrap);
  writeAtomically(file, `${JSON.stringify({ bwrap, python, stamp: stampOf(context, bwrap, python) }, null, 2)}\n`);
  context.python = python;
  return undefined;
}

function isFresh(context, { bwrap, python, stamp }) {
  if (typeof bwrap !== "string" || typeof python?.executable !== "string") return false;
  const areThere = existsSync(python.pandas) && (!python.site || existsSync(python.site));
  return areThere && stampOf(context, bwrap, python) === stamp;
}

/** Changes when anything does that the answer hung on: the folder, settings, programs, package list, kernel. */
function stampOf({ settings, root }, bwrap, python) {
  const chosen = [settings.SANDPIPER_BWRAP, settings.SANDPIPER_PYTHON];
  const programs = [bwrap, python.executable].map((path) => fileIdentity(path) ?? "");
  const lists = ["python.lock", "python_more.lock", "notebook.lock"].map((name) =>
    readText(join(root, "scripts", "setup", name)),
  );
  return digest(root, ...chosen, ...programs, ...lists, release());
}
