// Try the agent without a model: a server on this machine that plays a script, or answers by a small one of its own.
import { z } from "zod";
import { parseArgs } from "node:util";
import { MockLlm, settingsFor } from "./server.ts";
import type { Asked, Script, Turn } from "./script.ts";

/** Whoever writes a script is believed in what its turns hold. */
const Turns = z.array(z.custom<Turn>((turn) => typeof turn === "object" && turn !== null)).min(1);
const DEFAULT_PORT = 8795;

const { values, positionals } = parseArgs({
  options: { port: { type: "string", default: String(DEFAULT_PORT) } },
  allowPositionals: true,
});
const [file] = positionals;

/** Looks at the first table there is, draws it, and says what came of it; echoes where there is none. */
function answer(asked: Asked): Turn {
  if (asked.schema !== null && asked.tools.every(({ name }) => name === "json"))
    return { text: '{"file":"","plan":null}' };
  const last = asked.messages.at(-1);
  if (last?.role === "tool") return { text: `That ran. It showed:\n\n\`\`\`\n${last.text.slice(0, 1_000)}\n\`\`\`` };
  const words = last?.role === "user" ? last.text : "";
  const path = /- "(\/home\/user\/[^"]+)"/.exec(words)?.[1];
  if (path === undefined || !asked.mayCall) return { text: `You said: ${words.slice(0, 500)}` };
  const code = `import pandas as pd\nimport matplotlib.pyplot as plt\ndf = pd.read_csv(${JSON.stringify(path)})\ndf.select_dtypes("number").plot()\nplt.show()\ndf.describe()`;
  return {
    text: "I look at the file.",
    calls: [{ name: "run_python", input: { title: "Looking at the file", code } }],
  };
}

const script: Script = file === undefined ? answer : Turns.parse(await Bun.file(file).json());
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const ended = Promise.withResolvers<void>();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => ended.resolve());

await using server = new MockLlm(script, { port: Number(values.port) });
print("Put the lines of one of these into .env and start Sandpiper; Ctrl+C stops.\n");
for (const [wire, settings] of Object.entries(settingsFor(server.url))) {
  print(`# ${wire}`);
  for (const [name, value] of Object.entries(settings)) print(`${name}=${value}`);
  print("");
}
await ended.promise;
