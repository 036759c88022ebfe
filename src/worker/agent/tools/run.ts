// Running code: the cell is told, kept for replay, and relieved of its charts and files.
import { z } from "zod";
import type { Ran, Work } from "../../workbench.ts";
import { ends, outputOf } from "../../workbench.ts";
import { defineTool, type ToolPlace, type ToolRun } from "./tool.ts";

/** What the model sees of an output. */
const MAX_SHOWN = 8_000;
const title = z.string().max(80).describe("What this does, in a few words for the person");

export const runPython = defineTool({
  name: "run_python",
  description: "Run Python in the conversation's notebook. Shows output, the last expression and tracebacks.",
  input: z.object({ title, code: z.string().max(100_000) }),
  run: ({ code, title }, place) => runCell(place, { kind: "python", code, title: title || "Running the code" }),
});

export const runShell = defineTool({
  name: "run_shell",
  description: "Run a shell command in /home/user.",
  input: z.object({ title, command: z.string().max(20_000) }),
  run: ({ command, title }, place) =>
    runCell(place, { kind: "shell", code: command, title: title || "Running a command" }),
});

async function runCell({ context, bench }: ToolPlace, work: Work): Promise<ToolRun> {
  context.report.emit({ kind: "code-written", understood: work.title, code: work.code });
  const ran = await bench.run(work);
  return { kind: "output", text: shownOf(ran), isError: ran.outcome.error !== null };
}

function shownOf(ran: Ran): string {
  const printed = ends(outputOf(ran), MAX_SHOWN);
  const made = ran.artifacts.map(
    ({ name, mediaType, bytes }) => `${JSON.stringify(name)} (${mediaType}, ${bytes} bytes)`,
  );
  const parts = [
    printed,
    made.length === 0 ? "" : `[The person now has: ${made.join(", ")}]`,
    ...ran.notes.map((note) => `[${note}]`),
  ];
  return parts.filter((part) => part !== "").join("\n") || "(no output)";
}
