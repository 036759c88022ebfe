// What a cell says, without end or measure: what arrives is bounded, and so is what the server holds.
import type { Execution } from "@e2b/code-interpreter";
import { inRoomOfItsOwn, isMistake, type Attack } from "./attack.ts";
import type { Finding } from "./finding.ts";
import { watched } from "./bystander.ts";
import type { Ground } from "./ground.ts";
import source from "./output.py" with { type: "text" };

const MIB = 2 ** 20;
const RUN_MS = 45_000;
/** Text is cut at 1 MiB with a note; all results of one run together at 64 MiB, which base64 does not make more. */
const MOST = { text: 1.1 * MIB, results: 66 * MIB };

async function shouted(ground: Ground, act: string): Promise<Finding> {
  return await watched(ground, async () => {
    return await inRoomOfItsOwn(ground, async (sandbox) => {
      const code = `${ground.script(source, act, {})}\n__found if not isinstance(__found, tuple) else None`;
      const said = await sandbox
        .runCode(code, { timeoutMs: RUN_MS, requestTimeoutMs: RUN_MS })
        .catch((error: unknown) => {
          throw new Error(`the run broke: ${String(error).slice(0, 100)}`);
        });
      if (isMistake(said.error?.name ?? "")) throw new Error(said.error?.traceback);
      const { text, results } = sizesOf(said);
      const got = [
        ...(text > MOST.text ? [`${Math.round(text / MIB)} MiB of text`] : []),
        ...(results > MOST.results ? [`${Math.round(results / MIB)} MiB of results`] : []),
      ];
      const end = said.error === undefined ? "" : `, and ${said.error.name}: ${said.error.value.slice(0, 60)}`;
      return { got, seen: `${text >> 10} KiB of text and ${results >> 10} KiB of results arrived${end}` };
    });
  });
}

function sizesOf({ logs, results, error }: Execution): { readonly text: number; readonly results: number } {
  const streams = [...logs.stdout, ...logs.stderr].reduce((sum, one) => sum + one.length, 0);
  const failure = error === undefined ? 0 : error.traceback.length + error.value.length;
  return { text: streams, results: JSON.stringify(results).length + failure };
}

const shout = (name: string, act: string): Omit<Attack, "group"> => ({
  name,
  layer: "host parser",
  control: "outside nothing counts what a program says",
  attempt: async (ground) => await shouted(ground, act),
});

export const OUTPUT = [
  shout("endless text on stdout", "output_stdout"),
  shout("endless text on stderr", "output_stderr"),
  shout("100,000 displays", "output_display"),
  shout("a value whose text has 100 MiB", "output_result"),
  shout("a value whose page has 100 MiB", "output_html"),
  shout("an error of 100 MiB", "output_traceback"),
  shout("200 errors inside of each other", "deep_traceback"),
  shout("a picture of 100,000 × 100,000 points, and one of 70 MiB", "picture"),
  shout("400 charts", "charts"),
];
