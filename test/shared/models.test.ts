// Which models are asked, in which order and with which keys; and what is kept of a person's choice.
import { calcPrice } from "@pydantic/genai-prices";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/shared/config.ts";
import { AppError } from "../../src/shared/errors.ts";
import * as models from "../../src/shared/models.ts";
import { temporaryFolder, type TemporaryFolder } from "./temporary.ts";

let home: TemporaryFolder;
beforeEach(() => {
  home = temporaryFolder();
});
afterEach(() => home[Symbol.dispose]());

const configOf = (settings: Record<string, string> = {}) => loadConfig({ SANDPIPER_HOME: home.path, ...settings });
const file = () => join(home.path, "data/models.json");
/** "provider:model key", of each. */
const asked = (settings: Record<string, string> = {}): string[] =>
  models.chosenModels(configOf(settings)).map(({ provider, model, key }) => `${provider}:${model} ${key ?? "-"}`);
const namesOf = (settings: Record<string, string>): string[] => asked(settings).map((one) => one.split(" ")[0] ?? "");

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError && error.code === "config") return error.message;
    throw error;
  }
  throw new Error("It was accepted.");
}

describe("who answers", () => {
  test("is the built-in planner, where nothing is set", () => expect(asked()).toEqual([]));

  test("is whatever a key is there for, in the stated order", () => {
    const all = {
      GROQ_API_KEY: "g",
      OPENROUTER_API_KEY: "r",
      GEMINI_API_KEY: "m",
      OPENAI_API_KEY: "o",
      ANTHROPIC_API_KEY: "a",
    };
    const left: Record<string, string> = { ...all };
    const order = Object.keys(all).toReversed();
    const found = order.map((name) => {
      const [first = ""] = namesOf(left);
      delete left[name];
      return first.split(":")[0];
    });
    expect(found).toEqual(["anthropic", "openai", "google", "openrouter", "groq"]);
  });

  test("is what SANDPIPER_MODEL says, in its order, a provider alone by its usual model", () => {
    const keys = { ANTHROPIC_API_KEY: "a", OPENAI_API_KEY: "o" };
    expect(asked({ ...keys, SANDPIPER_MODEL: " openai:gpt-5.4 , anthropic" })).toEqual([
      "openai:gpt-5.4 o",
      `anthropic:${models.PROVIDERS.anthropic.model} a`,
    ]);
  });

  test("may be a server of this machine that SANDPIPER_MODEL names, without a key", () => {
    expect(models.chosenModels(configOf({ SANDPIPER_MODEL: "ollama:llama3.2:3b" }))).toEqual([
      { provider: "ollama", model: "llama3.2:3b", key: null, url: "http://127.0.0.1:11434/v1" },
    ]);
  });

  test("may be any server, with its address, and with its key or without one", () => {
    const settings = { SANDPIPER_MODEL: "compatible:mine", SANDPIPER_MODEL_URL: "https://models.example/v1/" };
    const [open] = models.chosenModels(configOf(settings));
    expect(open).toEqual({ provider: "compatible", model: "mine", key: null, url: "https://models.example/v1" });
    expect(asked({ ...settings, SANDPIPER_MODEL_KEY: "k" })).toEqual(["compatible:mine k"]);
  });

  test("is told in one clear sentence where it makes no sense", () => {
    const said = (settings: Record<string, string>) => refusal(() => asked(settings));
    expect(said({ SANDPIPER_MODEL: "antropic" })).toBe(
      `There is no provider “antropic” of models. There are: ${models.PROVIDER_NAMES.join(", ")}.`,
    );
    expect(said({ SANDPIPER_MODEL: "openai:gpt-5.4" })).toContain("“openai:gpt-5.4” needs a key of OpenAI.");
    expect(said({ SANDPIPER_MODEL: "ollama" })).toContain("“ollama:name-of-the-model”");
    expect(said({ SANDPIPER_MODEL: "openai:a b", OPENAI_API_KEY: "o" })).toContain("names no model");
    expect(said({ SANDPIPER_MODEL: "compatible:mine" })).toContain("needs SANDPIPER_MODEL_URL");
  });

  test("by default is a model that the catalogue of prices knows", () => {
    for (const name of ["anthropic", "openai", "google", "openrouter", "groq"] as const) {
      const usage = { input_tokens: 1e6, output_tokens: 1e6 };
      const price = calcPrice(usage, models.PROVIDERS[name].model, { providerId: name })?.total_price ?? 0;
      expect(price).toBeGreaterThan(0.5);
      expect(price).toBeLessThan(15);
    }
  });
});

