// The file's facts: the Python that finds them inside the sandbox, and the distrustful reading of what it prints.
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import columnsSource from "./profiler/columns.py" with { type: "text" };
import filesSource from "./profiler/files.py" with { type: "text" };
import textSource from "./profiler/text.py" with { type: "text" };
import { pythonData } from "./python.ts";
import { Reading, SourceColumn } from "./source.ts";
import jsonRowsSource from "./templates/json_rows.py" with { type: "text" };
import missingSource from "./templates/missing.py" with { type: "text" };

/** What the profiler's line starts with. */
const PREFIX = "SANDPIPER-PROFILE ";
const MAX_LINE = 200_000;

const finite = z.number().nullable();

export const ColumnProfile = SourceColumn.extend({
  name: z.string().min(1).max(220),
  nulls: z.number().int().min(0),
  distinct: z.number().int().min(0),
  /** More distinct values than were counted. */
  distinctCapped: z.boolean(),
  integer: z.boolean(),
  min: finite,
  max: finite,
  mean: finite,
  from: z.string().max(40).nullable(),
  to: z.string().max(40).nullable(),
  grain: z.enum(["year", "quarter", "month", "week", "day", "hour"]).nullable(),
  /** Frequent values, most frequent first; untrusted text, cut to 60 characters. */
  top: z.array(z.object({ value: z.string().max(80), count: z.number().int().min(0) })).max(40),
});
export type ColumnProfile = z.infer<typeof ColumnProfile>;

export const FileProfile = z.object({
  path: z.string().min(1).max(4_096),
  name: z.string().max(1_000),
  bytes: z.number().int().min(0),
  /** Why the file cannot be used, in words for people. Then `reading` is null. */
  problem: z.object({ code: z.string().max(40), message: z.string().max(600) }).nullable(),
  reading: Reading.nullable(),
  rows: z.number().int().min(0),
  /** False: `rows` is an estimate. */
  rowsExact: z.boolean(),
  /** Rows that the statistics rest on. */
  sampled: z.number().int().min(0),
  columnCount: z.number().int().min(0),
  /** The first columns; `columnCount` says how many there are. */
  columns: z.array(ColumnProfile).max(200),
  sheets: z.array(z.string().max(100)).max(50),
  /** Sentences about what was assumed (title rows skipped, day before month …). */
  notes: z.array(z.string().max(300)).max(10),
});
export type FileProfile = z.infer<typeof FileProfile>;

/** What the sandbox's Python can write. */
export const Capabilities = z.object({ excel: z.boolean(), parquet: z.boolean() });
export type Capabilities = z.infer<typeof Capabilities>;

const Report = z.object({
  capabilities: Capabilities,
  files: z.array(FileProfile).max(50),
});

/** Python that looks at the files (paths relative to the sandbox's working folder) and prints one line for `parseProfiles`. */
export function profileCode(files: readonly { path: string; name: string }[]): string {
  const data = pythonData(files.map(({ path, name }) => ({ path, name })));
  const parts = [missingSource, jsonRowsSource, columnsSource, textSource, filesSource];
  return [...parts, `main("${PREFIX}", json.loads(${data}))`, ""].join("\n");
}

/** The profiles in a sandbox's stdout. Throws AppError `sandbox` when they are missing or not what was agreed. */
export function parseProfiles(stdout: string): FileProfile[] {
  return parseReport(stdout).files;
}

/** What the sandbox that printed the profiles can write. */
export function parseCapabilities(stdout: string): Capabilities {
  return parseReport(stdout).capabilities;
}

function parseReport(stdout: string): z.infer<typeof Report> {
  const line = stdout.split("\n").find((each) => each.startsWith(PREFIX));
  if (line === undefined || line.length > MAX_LINE) throw unreadable("no profile line in the output");
  let value: unknown;
  try {
    value = JSON.parse(line.slice(PREFIX.length));
  } catch (error) {
    throw unreadable("the profile line is not JSON", error);
  }
  const report = Report.safeParse(value);
  if (!report.success) throw unreadable(z.prettifyError(report.error).slice(0, 2_000));
  return report.data;
}

function unreadable(detail: string, cause?: unknown): AppError {
  const message = "The sandbox could not describe the file. Try again; if it stays so, the file may be damaged.";
  return new AppError("sandbox", message, cause === undefined ? { detail } : { detail, cause });
}
