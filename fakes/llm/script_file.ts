// A script in a file: a list of turns as JSON. What is no turn is refused, since a misspelt one would be an empty answer.
import { z } from "zod";
import type { Turn } from "./script.ts";

const Fault = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("status"),
    status: z.number().int().min(400).max(599),
    message: z.string().exactOptional(),
    headers: z.record(z.string(), z.string()).exactOptional(),
  }),
  z.strictObject({ kind: z.enum(["overflow", "hang", "hang-midway"]) }),
  z.strictObject({ kind: z.literal("cut"), clean: z.boolean().exactOptional() }),
]);
const tokens = z.number().int().min(0).exactOptional();
const Turns = z
  .array(
    z.strictObject({
      text: z.string().exactOptional(),
      reasoning: z.string().exactOptional(),
      calls: z
        .array(
          z.strictObject({
            name: z.string().min(1),
            input: z.record(z.string(), z.unknown()).exactOptional(),
            raw: z.string().exactOptional(),
          }),
        )
        .exactOptional(),
      finish: z.enum(["length", "filtered"]).exactOptional(),
      usage: z
        .strictObject({ inputTokens: tokens, cachedTokens: tokens, outputTokens: tokens, reasoningTokens: tokens })
        .exactOptional(),
      fault: Fault.exactOptional(),
      delayMs: z.number().min(0).exactOptional(),
      piece: z.number().int().min(1).exactOptional(),
    }),
  )
  .min(1, "A script has a turn at least.");

/** Throws with the place of what is wrong. */
export function parseScript(text: string): readonly Turn[] {
  const parsed = Turns.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`This is no script: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
