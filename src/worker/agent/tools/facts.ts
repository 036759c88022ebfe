// Facts about the person that every conversation knows. Content of files could plant one, so then the person is asked.
import { z } from "zod";
import { forgetFact, MAX_FACTS, MAX_FACT_LENGTH, rememberFact } from "../../../shared/remembered.ts";
import { defineTool, failure, output } from "./tool.ts";

export const remember = defineTool({
  name: "remember",
  description: "Keep a short fact about the person for all conversations, when they want that.",
  input: z.object({ fact: z.string().min(1).max(MAX_FACT_LENGTH) }),
  needs: (input, { labels }) =>
    labels().has("untrusted")
      ? { kind: "remember", title: `Remember for all conversations: “${input.fact}”`, subject: { input } }
      : null,
  run: async ({ fact }, { job, context }) =>
    (await rememberFact(context.board, fact, job.jobId, context.clock.now()))
      ? output("Remembered.")
      : failure(`There are ${MAX_FACTS} facts already. Forget one first.`),
});

export const forget = defineTool({
  name: "forget",
  description: "Forget a fact by its number.",
  input: z.object({ number: z.number().int() }),
  needs: (input, { labels }) =>
    labels().has("untrusted")
      ? { kind: "forget", title: `Forget the fact #${input.number}`, subject: { input } }
      : null,
  run: async ({ number }, { context }) =>
    (await forgetFact(context.board, number)) ? output("Forgotten.") : failure("There is no such fact."),
});
