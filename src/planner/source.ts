// How a table's bytes become columns: found by the profiler, obeyed by every rendered program.
import { z } from "zod";

export const KINDS = ["id", "category", "measure", "time", "text", "boolean"] as const;
export type Kind = (typeof KINDS)[number];

export const Reading = z.object({
  format: z.enum(["csv", "json", "jsonl", "xlsx", "parquet"]),
  encoding: z.string().max(40),
  delimiter: z.string().max(1),
  /** False: quotation marks are ordinary characters (a file whose quotes do not pair). */
  quote: z.boolean(),
  /** Which row holds the names; null when none does. */
  headerRow: z.number().int().min(0).nullable(),
  /** Rows above the first row of data: titles and the header. */
  skipRows: z.number().int().min(0),
  compression: z.enum(["none", "gzip"]),
  sheet: z.string().nullable(),
  /** Keys that lead to the list of records inside a JSON document. */
  records: z.array(z.string()).max(8),
});
export type Reading = z.infer<typeof Reading>;

/** `plain`: pandas reads it. `point`, `comma`: dressed with units or separators; the word names the decimal sign. */
export const NumberStyle = z.enum(["plain", "point", "comma"]);

export const SourceColumn = z.object({
  name: z.string(),
  /** The identity of a column; names are what people call it. */
  position: z.number().int().min(0),
  kind: z.enum(KINDS),
  number: NumberStyle.nullable(),
  /** A strptime format, or one of: iso, native, epoch-s, epoch-ms, quarter. */
  time: z.string().max(40).nullable(),
});
export type SourceColumn = z.infer<typeof SourceColumn>;
