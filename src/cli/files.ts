// Files that a person names on the command line.
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { AppError } from "../shared/errors.ts";

/** False of none. */
export async function areFiles(callerDir: string, names: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    names.map(async (name) => (await stat(resolve(callerDir, name)).catch(() => null))?.isFile() ?? false),
  );
  return found.length > 0 && found.every((isFile) => isFile);
}

/** Absolute; `name` is as seen from `callerDir`. Throws AppError unless it is a file. */
export async function existingFile(callerDir: string, name: string): Promise<string> {
  const path = resolve(callerDir, name);
  const facts = await stat(path).catch(() => null);
  if (facts === null) throw new AppError("not_found", `There is no file ${path}.`);
  if (!facts.isFile()) throw new AppError("bad_request", `${path} is not a file.`);
  return path;
}
