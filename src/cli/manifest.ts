// What a backup says about itself: the last file in it, so that a backup without it is a torn one.
import { z } from "zod";

export const MANIFEST = "manifest.json";
/** The board inside a backup. */
export const BOARD = "data/jobs.db";
export const FORMAT = 1;

const FileFacts = z.object({ path: z.string(), bytes: z.number(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
export const Manifest = z.object({
  product: z.literal("sandpiper"),
  format: z.literal(FORMAT),
  /** Of the Sandpiper that made it. */
  version: z.string(),
  schemaVersion: z.number(),
  createdAt: z.iso.datetime(),
  counts: z.object({ jobs: z.number(), conversations: z.number(), files: z.number(), bytes: z.number() }),
  files: z.array(FileFacts),
  /** Files that rows name and that are not in the backup. */
  missing: z.array(z.object({ path: z.string(), why: z.enum(["gone", "not-a-file", "unreadable"]) })),
});
export type Manifest = z.infer<typeof Manifest>;
export type FileFacts = z.infer<typeof FileFacts>;
