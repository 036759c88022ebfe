// What WhatsApp's codes mean for a message. By the code alone: Meta says that titles will go.
import { DeliveryError } from "../channel.ts";

/** As it is in answers and, with the same code, in statuses. */
export type Refusal = {
  readonly code: number;
  /** What the platform says of it, without secrets. */
  readonly words: string;
  /** Of the answer; null in a status, which tells what happened, so that nothing about it is unknown. */
  readonly http: number | null;
  readonly retryAfterMs: number | null;
};

/** To the same person a message every six seconds. */
export const PAIR_MS = 6_000;
/** What failed after it had been taken is not tried again at once. */
const LATER_MS = 60_000;

const TOKEN = new Set([0, 3, 10, 190]);
const RATE = new Set([4, 80_007, 130_429]);
const PAIR_RATE = 131_056;
/** Spam, health of the ecosystem, policy, locked: going on makes it worse. */
const RESTRICTED = new Set([368, 131_031, 131_048, 131_049]);
const WINDOW = 131_047;
const TRANSIENT = new Set([1, 2, 500, 503, 131_000, 131_016]);

export function failureOf(refusal: Refusal): DeliveryError {
  const { code, words, http, retryAfterMs } = refusal;
  const retry = retryAfterMs === null ? {} : { retryAfterMs };
  if (code === WINDOW)
    return new DeliveryError("window", "More than 24 hours have passed since this person last wrote.");
  if (TOKEN.has(code) || (code >= 200 && code <= 299) || http === 401)
    return new DeliveryError("auth", `WhatsApp does not accept the token: ${words}`, { isForAll: true });
  if (RESTRICTED.has(code))
    return new DeliveryError("auth", `WhatsApp has restricted this account: ${words}`, { isForAll: true });
  if (code === PAIR_RATE)
    return new DeliveryError("not_sent", words, { retryAfterMs: Math.max(PAIR_MS, retryAfterMs ?? 0) });
  if (RATE.has(code) || http === 429)
    return new DeliveryError("not_sent", words, { ...(http === null ? later(refusal) : retry), isForAll: true });
  if (TRANSIENT.has(code) || (http !== null && http >= 500))
    return http === null
      ? new DeliveryError("not_sent", words, later(refusal))
      : new DeliveryError("ambiguous", words, retry);
  return new DeliveryError("permanent", `WhatsApp refused it: ${words}`);
}

const later = ({ retryAfterMs }: Refusal) => ({ retryAfterMs: retryAfterMs ?? LATER_MS });

/** The line broke before there was an answer. Nothing of what was thrown is kept: it knows the request. */
export function brokenLine(error: unknown): DeliveryError {
  return isUnsent(error)
    ? new DeliveryError("not_sent", "WhatsApp cannot be reached from here.")
    : new DeliveryError("ambiguous", "The line to WhatsApp broke.");
}

const UNREACHED = /^(ConnectionRefused|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|FailedToOpenSocket|DNSResolveFailed)$/;
/** Whoever answered could not prove to be who was asked. */
const UNTRUSTED = /CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/** Nothing of the request left this machine. */
function isUnsent(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return UNREACHED.test(code) || UNTRUSTED.test(code);
}
