// What came out of a sandbox → storage/outputs/<job>/<attempt>/ → artifact rows. By collection, never by a program's promise.
import { join } from "node:path";
import { AppError } from "../shared/errors.ts";
import { safeName, storeStream, type Stored } from "../shared/files.ts";
import { freeName } from "../shared/free_name.ts";
import type { Artifact, ChartData } from "../shared/types.ts";
import type { JobSandbox, RunResult, SandboxFile } from "./e2b_client.ts";

/** Where code runs and where its files are looked for; E2B's image and ours agree. */
export const SANDBOX_HOME = "/home/user";
const MAX_DEPTH = 4;
/** A job that makes more files than this wants an archive. */
const MAX_FILES = 200;
const MAX_CHART_BYTES = 2 ** 20;

const TOO_LARGE = "it is larger than what one job may bring out.";
const NO_ROOM =
  "there is no room for it in storage. Delete conversations that you do not need, or raise SANDPIPER_STORAGE_GB, and ask again.";

export type Collected = { readonly artifacts: readonly Artifact[]; readonly notes: readonly string[] };
export type Snapshot = ReadonlyMap<string, string>;

/** The files as they are before the code runs; what differs afterwards is new. */
export async function snapshot(sandbox: JobSandbox): Promise<Snapshot> {
  const files = await sandbox.list(SANDBOX_HOME, MAX_DEPTH);
  return new Map(files.map((file) => [file.path, fingerprint(file)]));
}

const fingerprint = (file: SandboxFile): string => `${file.bytes}:${file.modifiedAt}`;

export type Outputs = {
  readonly jobId: string;
  /** Absolute folder that the job's files go to, and the same as people see it. */
  readonly folder: string;
  readonly shownAs: string;
  /** What one job may bring out. */
  readonly maxBytes: number;
  /** What the storage has room for. */
  readonly roomBytes: number;
  /** Names that earlier cells of the job took, in small letters; those of this one join them. */
  readonly names: Set<string>;
};

/** Rich results first (the charts, in their order), then new and changed files. */
export async function collect(
  sandbox: JobSandbox,
  before: Snapshot,
  results: readonly RunResult[],
  outputs: Outputs,
): Promise<Collected> {
  const keep = createKeeper(sandbox, outputs);
  for (const [index, result] of results.entries()) await keepResult(keep, result, index);
  const files = await sandbox.list(SANDBOX_HOME, MAX_DEPTH);
  const fresh = files.filter((file) => before.get(file.path) !== fingerprint(file) && !isHidden(file.path));
  for (const file of fresh.slice(0, MAX_FILES)) {
    await keep.store(baseName(file.path), file.bytes, () => sandbox.download(file.path), null);
  }
  if (fresh.length > MAX_FILES) keep.notes.push(`${fresh.length - MAX_FILES} more files were made and left behind.`);
  return { artifacts: keep.artifacts, notes: keep.notes };
}

async function keepResult(keep: Keeper, result: RunResult, index: number): Promise<void> {
  for (const file of result.files) {
    const bytes = Buffer.from(file.content, file.encoding);
    const stem = result.chart !== null || file.extension !== "pdf" ? "graph" : `result-${index + 1}`;
    const chart = file.extension === "png" ? result.chart : null;
    await keep.store(
      `${stem}.${file.extension}`,
      bytes.byteLength,
      () => Promise.resolve(new Blob([bytes]).stream()),
      chart,
    );
  }
}

const baseName = (path: string): string => path.split("/").at(-1) ?? path;
const isHidden = (path: string): boolean =>
  path
    .slice(SANDBOX_HOME.length)
    .split("/")
    .some((part) => part.startsWith("."));

type Keeper = {
  readonly artifacts: Artifact[];
  readonly notes: string[];
  readonly store: (
    name: string,
    bytes: number,
    open: () => Promise<ReadableStream<Uint8Array>>,
    chart: ChartData | null,
  ) => Promise<void>;
};

function createKeeper(sandbox: JobSandbox, outputs: Outputs): Keeper {
  const artifacts: Artifact[] = [];
  const notes: string[] = [];
  const { names } = outputs;
  let kept = 0;

  const store: Keeper["store"] = async (wanted, bytes, open, chart) => {
    const name = freeName(safeName(wanted), (candidate) => names.has(candidate.toLowerCase()));
    if (kept + bytes > Math.min(outputs.maxBytes, outputs.roomBytes)) {
      notes.push(`“${name}” was left behind: ${kept + bytes > outputs.maxBytes ? TOO_LARGE : NO_ROOM}`);
      return;
    }
    const left = Math.min(outputs.maxBytes, outputs.roomBytes) - kept;
    const stored = await storeWithin(join(outputs.folder, name), name, open, left, sandbox);
    if (stored === null) {
      notes.push(`“${name}” was left behind: it could not be read from the sandbox.`);
      return;
    }
    kept += stored.bytes;
    names.add(name.toLowerCase());
    const path = `${outputs.shownAs}/${name}`;
    artifacts.push({ id: Bun.randomUUIDv7(), jobId: outputs.jobId, name, path, ...stored, ...chartData(chart) });
  };
  return { artifacts, notes, store };
}

/** Null for a file that the sandbox listed but does not give: it may lie. Throws when the sandbox itself is gone. */
async function storeWithin(
  path: string,
  name: string,
  open: () => Promise<ReadableStream<Uint8Array>>,
  maxBytes: number,
  sandbox: JobSandbox,
): Promise<Stored | null> {
  try {
    return await storeStream(path, name, await open(), maxBytes);
  } catch (error) {
    if (!(error instanceof AppError) || (error.code !== "sandbox" && error.code !== "too_large")) throw error;
    if (error.code === "sandbox") await sandbox.list(SANDBOX_HOME, 1);
    return null;
  }
}

function chartData(chart: ChartData | null): { data?: ChartData } {
  if (chart === null || JSON.stringify(chart).length > MAX_CHART_BYTES) return {};
  return { data: chart };
}
