// Which failures may pass by themselves, and how long to wait for that.
import type { AppError } from "../shared/errors.ts";
import { MAX_RETRY_MS, type Claim } from "../shared/claims.ts";

/** The sandbox or its server went away; what the job itself did wrong would go wrong again. */
const PASSING = new Set(["unavailable", "sandbox"]);
const FIRST_MS = 1_000;
const GROWTH = 4;
const MAX_MS = 300_000;
/** Pauses that a server asks for cost no attempt, so they need a bound of their own. */
const MAX_PAUSES = 50;

export type NextTry = { readonly delayMs: number; readonly isCounted: boolean };

/** Null: not again. `retries` in a row have come before. `random` is from 0 to 1 and spreads those that failed together. */
export function nextTry(claim: Claim, error: AppError, retries: number, random: number): NextTry | null {
  if (!PASSING.has(error.code)) return null;
  if (error.retryAfterMs !== undefined && claim.attempt < MAX_PAUSES)
    return { delayMs: Math.min(error.retryAfterMs, MAX_RETRY_MS), isCounted: false };
  if (claim.attempt >= claim.maxAttempts) return null;
  const delayMs = Math.min(FIRST_MS * GROWTH ** retries, MAX_MS);
  return { delayMs: Math.round(delayMs * (0.8 + 0.4 * random)), isCounted: true };
}
