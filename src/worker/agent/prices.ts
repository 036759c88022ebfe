// What models cost, from a catalogue that comes with the program, and how much they read.
import { calcPrice, type Usage as Usages } from "@pydantic/genai-prices";
import type { Usage } from "./model.ts";

/** Of models that nobody lists: rather too dear than free, in micro-dollars a token. */
const UNKNOWN_INPUT = 10;
const UNKNOWN_OUTPUT = 40;

/** What runs on this machine costs its electricity. */
const FREE: ReadonlySet<string> = new Set(["ollama", "lmstudio", "llamacpp", "vllm", "jan"]);

export type Price = {
  /** Whole, rounded up. */
  readonly microUsd: number;
  /** The catalogue does not know it. */
  readonly isEstimate: boolean;
};

export type Priced = { readonly provider: string; readonly model: string } & Pick<
  Usage,
  "inputTokens" | "outputTokens"
> &
  Partial<Usage>;

export function priceOf(used: Priced): Price {
  const { provider, model, inputTokens, outputTokens, cachedTokens = 0, cacheWriteTokens = 0 } = used;
  if (FREE.has(provider)) return { microUsd: 0, isEstimate: false };
  const usage = {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    cache_read_tokens: cachedTokens,
    cache_write_tokens: cacheWriteTokens,
  };
  const known = knownPrice(usage, provider, model);
  if (known === null)
    return { microUsd: Math.ceil(inputTokens * UNKNOWN_INPUT + outputTokens * UNKNOWN_OUTPUT), isEstimate: true };
  return { microUsd: Math.ceil(known * 1e6 - 1e-6), isEstimate: false };
}

/** In dollars; null where it is not listed, or listed as nothing. */
function knownPrice(usage: Usages, provider: string, model: string): number | null {
  const price = calculate(usage, provider, model)?.total_price ?? null;
  return price !== null && Number.isFinite(price) && (price > 0 || isNothing(usage)) ? price : null;
}

function calculate(usage: Usages, provider: string, model: string): ReturnType<typeof calcPrice> {
  try {
    return calcPrice(usage, model, { providerId: provider });
  } catch {
    // It throws for usage that its rules do not expect.
    return null;
  }
}

const isNothing = (usage: Usages): boolean => (usage["input_tokens"] ?? 0) + (usage["output_tokens"] ?? 0) === 0;

/** Null where nobody says. */
export function contextTokensOf(provider: string, model: string): number | null {
  return calculate({ input_tokens: 1 }, provider, model)?.model.context_window ?? null;
}
