// One thing to say, as it is kept in the table until it is said.
import { z } from "zod";

const Button = z.object({ title: z.string(), action: z.string() });
const buttons = z.array(Button).readonly();

/** It becomes one message. `text` and `caption` are in the platform's markup, `plain` is the same without. */
export const Operation = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("text"), text: z.string(), plain: z.string(), buttons }),
  z.object({
    kind: z.enum(["photo", "document"]),
    artifact: z.string(),
    caption: z.string(),
    plain: z.string(),
    buttons,
  }),
  z.object({
    kind: z.literal("album"),
    artifacts: z.array(z.string()).readonly(),
    caption: z.string(),
    plain: z.string(),
  }),
]);
export type Operation = z.infer<typeof Operation>;
