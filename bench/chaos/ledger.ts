// What happened, as those say who took part: an append-only file outside the database, which no rollback reaches.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const Whose = { job: z.string(), attempt: z.number(), worker: z.string() };

const Line = z.discriminatedUnion("kind", [
  /** Somebody was told that this job is safe. */
  z.object({
    kind: z.literal("acknowledged"),
    job: z.string(),
    conversation: z.string().nullable(),
    door: z.enum(["http", "form", "shell", "python"]),
  }),
  /** A handler began. */
  z.object({ kind: z.literal("started"), ...Whose }),
  /** A handler did what the job is for; `mark` is of this one time and is what it hands in as its result. */
  z.object({ kind: z.literal("effect"), ...Whose, mark: z.string() }),
  /** So many deltas at most are about to be written. */
  z.object({ kind: z.literal("deltas"), ...Whose, count: z.number() }),
  /** What a worker said of the end of an attempt, in its log. */
  z.object({ kind: z.literal("said"), job: z.string(), attempt: z.number(), outcome: z.string() }),
]);
export type Line = z.infer<typeof Line>;

/** One write(2) with O_APPEND: whole lines in the order of the writing, whoever is killed when. */
export function append(file: string, line: Line): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

export function readLedger(file: string): Line[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Line.parse(JSON.parse(line)));
}
