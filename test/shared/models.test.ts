// Who is asked, in which order, and with which key.
import { describe, expect, test } from "bun:test";
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { loadConfig, withChannels, withoutChannels, withoutKeys } from "../../src/shared/config.ts";
import { checkKey, findLocalServers } from "../../src/shared/model_servers.ts";
import { chosenModels, readStoredModels, speakersOf, writeStoredModels } from "../../src/shared/models.ts";
import { temporaryFolder } from "./temporary.ts";

function place(settings: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const config = loadConfig({ SANDPIPER_HOME: folder.path, ...settings });
  const names = () => chosenModels(config).map(({ provider, model, key }) => `${provider}:${model}:${key ?? "-"}`);
  return { config, names, folder, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe("who is asked", () => {
  test("is nobody where there is no key", () => {
    using one = place();
    expect(one.names()).toEqual([]);
  });

  test("is whom a key is there for, in a fixed order", () => {
    using both = place({ OPENAI_API_KEY: "k1", ANTHROPIC_API_KEY: "k2" });
    expect(both.names()).toEqual(["anthropic:claude-sonnet-4-5:k2"]);
    using google = place({ GEMINI_API_KEY: "k3" });
    expect(google.names()).toEqual(["google:gemini-2.5-flash:k3"]);
  });

  test("is whom the setting names, one after the other", () => {
    using one = place({ SANDPIPER_MODEL: "openai:gpt-5.2, anthropic", OPENAI_API_KEY: "a", ANTHROPIC_API_KEY: "b" });
    expect(one.names()).toEqual(["openai:gpt-5.2:a", "anthropic:claude-sonnet-4-5:b"]);
  });

  test("may be any server that speaks the protocol, with a key or without", () => {
    const url = "http://127.0.0.1:1/v1";
    using one = place({ SANDPIPER_MODEL: "compatible:m:7b", SANDPIPER_MODEL_URL: url });
    expect(chosenModels(one.config)).toEqual([{ provider: "compatible", model: "m:7b", key: null, url }]);
  });

  for (const [name, settings, words] of [
    ["a provider that does not exist", { SANDPIPER_MODEL: "openay:x" }, "no provider “openay”"],
    ["a provider without its key", { SANDPIPER_MODEL: "openai:x" }, "needs a key of OpenAI"],
    ["a server without its address", { SANDPIPER_MODEL: "compatible:x" }, "SANDPIPER_MODEL_URL"],
    ["a local server without a model", { SANDPIPER_MODEL: "ollama" }, "names no model"],
  ] as const)
    test(`${name} is said in a sentence`, () => {
      using one = place(settings);
      expect(() => chosenModels(one.config)).toThrow(words);
      expect(speakersOf(one.config).problem).toContain(words);
    });
});

describe("what is entered on the page or in the terminal", () => {
  test("is kept for its owner only, and counts at once; the environment wins", () => {
    using one = place();
    writeStoredModels(one.config, { keys: { openai: "stored" }, chosen: "", confirmed: [] });
    expect(one.names()).toEqual(["openai:gpt-5-mini:stored"]);
    const file = join(one.config.dataDir, "models.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    writeStoredModels(one.config, readStoredModels(one.config));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const set = loadConfig({ SANDPIPER_HOME: one.folder.path, OPENAI_API_KEY: "set" });
    expect(chosenModels(set)[0]?.key).toBe("set");
  });

  test("of a local server counts only after a yes to that very model", () => {
    using one = place();
    const stored = { keys: {}, chosen: "ollama:llama3.2", confirmed: [] };
    writeStoredModels(one.config, stored);
    expect(one.names()).toEqual([]);
    writeStoredModels(one.config, { ...stored, confirmed: ["ollama:llama3.2"] });
    expect(one.names()).toEqual(["ollama:llama3.2:-"]);
    writeStoredModels(one.config, { keys: {}, chosen: "", confirmed: ["ollama:llama3.2"] });
    expect(one.names()).toEqual(["ollama:llama3.2:-"]);
  });

  test("that cannot be read is said in a sentence", async () => {
    using one = place();
    await Bun.write(join(one.config.dataDir, "models.json"), "not json");
    expect(() => one.names()).toThrow("data/models.json cannot be read");
  });
});

test("only the worker is given keys; core knows whose there are", () => {
  const environment = {
    OPENAI_API_KEY: "secret-1",
    ANTHROPIC_API_KEY: "secret-2",
    GEMINI_API_KEY: "secret-3",
    SANDPIPER_MODEL_KEY: "secret-4",
    SANDPIPER_MODEL: "openai",
    SANDPIPER_MODELS_SET: "openai",
  };
  expect(JSON.stringify([withChannels(environment), withoutKeys(environment)])).not.toContain("secret");
  expect(withoutChannels(environment)).toMatchObject({ OPENAI_API_KEY: "secret-1" });
  using core = place(withChannels(environment));
  expect(speakersOf(core.config)).toEqual({ names: ["openai:gpt-5-mini"], problem: null });
});

describe("a key that is tried", () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ headers, url }) => {
      const key = headers.get("x-api-key") ?? headers.get("x-goog-api-key") ?? headers.get("authorization")?.slice(7);
      if (key === "moved") return Response.redirect("http://127.0.0.1:9/elsewhere");
      if (key === "broken") return new Response("no", { status: 500 });
      return new URL(url).pathname.endsWith("/models") && key === "good"
        ? Response.json({ data: [] })
        : new Response("no", { status: 401 });
    },
  });
  const base = `http://127.0.0.1:${server.port}/v1`;
  const settings = { ANTHROPIC_BASE_URL: base, OPENAI_BASE_URL: base, GOOGLE_BASE_URL: base };

  for (const provider of ["anthropic", "openai", "google"] as const)
    for (const [key, found] of [
      ["good", "accepted"],
      ["bad", "refused"],
      ["moved", "unknown"],
      ["broken", "unknown"],
    ] as const)
      test(`${key} at ${provider} is ${found}`, async () => {
        using one = place(settings);
        expect(await checkKey(provider, key, one.config)).toBe(found);
      });

  test("where nobody answers is unreachable, and an address that is none is unknown", async () => {
    using closed = place({ OPENAI_BASE_URL: "http://127.0.0.1:9/v1" });
    expect(await checkKey("openai", "k", closed.config)).toBe("unreachable");
    using odd = place({ OPENAI_BASE_URL: "file:///etc/passwd" });
    expect(await checkKey("openai", "k", odd.config)).toBe("unknown");
  });
});

test("servers of models on this machine are found by what they answer, and told nothing", async () => {
  const asked: string[] = [];
  const ollama = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get("authorization") ?? ""}`);
      return Response.json({ object: "list", data: [{ id: "llama3.2" }] });
    },
  });
  using one = place({ OLLAMA_BASE_URL: `http://127.0.0.1:${ollama.port}/v1` });
  const found = (await findLocalServers(one.config)).find(({ provider }) => provider === "ollama");
  expect(found).toEqual({ provider: "ollama", title: "Ollama", models: ["llama3.2"] });
  expect(asked).toEqual(["GET /v1/models "]);
  await ollama.stop(true);
});
