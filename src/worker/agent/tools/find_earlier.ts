// What was said in this conversation before; in no other one.
import { z } from "zod";
import { findEarlier } from "../history.ts";
import { defineTool, output } from "./tool.ts";

const MAX_FOUND = 8;

export const findEarlierTool = defineTool({
  name: "find_earlier",
  description: "Find what was said earlier in this conversation, by words.",
  input: z.object({ words: z.string().max(200) }),
  run: ({ words }, { job, context }) => {
    const { conversationId, jobId } = job;
    const found =
      conversationId === null
        ? []
        : context.board.read((tx) => findEarlier(tx, conversationId, jobId, words, MAX_FOUND));
    return Promise.resolve(
      output(found.map(({ who, text }) => `${who}: ${text}`).join("\n---\n") || "Nothing was found."),
    );
  },
});
