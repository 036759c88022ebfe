// A key is tried where it will be used, and carried nowhere else; servers of this machine are known by what they answer.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { loadConfig } from "../../src/shared/config.ts";
import { checkKey, findLocalServers, KEY_PROBLEMS } from "../../src/shared/model_servers.ts";
import { PROVIDERS, type ProviderName } from "../../src/shared/models.ts";
import { fakeProvider, listOf, type FakeProvider } from "./fake_provider.ts";
import { rejectionOf } from "./temporary.ts";

const KEY = "a-key-that-is-tried";
let provider: FakeProvider;
beforeEach(() => {
  provider = fakeProvider();
});
afterEach(() => provider[Symbol.asyncDispose]());

const configOf = (settings: Record<string, string> = {}) =>
  loadConfig({
    ANTHROPIC_BASE_URL: provider.url,
    OPENAI_BASE_URL: `${provider.url}/v1`,
    GOOGLE_BASE_URL: provider.url,
    SANDPIPER_MODEL_URL: `${provider.url}/proxy/`,
    ...settings,
  });
const check = (name: ProviderName) => checkKey(name, KEY, configOf());

describe("a key", () => {
  test("travels in the header that the provider wants, to the list of its models", async () => {
    for (const name of ["anthropic", "openai", "google", "compatible"] as const)
      expect(await check(name)).toBe("accepted");
    expect(provider.asked.map(({ path }) => path)).toEqual([
      "/v1/models",
      "/v1/models",
      "/v1beta/models",
      "/proxy/models",
    ]);
    const [anthropic, openai, google, compatible] = provider.asked.map(({ headers }) => headers);
    expect(anthropic).toMatchObject({ "x-api-key": KEY, "anthropic-version": "2023-06-01" });
    expect(google).toMatchObject({ "x-goog-api-key": KEY });
    for (const headers of [openai, compatible]) expect(headers).toMatchObject({ authorization: `Bearer ${KEY}` });
  });

  test.each([
    [401, "refused"],
    [403, "refused"],
    [404, "nowhere"],
    [429, "unclear"],
    [500, "unclear"],
  ] as const)("that is answered with %p is %p", async (status, expected) => {
    provider.answer = () => Response.json({}, { status });
    expect(await check("openai")).toBe(expected);
    expect(KEY_PROBLEMS[expected]).toContain("not kept");
  });

  test("that Google finds malformed is refused", async () => {
    provider.answer = () => Response.json({ error: { status: "INVALID_ARGUMENT" } }, { status: 400 });
    expect([await check("google"), await check("openai")]).toEqual(["refused", "unclear"]);
  });

  test("is not carried on by a redirect", async () => {
    await using elsewhere = fakeProvider();
    provider.answer = () => Response.redirect(`${elsewhere.url}/v1/models`, 307);
    expect(await check("openai")).toBe("nowhere");
    expect(elsewhere.asked).toEqual([]);
  });

  test("is not accepted by a web page", async () => {
    provider.answer = () => new Response("<h1>Welcome</h1>", { headers: { "Content-Type": "text/html" } });
    expect(await check("compatible")).toBe("nowhere");
  });

  test("cannot be tried where nobody listens", async () => {
    await provider[Symbol.asyncDispose]();
    expect(await check("anthropic")).toBe("unreachable");
  });

  test("is not sent to a server of this machine, nor to an address that nobody gave", async () => {
    expect(String(await rejectionOf(check("ollama")))).toContain("wants no key");
    const without = checkKey("compatible", KEY, configOf({ SANDPIPER_MODEL_URL: "" }));
    expect(String(await rejectionOf(without))).toContain("SANDPIPER_MODEL_URL");
    expect(provider.asked).toEqual([]);
  });

  test("goes to https, unless a setting says otherwise", () => {
    for (const name of ["anthropic", "openai", "google", "openrouter", "groq"] as const)
      expect(PROVIDERS[name].list).toStartWith("https://");
  });
});

describe("a server of this machine", () => {
  const ollamaAt = (url: string) => configOf({ OLLAMA_BASE_URL: url });
  const find = async () => (await findLocalServers(ollamaAt(provider.url))).filter((one) => one.provider === "ollama");
  const answers = (models: () => Response, version: unknown = { version: "0.14.0" }) => {
    provider.answer = () => (provider.asked.at(-1)?.path === "/api/version" ? Response.json(version) : models());
  };

  test("is found with its models, and told nothing", async () => {
    answers(() => listOf("llama3.2:latest", "qwen3:8b"));
    expect(await find()).toEqual([{ provider: "ollama", title: "Ollama", models: ["llama3.2:latest", "qwen3:8b"] }]);
    expect(provider.asked.map(({ path }) => path).toSorted()).toEqual(["/api/version", "/v1/models"]);
    const secrets = provider.asked.flatMap(({ headers }) =>
      Object.keys(headers).filter((name) => /auth|cookie|key/i.test(name)),
    );
    expect(secrets).toEqual([]);
  });

  test("without a model is found as well", async () => {
    answers(() => Response.json({ object: "list", data: null }));
    expect(await find()).toEqual([{ provider: "ollama", title: "Ollama", models: [] }]);
  });

  test.each([
    ["says something else", () => Response.json({ models: ["llama"] })],
    ["is a web page", () => new Response("<h1>It works!</h1>")],
    ["leads elsewhere", () => Response.redirect("http://127.0.0.1:9/v1/models")],
    ["says too much", () => new Response(`{"object":"list","data":[],"more":"${"x".repeat(2 ** 21)}"}`)],
    ["says nothing", () => new Promise<Response>(() => undefined)],
  ])("that %s is none", async (_what, answer) => {
    provider.answer = () =>
      provider.asked.at(-1)?.path === "/api/version" ? Response.json({ version: "1" }) : answer();
    expect(await find()).toEqual([]);
  });

  test("that only pretends to be Ollama is none", async () => {
    answers(() => listOf("llama"), { name: "another" });
    expect(await find()).toEqual([]);
  });

  test("cannot smuggle anything in by the name of a model", async () => {
    answers(() => listOf("good", "two,models", "a blank", "\u001b[31mred", "x".repeat(201), ""));
    expect((await find())[0]?.models).toEqual(["good"]);
  });
});