describe("a key that was entered", () => {
  test("counts at once, and one of the environment wins over it", () => {
    models.keepKey(configOf(), "openai", "entered");
    expect(asked()).toEqual([`openai:${models.PROVIDERS.openai.model} entered`]);
    expect(asked({ OPENAI_API_KEY: "set" })).toEqual([`openai:${models.PROVIDERS.openai.model} set`]);
  });

  test("lies in a file that nobody else can read, however it was before, and nothing beside it", () => {
    models.keepKey(configOf(), "openai", "one");
    chmodSync(file(), 0o644);
    models.keepKey(configOf(), "anthropic", "two");
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(home.path, "data"))).toEqual(["models.json"]);
    expect(asked()).toEqual([`anthropic:${models.PROVIDERS.anthropic.model} two`]);
  });

  test("is gone when it is forgotten, and is not asked for any more", () => {
    for (const name of ["openai", "anthropic"] as const) models.keepKey(configOf(), name, `key of ${name}`);
    models.chooseModels(configOf(), "anthropic,openai");
    models.forgetProvider(configOf(), "anthropic");
    expect(namesOf({})).toEqual([`openai:${models.PROVIDERS.openai.model}`]);
    expect(readFileSync(file(), "utf8")).not.toContain("key of anthropic");
    models.forgetProvider(configOf(), "openai");
    expect(asked()).toEqual([]);
  });

  test("is refused where none is wanted or nobody knows where it would go", () => {
    expect(refusal(() => models.keepKey(configOf(), "ollama", "k"))).toContain("wants no key");
    expect(refusal(() => models.keepKey(configOf(), "compatible", "k"))).toContain("SANDPIPER_MODEL_URL");
    expect(existsSync(file())).toBe(false);
  });

  test("in a file that was damaged is told, and not written over", () => {
    models.keepKey(configOf(), "openai", "k");
    writeFileSync(file(), "{");
    expect(refusal(() => asked())).toContain("data/models.json cannot be read");
    expect(refusal(() => models.keepKey(configOf(), "openai", "k"))).toContain("data/models.json");
    expect(readFileSync(file(), "utf8")).toBe("{");
    expect(models.speakersOf(configOf()).problem).toContain("cannot be read");
  });
});

describe("a choice", () => {
  test("holds until there is another, and SANDPIPER_MODEL wins over it", () => {
    const keys = { ANTHROPIC_API_KEY: "a", OPENAI_API_KEY: "o" };
    models.chooseModels(configOf(keys), "openai:gpt-5.4, anthropic");
    expect(namesOf(keys)[0]).toBe("openai:gpt-5.4");
    expect(namesOf({ ...keys, SANDPIPER_MODEL: "anthropic:claude-x" })).toEqual(["anthropic:claude-x"]);
    models.chooseModels(configOf(keys), "");
    expect(namesOf(keys)).toEqual([`anthropic:${models.PROVIDERS.anthropic.model}`]);
  });

  test("that cannot be asked changes nothing", () => {
    models.chooseModels(configOf(), "ollama:llama3.2");
    for (const wanted of ["openai", "ollama", "nobody:x", "ollama:a,,openai"])
      refusal(() => models.chooseModels(configOf(), wanted));
    expect(namesOf({})).toEqual(["ollama:llama3.2"]);
  });

  test("of a server of this machine is the yes to it, and to this model of it alone", () => {
    models.chooseModels(configOf(), "ollama:llama3.2");
    models.chooseModels(configOf(), "");
    expect(namesOf({})).toEqual(["ollama:llama3.2"]);
    const stored = { ...models.readStoredModels(configOf()), chosen: "ollama:another,lmstudio:x" };
    expect(models.chosenModels(configOf(), stored)).toEqual([]);
    models.forgetProvider(configOf(), "ollama");
    expect(asked()).toEqual([]);
  });

  test("of a model whose key is in the environment outlives its being forgotten here", () => {
    const keys = { OPENAI_API_KEY: "o", ANTHROPIC_API_KEY: "a" };
    models.chooseModels(configOf(keys), "openai");
    models.forgetProvider(configOf(keys), "openai");
    expect(namesOf(keys)).toEqual([`openai:${models.PROVIDERS.openai.model}`]);
  });

  test("can be made by a program that knows only the names of those whose keys are set", () => {
    models.chooseModels(configOf({ SANDPIPER_MODELS_SET: "openai" }), "openai");
    expect(refusal(() => models.chooseModels(configOf({ SANDPIPER_MODELS_SET: "openai" }), "groq"))).toContain("key");
  });
});
