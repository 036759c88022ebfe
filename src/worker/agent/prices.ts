// What models cost, from a catalogue that comes with the program, and how much they read.
import { calcPrice, type Usage as Usages } from "@pydantic/genai-prices";
import { isLocal } from "../../shared/models.ts";
import type { Usage } from "./model.ts";

/** Of models that nobody lists: rather too dear than free, in micro-dollars a token. */
const UNKNOWN_INPUT = 10;
const UNKNOWN_OUTPUT = 40;

/** More than any model reads or writes; a server that says more than that is mistaken. */
const MOST_TOKENS = 1e8;

export type Price = {
  /** Whole, rounded up; nothing but for what runs on this machine. */
  readonly microUsd: number;
  /** The catalogue does not know it. */
  readonly isEstimate: boolean;
};

export type Priced = {
  readonly provider: string;
  readonly model: string;
  /** Of its server; null or left out: the provider's own. */
  readonly url?: string | null;
} & Pick<Usage, "inputTokens" | "outputTokens"> &
  Partial<Usage>;

export function priceOf(used: Priced): Price {
  const { provider, model, url = null } = used;
  // What runs on this machine costs its electricity.
  if (isLocal(provider) && (url === null || isLoopback(url))) return { microUsd: 0, isEstimate: false };
  const [inputTokens, outputTokens] = [counted(used.inputTokens), counted(used.outputTokens)];
  const cachedTokens = Math.min(counted(used.cachedTokens ?? 0), inputTokens);
  const usage = {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    cache_read_tokens: cachedTokens,
    cache_write_tokens: Math.min(counted(used.cacheWriteTokens ?? 0), inputTokens - cachedTokens),
  };
  const known = knownPrice(usage, provider, model);
  const microUsd = known === null ? inputTokens * UNKNOWN_INPUT + outputTokens * UNKNOWN_OUTPUT : known * 1e6 - 1e-6;
  return { microUsd: Math.max(1, Math.ceil(microUsd)), isEstimate: known === null };
}

/** Any server may say anything. */
const counted = (tokens: number): number =>
  Number.isNaN(tokens) ? 0 : Math.ceil(Math.min(Math.max(tokens, 0), MOST_TOKENS));

function isLoopback(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
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
