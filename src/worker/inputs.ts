// The files that a job names, found on this machine and given names for the sandbox.
import { basename, resolve } from "node:path";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { resolveInside, safeName } from "../shared/files.ts";
import { freeName } from "../shared/free_name.ts";
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
    const free = freeName(safeName(name), (candidate) => taken.has(candidate));
    taken.add(free);
    files.push({ source, name, target: `${SANDBOX_HOME}/${free}` });
  }
  return files;
}
