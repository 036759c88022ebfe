// Bytes on disk: safe names, media types found by content, and writing that is whole or absent.
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, extname, join, resolve, sep } from "node:path";
import { AppError, systemCode } from "./errors.ts";

/** The last part of a path in a form that every file system, shell and page can bear; never empty, at most 120 bytes or so. */
export function safeName(name: string, fallback = "file"): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const cleaned = last
    .normalize("NFC")
    // Control and bidirectional characters could make a name look like another one.
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}<>:"|?*]/gu, "_")
    .replace(/^[.\s-]+|[.\s]+$/g, "");
  const extension = shorten(extname(cleaned), 16).trimEnd();
  const stem = shorten(cleaned.slice(0, cleaned.length - extname(cleaned).length), 96);
  const whole = `${stem}${extension}`;
  return whole === "" || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(whole) ? `${fallback}${extension}` : whole;
}

function shorten(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = "";
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
}

/** The folder of a job's files inside storage/outputs. A stranger's id may be anything, "..", for one. */
export function outputFolder(jobId: string): string {
  return /^[\w-]{1,100}$/.test(jobId) ? jobId : createHash("sha256").update(jobId).digest("hex");
}

/**
 * The folder inside storage/outputs that one attempt has for itself, whatever becomes of its claim: an id that was deleted
 * and came again counts its attempts from one again, so the moment of the claim belongs to it.
 */
export function attemptFolder(claim: Readonly<Record<"attempt" | "startedAt", number> & { jobId: string }>): string {
  return `${outputFolder(claim.jobId)}/${claim.attempt}-${claim.startedAt.toString(36)}`;
}

/** Whether a folder of a job is one of `attemptFolder`. */
export const isAttemptFolder = (name: string): boolean => /^\d+-[\da-z]+$/.test(name);

const MAGIC: readonly (readonly [mediaType: string, bytes: readonly number[]])[] = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38, 0x37, 0x61]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38, 0x39, 0x61]],
  ["application/pdf", [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ["application/gzip", [0x1f, 0x8b]],
  ["application/vnd.apache.parquet", [0x50, 0x41, 0x52, 0x31]],
  ["application/vnd.sqlite3", [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20, 0x66]],
  ["audio/ogg", [0x4f, 0x67, 0x67, 0x53]],
];

const OFFICE: { readonly [extension: string]: string } = {
  ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
};

const TEXTS: { readonly [extension: string]: string } = {
  ".csv": "text/csv",
  ".tsv": "text/tab-separated-values",
  ".json": "application/json",
  ".md": "text/markdown",
  ".html": "text/html",
  ".htm": "text/html",
  ".svg": "image/svg+xml",
  ".py": "text/x-python",
};

/** A comment ends at its first `-->`: with a second way to read it, a file of comments would take for ever. */
const SVG = /^\s*(<\?xml[^>]*>\s*)?(<!--((?!-->)[\s\S])*-->\s*)*(<!doctype svg[^>]*>\s*)?<svg[\s>]/i;

/** By content first; the name only tells kinds apart that begin alike (zip-based office files, sorts of text). */
export function mediaTypeOf(head: Uint8Array, name: string): string {
  const extension = extname(name).toLowerCase();
  const magic = MAGIC.find(([, bytes]) => bytes.every((byte, index) => head[index] === byte));
  if (magic !== undefined) return magic[0];
  const opening = Buffer.from(head.subarray(0, 12)).toString("latin1");
  if (opening.startsWith("RIFF") && opening.endsWith("WEBP")) return "image/webp";
  if (head[0] === 0x50 && head[1] === 0x4b) return OFFICE[extension] ?? "application/zip";
  if (head.includes(0)) return "application/octet-stream";
  if (SVG.test(new TextDecoder().decode(head))) return "image/svg+xml";
  return TEXTS[extension] ?? "text/plain";
}

export type Stored = { readonly bytes: number; readonly sha256: string; readonly mediaType: string };

/**
 * Streams into a part file beside it, hidden (no safe name is) and nobody else's, then renames. Bytes and name are on
 * the disk when it resolves. Throws AppError `too_large` beyond `maxBytes` and `unavailable` on a full disk; nothing is left
 * behind.
 */
export async function storeStream(
  path: string,
  name: string,
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Stored> {
  try {
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const part = join(dirname(path), `.${Bun.randomUUIDv7()}.part`);
    try {
      const stored = await writePart(part, name, stream, maxBytes);
      await rename(part, path);
      syncNames(dirname(path), made);
      return stored;
    } finally {
      await rm(part, { force: true });
    }
  } catch (error) {
    if (!["ENOSPC", "EDQUOT"].includes(systemCode(error))) throw error;
    throw new AppError("unavailable", `The disk is full, so “${name}” was not kept. Free some space.`, {
      cause: error,
    });
  }
}

async function writePart(
  part: string,
  name: string,
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Stored> {
  await using file = await open(part, "wx", 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  let head = new Uint8Array();
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes)
      throw new AppError(
        "too_large",
        `“${name}” is larger than ${Math.floor(maxBytes / 2 ** 20)} MiB. It was not kept.`,
      );
    if (head.byteLength < 4_096) head = Buffer.concat([head, chunk.subarray(0, 4_096)]).subarray(0, 4_096);
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  await file.datasync();
  return { bytes, sha256: hash.digest("hex"), mediaType: mediaTypeOf(head, name) };
}

/** `made` is the first of the folders on the way that are new; their names are in the folders above them. */
function syncNames(folder: string, made: string | undefined): void {
  syncFolder(folder);
  if (made !== undefined && folder.length >= made.length) syncNames(dirname(folder), made);
}

/** Names are on the disk when their folder is. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The real path of a name inside one of these folders. Absolute names, `..`, symlinks (at any level) and anything that is
 * not a regular file are refused with AppError `bad_request`; a missing one is `not_found`.
 */
export async function resolveInside(folders: readonly string[], name: string): Promise<string> {
  const refuse = (why: string) =>
    new AppError("bad_request", `The file “${name}” ${why}. Files must lie in storage/uploads or storage/temp.`);
  if (name.includes("\0") || name.startsWith("/") || name.split(/[/\\]/).includes(".."))
    throw refuse("points outside the storage folder");
  for (const folder of folders) {
    const path = resolve(folder, name);
    if (!path.startsWith(folder + sep)) throw refuse("points outside the storage folder");
    const facts = await lstat(path).catch(() => null);
    if (facts === null) continue;
    if (facts.isSymbolicLink()) throw refuse("is a symbolic link");
    if (!facts.isFile()) throw refuse("is not a regular file");
    const real = await realpath(path);
    if (real !== resolve(await realpath(folder), name)) throw refuse("lies behind a symbolic link");
    return real;
  }
  throw new AppError(
    "not_found",
    `The file “${basename(name)}” is not there. Send it again, or put it into storage/uploads.`,
  );
}
