// How much a model reads at once.
import { isLocal } from "../../shared/models.ts";
import type { Model } from "./model.ts";
import { contextTokensOf as knownContextOf } from "./prices.ts";

/** Local servers begin with little and drop what is too much without a word, so they are given no more than they start with. */
const LOCAL_TOKENS = 8_192;
const UNKNOWN_TOKENS = 32_000;
/** More than this costs much and helps little. */
const MOST_TOKENS = 200_000;

/** `set` is what the person said, 0 where they said nothing. */
export function contextTokensOf({ provider, model }: Model, set: number): number {
  if (set > 0) return set;
  if (isLocal(provider)) return LOCAL_TOKENS;
  return Math.min(MOST_TOKENS, knownContextOf(provider, model) ?? UNKNOWN_TOKENS);
}
