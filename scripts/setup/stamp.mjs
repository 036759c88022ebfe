// Stamps in .tools/: what was done for which inputs, so that the next start only compares.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** sha-256 of the parts, in their order; a part that is undefined counts as empty. */
export function digest(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part ?? "").update("\0");
  return hash.digest("hex");
}

/** sha-256 of names and bytes of all files below a folder. */
export function treeDigest(folder) {
  const hash = createHash("sha256");
  const names = readdirSync(folder, { recursive: true }).map(String).toSorted();
  for (const name of names) {
    const path = join(folder, name);
    if (statSync(path).isFile()) hash.update(name).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}

/** A file's text, or null when there is none. */
export function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  }
}

/** A JSON file's value, or null when it is missing or torn. */
export function readJson(path) {
  const text = readText(path);
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** Written beside its place and renamed into it: a reader sees the old text or the new one. */
export function writeAtomically(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, text);
  renameSync(part, path);
}

/** Clears away what a killed set-up left half done. Only for who holds the folder's lock. */
export function removeParts(folder, prefix = "") {
  const isPart = (name) => name.startsWith(prefix) && name.endsWith(".part");
  for (const name of readdirSync(folder).filter(isPart)) rmSync(join(folder, name), { recursive: true, force: true });
}

/** What tells one build of a file from another without reading it; null when there is no such file. */
export function fileIdentity(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : `${path} ${stat.size} ${Math.round(stat.mtimeMs)}`;
}
