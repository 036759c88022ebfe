// What a question to a model costs: never nothing where somebody is paid, and never a number that is none.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { PROVIDER_NAMES, PROVIDERS } from "../../../src/shared/models.ts";
import { contextTokensOf, priceOf } from "../../../src/worker/agent/prices.ts";

const asked = { inputTokens: 10_000, outputTokens: 1_000 };

describe("a model of the catalogue", () => {
  test("costs what it says, rounded up to whole micro-dollars, and less for what was cached", () => {
    const whole = priceOf({ provider: "openai", model: "gpt-5-mini", ...asked });
    expect(whole).toEqual({ microUsd: 4_500, isEstimate: false });
    expect(priceOf({ provider: "openai", model: "gpt-5-mini", inputTokens: 1, outputTokens: 0 }).microUsd).toBe(1);
    const cached = priceOf({ provider: "openai", model: "gpt-5-mini", ...asked, cachedTokens: 4_000 });
    expect(cached.microUsd).toBeLessThan(whole.microUsd);
  });

  test.each([
    ["anthropic", "claude-sonnet-4-5"],
    ["google", "gemini-2.5-flash"],
    ["openrouter", "openai/gpt-5-mini"],
    ["groq", "openai/gpt-oss-120b"],
  ])("%s:%s is known, and how much it reads", (provider, model) => {
    expect(priceOf({ provider, model, ...asked })).toMatchObject({ isEstimate: false });
    expect(contextTokensOf(provider, model)).toBeGreaterThan(100_000);
  });

  test("of which more was cached than was read has a price all the same", () => {
    const price = priceOf({
      provider: "openai",
      model: "gpt-5-mini",
      ...asked,
      cachedTokens: 1e6,
      cacheWriteTokens: 9,
    });
    expect(price.isEstimate).toBe(false);
  });
});

describe("the model that is asked where none is named", () => {
  for (const name of PROVIDER_NAMES) {
    const { model } = PROVIDERS[name];
    if (model !== null)
      test(`of ${name} is listed`, () => {
        expect(priceOf({ provider: name, model, inputTokens: 1_000, outputTokens: 1_000 }).isEstimate).toBe(false);
      });
  }
});

test("a price is never less for more", () => {
  const model = fc.constantFrom("gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "unknown");
  const provider = fc.constantFrom("openai", "anthropic", "google", "compatible");
  const tokens = fc.integer({ min: 0, max: 2_000_000 });
  fc.assert(
    fc.property(provider, model, tokens, tokens, tokens, (provider, model, inputTokens, outputTokens, more) => {
      const { microUsd } = priceOf({ provider, model, inputTokens, outputTokens });
      const dearer = priceOf({ provider, model, inputTokens, outputTokens: outputTokens + more });
      expect(dearer.microUsd).toBeGreaterThanOrEqual(microUsd);
    }),
  );
});

describe("a model that nobody knows", () => {
  test.each([
    ["openai", "no-such-model"],
    ["compatible", "anything"],
    ["nobody", ""],
    // Listed as free, which may end any day.
    ["openrouter", "meta-llama/llama-3.3-70b-instruct:free"],
  ])("%s:%s costs a dear guess that is said to be one", (provider, model) => {
    expect(priceOf({ provider, model, ...asked })).toEqual({ microUsd: 140_000, isEstimate: true });
  });

  test("reads nobody knows how much", () => {
    expect(contextTokensOf("compatible", "anything")).toBeNull();
  });
});

describe("a server of this machine", () => {
  test.each(["ollama", "lmstudio", "llamacpp", "vllm"])("costs nothing: %s", (provider) => {
    for (const url of [null, "http://127.0.0.1:9/v1", "http://localhost:9/v1", "http://[::1]:9/v1"])
      expect(priceOf({ provider, model: "m", url, ...asked })).toEqual({ microUsd: 0, isEstimate: false });
  });

  test.each(["https://ollama.com/v1", "http://127.0.0.1.example.com/v1", "http://192.168.0.9:11434/v1", "no address"])(
    "is none at %s, so somebody may be paid",
    (url) => {
      expect(priceOf({ provider: "ollama", model: "m", url, ...asked })).toEqual({
        microUsd: 140_000,
        isEstimate: true,
      });
    },
  );
});

test("whatever a server says it used, the price is a whole number above nothing", () => {
  const odd = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 0.5, Number.MAX_VALUE);
  const tokens = fc.oneof(fc.nat({ max: 1e6 }), odd);
  const provider = fc.constantFrom("openai", "anthropic", "google", "openrouter", "compatible", "nobody");
  const model = fc.constantFrom("gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "openai/gpt-5-mini", "none");
  const used = fc.record({
    provider,
    model,
    inputTokens: tokens,
    outputTokens: tokens,
    cachedTokens: tokens,
    cacheWriteTokens: tokens,
  });
  fc.assert(
    fc.property(used, (one) => {
      const { microUsd } = priceOf(one);
      expect(Number.isSafeInteger(microUsd) && microUsd > 0).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
