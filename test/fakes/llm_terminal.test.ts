// The program that plays a model from a terminal: what it prints for .env, its own small script, and scripts from files.
import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { z } from "zod";
import { parseScript } from "../../fakes/llm/script_file.ts";
import { temporaryFolder } from "../shared/temporary.ts";

const MAIN = resolve(import.meta.dir, "../../fakes/llm/main.ts");

/** The program, with the settings that it prints. */
async function started(...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, MAIN, "--port", "0", ...args], { stdout: "pipe", stderr: "inherit" });
  const settings = new Map<string, string>();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (!settings.has("GOOGLE_GENERATIVE_AI_API_KEY")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`It ended too early: ${rest}`);
    rest += value;
    for (const [, name, set] of rest.matchAll(/^(\w+)=(.+)\n/gm)) settings.set(name ?? "", set ?? "");
  }
  const end = async () => {
    child.kill("SIGTERM");
    return child.exited;
  };
  return { settings, end, [Symbol.asyncDispose]: async () => void (await end()) };
}

const Chunk = z.object({
  choices: z.array(
    z.object({
      delta: z.object({
        content: z.string().optional(),
        tool_calls: z.array(z.object({ function: z.object({ arguments: z.string() }) })).optional(),
      }),
    }),
  ),
});

/** Words, then the input of a call. */
async function ask(url: string, messages: readonly object[]): Promise<readonly [words: string, input: string]> {
  const tools = [{ type: "function", function: { name: "run_python", parameters: { type: "object" } } }];
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { Authorization: "Bearer mock-key" },
    body: JSON.stringify({ model: "mock", stream: true, messages, tools }),
  });
  const deltas = (await response.text())
    .split("\n\n")
    .filter((block) => block.startsWith("data: {"))
    .flatMap((block) => Chunk.parse(JSON.parse(block.slice(6))).choices.map(({ delta }) => delta));
  const input = deltas.flatMap(({ tool_calls = [] }) => tool_calls.map((call) => call.function.arguments));
  return [deltas.map(({ content = "" }) => content).join(""), input.join("")];
}

test("it prints settings for each wire, echoes, looks at a table once and says what came of it", async () => {
  await using program = await started();
  const { settings } = program;
  const url = settings.get("SANDPIPER_MODEL_URL") ?? "";
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
  for (const name of ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"]) expect(settings.get(name)).toBe(url);
  expect(settings.get("GOOGLE_BASE_URL")).toBe(`${url}beta`);

  const said = { role: "user", content: "Hello there" };
  expect(await ask(url, [said])).toEqual(["You said: Hello there", ""]);
  const file = { role: "user", content: 'Graph it.\n- "/home/user/sales.xlsx"' };
  const [words, input] = await ask(url, [file]);
  expect(words).toBe("I look at the file.");
  expect(input).toContain(String.raw`pd.read_excel(\"/home/user/sales.xlsx\")`);
  const called = { id: "c", type: "function", function: { name: "run_python", arguments: input } };
  const shown = [file, { role: "assistant", content: words, tool_calls: [called] }];
  const [answer, again] = await ask(url, [...shown, { role: "tool", tool_call_id: "c", content: "count 3" }]);
  expect(answer).toContain("count 3");
  expect(again).toBe("");
  expect(await program.end()).toBe(0);
});

test("it plays a script from a file", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "script.json");
  await Bun.write(path, JSON.stringify([{ text: "First." }, { text: "Second." }]));
  await using program = await started(path);
  const url = program.settings.get("SANDPIPER_MODEL_URL") ?? "";
  const said = [{ role: "user", content: "x" }];
  expect([(await ask(url, said))[0], (await ask(url, said))[0]]).toEqual(["First.", "Second."]);
});

test("what is no script is refused with its place, not played as silence", () => {
  expect(parseScript('[{"calls":[{"name":"a","raw":"{"}],"fault":{"kind":"cut","clean":true}}]')).toHaveLength(1);
  expect(() => parseScript('[{"txt":"Hello"}]')).toThrow("txt");
  expect(() => parseScript('[{"fault":{"kind":"explode"}}]')).toThrow("fault");
  expect(() => parseScript("[]")).toThrow("a turn at least");
});
