// What models cost is whole micro-dollars, never nothing where it is not known, and nothing on this machine.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { contextTokensOf, priceOf } from "../../../src/worker/agent/prices.ts";
import { PROVIDER_NAMES, PROVIDERS } from "../../../src/shared/models.ts";

test("a listed model costs what the list says, cached tokens less", () => {
  const used = { provider: "openai", model: "gpt-4o-mini", inputTokens: 10_000, outputTokens: 1_000 };
  expect(priceOf(used)).toEqual({ microUsd: 2_100, isEstimate: false });
  expect(priceOf({ ...used, cachedTokens: 4_000 })).toEqual({ microUsd: 1_800, isEstimate: false });
});

test("a model that nobody lists is dear and marked", () => {
  for (const provider of ["openai", "compatible", "nobody"])
    expect(priceOf({ provider, model: "no-such-model", inputTokens: 1_000, outputTokens: 100 })).toEqual({
      microUsd: 14_000,
      isEstimate: true,
    });
});

test("a server of this machine costs nothing", () => {
  expect(priceOf({ provider: "ollama", model: "x", inputTokens: 1e6, outputTokens: 1e6 })).toEqual({
    microUsd: 0,
    isEstimate: false,
  });
});

test("a price is whole, never less for more, and never no number", () => {
  const model = fc.constantFrom("gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "unknown");
  const provider = fc.constantFrom("openai", "anthropic", "google", "compatible");
  const tokens = fc.integer({ min: 0, max: 2_000_000 });
  fc.assert(
    fc.property(provider, model, tokens, tokens, tokens, (provider, model, inputTokens, outputTokens, more) => {
      const { microUsd } = priceOf({ provider, model, inputTokens, outputTokens });
      expect(Number.isSafeInteger(microUsd) && microUsd >= 0).toBe(true);
      if (inputTokens + outputTokens > 100) expect(microUsd).toBeGreaterThan(0);
      expect(
        priceOf({ provider, model, inputTokens, outputTokens: outputTokens + more }).microUsd,
      ).toBeGreaterThanOrEqual(microUsd);
    }),
  );
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

test("how much a model reads is known for those that are listed with it", () => {
  expect(contextTokensOf("anthropic", "claude-sonnet-4-5")).toBe(200_000);
  expect(contextTokensOf("nobody", "nothing")).toBeNull();
});
