// The files that a job names, found on this machine and given names for the sandbox.
import { basename, extname, resolve } from "node:path";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { resolveInside, safeName } from "../shared/files.ts";
import { readUpload } from "../shared/uploads.ts";
import { SANDBOX_HOME } from "./artifacts.ts";

export type InputFile = {
  /** Absolute, on this machine. */
  readonly source: string;
  /** What the person called it. */
  readonly name: string;
  /** Absolute, in the sandbox; a safe form of the name, unique in the job. */
  readonly target: string;
};

/** Throws AppError for a name that is missing or points out of storage/uploads and storage/temp. */
export async function findInputs(names: readonly string[], config: Config, board: Board): Promise<InputFile[]> {
  const folders = [resolve(config.storageDir, "uploads"), resolve(config.storageDir, "temp")];
  const taken = new Set<string>();
  const files: InputFile[] = [];
  for (const id of names) {
    const source = await resolveInside(folders, id);
    const name = board.read((tx) => readUpload(tx, id))?.name ?? basename(id);
    files.push({ source, name, target: `${SANDBOX_HOME}/${freeName(taken, safeName(name))}` });
  }
  return files;
}

function freeName(taken: Set<string>, name: string): string {
  const extension = extname(name);
  const stem = name.slice(0, name.length - extension.length);
  let candidate = name;
  for (let count = 2; taken.has(candidate); count += 1) candidate = `${stem}-${count}${extension}`;
  taken.add(candidate);
  return candidate;
}
