// `sandpiper models` without a Sandpiper that runs: the file is its own, and the keys are read hidden.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fakeProvider, listOf, type FakeProvider } from "../shared/fake_provider.ts";
import { temporaryFolder, type TemporaryFolder } from "../shared/temporary.ts";
import { until } from "../e2e/until.ts";
import { MAIN, type Said } from "./command.ts";

const KEY = "sk-canary-0123456789abcdef";
const PATIENCE_MS = 10_000;
const ARGV = [process.execPath, "--no-env-file", MAIN, "models"];

let home: TemporaryFolder;
let provider: FakeProvider;
beforeEach(() => {
  home = temporaryFolder();
  provider = fakeProvider();
  provider.answer = () =>
    provider.asked.at(-1)?.path === "/api/version" ? Response.json({ version: "1" }) : listOf("llama3.2", "qwen3");
});
afterEach(async () => {
  await provider[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

const environment = () => ({
  PATH: process.env["PATH"] ?? "",
  HOME: home.path,
  SANDPIPER_HOME: home.path,
  INIT_CWD: home.path,
  OPENAI_BASE_URL: provider.url,
  OLLAMA_BASE_URL: provider.url,
});

async function models(args: readonly string[] = [], input = "", also: Record<string, string> = {}): Promise<Said> {
  const child = Bun.spawn([...ARGV, ...args], {
    env: { ...environment(), ...also },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}

const stored = (): string => readFileSync(join(home.path, "data/models.json"), "utf8");

test("without anything, the built-in planner answers, and what runs here is shown with the way to use it", async () => {
  const { code, out, err } = await models();
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("Who answers: the built-in planner");
  expect(out).toContain("Keys: none");
  expect(out).toContain("Ollama (ollama:llama3.2, ollama:qwen3)");
  expect(out).toContain("bun run models -- use ollama:llama3.2");
});

describe("a key", () => {
  test("is read from standard input, tried, kept, and shown by nothing", async () => {
    const { code, out, err } = await models(["key", "openai"], `${KEY}\nmore\n`);
    expect([code, err]).toEqual([0, ""]);
    expect(provider.asked.at(-1)).toMatchObject({ path: "/v1/models", headers: { authorization: `Bearer ${KEY}` } });
    expect(stored()).toContain(KEY);
    const after = await models();
    expect(after.out).toContain("Who answers: openai:");
    expect(after.out).toContain("Keys: openai");
    expect(out + after.out + after.err).not.toContain(KEY.slice(-6));
  });

  test("is not seen in a terminal while it is typed", async () => {
    const decoder = new TextDecoder();
    let shown = "";
    await using terminal = new Bun.Terminal({
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => void (shown += decoder.decode(bytes, { stream: true })),
    });
    const child = Bun.spawn([...ARGV, "key", "openai"], { env: environment(), terminal });
    await until(() => shown.includes("Key of OpenAI: "), PATIENCE_MS);
    terminal.write(`${KEY}\r`);
    expect(await child.exited).toBe(0);
    await until(() => shown.includes("accepted"), PATIENCE_MS);
    expect(shown).not.toContain(KEY.slice(-4));
    expect(stored()).toContain(KEY);
  });

  test("that is refused is not kept, unless that is insisted on", async () => {
    provider.answer = () => Response.json({}, { status: 403 });
    const { code, err } = await models(["key", "openai"], KEY);
    expect([code, err.split("\n")[0]]).toEqual([2, expect.stringContaining("refused this key")]);
    expect((await models()).out).toContain("Keys: none");
    expect((await models(["key", "openai", "--untried"], KEY)).code).toBe(0);
    expect(stored()).toContain(KEY);
  });

  test("is forgotten, and one in the environment is said to stay", async () => {
    await models(["key", "openai"], KEY);
    expect((await models(["forget", "openai"])).code).toBe(0);
    expect(stored()).not.toContain(KEY);
    const { out } = await models(["forget", "openai"], "", { OPENAI_API_KEY: KEY });
    expect(out).toBe("Its key is in the environment or in .env, where it stays.\n");
  });
});

test("a model of this machine is used from the first yes on, until it is forgotten", async () => {
  expect((await models(["use", "ollama:qwen3"])).code).toBe(0);
  expect((await models()).out).toContain("Who answers: ollama:qwen3");
  expect((await models(["forget", "ollama"])).code).toBe(0);
  expect((await models()).out).toContain("the built-in planner");
});

test("what cannot be done is a sentence with what can", async () => {
  for (const [args, words] of [
    [["use", "openai"], "needs a key of OpenAI"],
    [["use", "ollama"], "names no model"],
    [["key", "ollama"], "wants no key"],
    [["key", "nobody"], "There is no provider “nobody” of models. There are: anthropic,"],
    [["key"], "Say which one"],
    [["key", "openai", "sk-in-the-shell"], "too much"],
    [["lend", "openai"], "nothing that can be done with models"],
  ] as const) {
    const { code, err } = await models(args, KEY);
    expect(code).toBeGreaterThan(0);
    expect(err).toContain(words);
  }
  expect(provider.asked).toEqual([]);
});
