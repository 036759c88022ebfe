// Models over HTTP: keys go in and never come out, and what cannot be asked is refused.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fakeProvider, listOf, type FakeProvider } from "../shared/fake_provider.ts";
import { refusalOf, startCore, type Core } from "./server.ts";

const KEY = "sk-canary-0123456789abcdef";
const State = z.object({
  speaks: z.array(z.string()),
  problem: z.string().nullable(),
  chosen: z.string(),
  isFixed: z.boolean(),
  confirmed: z.array(z.string()),
  providers: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      key: z.enum(["env", "page"]).nullable(),
      model: z.string().nullable(),
      hint: z.string(),
    }),
  ),
});

let provider: FakeProvider;
let core: Core;
let said: string[];

async function start(settings: Record<string, string> = {}): Promise<void> {
  core = await startCore({
    OPENAI_BASE_URL: provider.url,
    ANTHROPIC_BASE_URL: provider.url,
    OLLAMA_BASE_URL: provider.url,
    ...settings,
  });
}
beforeEach(() => {
  said = [];
  provider = fakeProvider();
  provider.answer = () =>
    provider.asked.at(-1)?.path === "/api/version" ? Response.json({ version: "1" }) : listOf("llama3.2");
});
afterEach(async () => {
  await core[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

async function stateIn(answer: Promise<Response>) {
  const text = await (await answer).text();
  said.push(text);
  return State.parse(JSON.parse(text));
}
const models = () => stateIn(core.call("/api/models"));
const enter = (name: string, body: object) => core.post(`/api/models/keys/${name}`, body);
const forget = (name: string) => core.call(`/api/models/keys/${name}`, { method: "DELETE" });
const choose = (model: string) => core.post("/api/models/chosen", { model });
const keyOf = ({ providers }: z.infer<typeof State>, name: string) => providers.find((one) => one.name === name)?.key;

describe("a key", () => {
  test("that the provider accepts is kept, counts at once, is never told again, and can be forgotten", async () => {
    await start();
    expect((await models()).speaks).toEqual([]);
    const entered = await stateIn(enter("openai", { key: KEY }));
    expect(entered.speaks[0]).toStartWith("openai:");
    expect(keyOf(entered, "openai")).toBe("page");
    expect(await models()).toEqual(entered);
    for (const path of ["/api/session", "/api/events?limit=500", "/api/openapi.json"])
      said.push(await (await core.call(path)).text());
    expect(said.join("")).not.toContain(KEY.slice(0, 9));
    expect(said.join("")).not.toContain(KEY.slice(-4));
    expect(readFileSync(join(core.home, "data/models.json"), "utf8")).toContain(KEY);
    expect(keyOf(await stateIn(forget("openai")), "openai")).toBeNull();
    expect(readFileSync(join(core.home, "data/models.json"), "utf8")).not.toContain(KEY);
  });

  test("that is refused, or that could not be tried, is not kept unless the person insists", async () => {
    await start();
    provider.answer = () => Response.json({}, { status: 401 });
    const { status, message } = await refusalOf(await enter("openai", { key: KEY }));
    expect([status, message]).toEqual([400, "The provider refused this key, so it was not kept. Copy it once more."]);
    provider.answer = () => Response.json({}, { status: 500 });
    expect((await refusalOf(await enter("openai", { key: KEY }))).status).toBe(503);
    expect((await models()).speaks).toEqual([]);
    const before = provider.asked.length;
    expect(keyOf(await stateIn(enter("openai", { key: KEY, untried: true })), "openai")).toBe("page");
    expect(provider.asked.slice(before)).toEqual([]);
  });

  test.each([
    ["nobody", { key: KEY }, "There is no provider “nobody” of models."],
    ["ollama", { key: KEY }, "wants no key"],
    ["compatible", { key: KEY }, "SANDPIPER_MODEL_URL"],
    ["openai", { key: "two words" }, "no blanks"],
    ["openai", { key: "short" }, "8 to 500"],
    ["openai", { key: KEY, more: 1 }, "more"],
  ])("of %p as %p is refused in words", async (name, body, words) => {
    await start();
    const { status, message } = await refusalOf(await enter(name, body));
    expect(status).toBe(400);
    expect(message).toContain(words);
    expect(message).not.toContain(KEY);
    expect(provider.asked).toEqual([]);
  });

  test("of the environment is told by name, which is all that core has", async () => {
    await start({ SANDPIPER_MODELS_SET: "anthropic", SANDPIPER_SUPERVISED: "1" });
    const state = await models();
    expect([keyOf(state, "anthropic"), keyOf(state, "openai")]).toEqual(["env", null]);
    expect(state.speaks[0]).toStartWith("anthropic:");
  });

  test("is nobody's business who is not paired", async () => {
    await start();
    const anybody = { headers: { Authorization: "" } };
    for (const [path, method] of [
      ["/api/models", "GET"],
      ["/api/models/keys/openai", "DELETE"],
    ] as const)
      expect((await core.call(path, { ...anybody, method })).status).toBe(401);
    const post = await core.post("/api/models/keys/openai", { key: KEY }, { Authorization: "" });
    expect([post.status, provider.asked]).toEqual([401, []]);
  });
});

describe("a choice", () => {
  test("of a server that was found is the yes to it", async () => {
    await start();
    const found = z.object({ local: z.array(z.unknown()) }).parse(await (await core.call("/api/models")).json());
    expect(found.local).toContainEqual({ provider: "ollama", title: "Ollama", models: ["llama3.2"] });
    expect((await models()).speaks).toEqual([]);
    const chosen = await stateIn(choose("ollama:llama3.2"));
    expect(chosen).toMatchObject({ speaks: ["ollama:llama3.2"], confirmed: ["ollama:llama3.2"] });
    expect(await stateIn(choose(""))).toMatchObject({ speaks: ["ollama:llama3.2"], chosen: "" });
    expect(await stateIn(forget("ollama"))).toMatchObject({ speaks: [], confirmed: [] });
  });

  test("of what cannot be asked is refused in words", async () => {
    await start();
    for (const [wanted, words] of [
      ["openai", "needs a key of OpenAI"],
      ["nobody:x", "There is no provider"],
      ["ollama", "names no model"],
    ] as const) {
      const { status, message } = await refusalOf(await choose(wanted));
      expect(status).toBe(400);
      expect(message).toContain(words);
    }
    expect((await models()).chosen).toBe("");
  });

  test("is told to be without effect where SANDPIPER_MODEL is set, and so is what is wrong with that", async () => {
    await start({ SANDPIPER_MODEL: "openai:gpt-5.4" });
    const { isFixed, speaks, problem } = await models();
    expect([isFixed, speaks]).toEqual([true, []]);
    expect(problem).toContain("needs a key");
    expect((await stateIn(enter("openai", { key: KEY }))).speaks).toEqual(["openai:gpt-5.4"]);
  });
});
