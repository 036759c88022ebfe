// Asking the person: the job ends with the question, and their next message goes on from there.
import { z } from "zod";
import { defineTool } from "./tool.ts";

export const askUser = defineTool({
  name: "ask_user",
  description: "Ask the person one question and wait for their next message.",
  input: z.object({
    question: z.string().min(1).max(1_000),
    choices: z.array(z.string().max(100)).max(6).optional().describe("Likely answers"),
  }),
  run: ({ question, choices = [] }) =>
    Promise.resolve({ kind: "end", text: [question, ...choices.map((one) => `- ${one}`)].join("\n") }),
});
