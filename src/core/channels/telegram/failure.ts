// What went wrong with a call, by whether it may have had an effect; and nothing in it that is secret.
import { GrammyError, HttpError } from "grammy";
import { z } from "zod";
import { systemCode } from "../../../shared/errors.ts";
import { DeliveryError } from "../channel.ts";

/** What the service answered instead of a result. `description` is its own sentence; cases are told apart by it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly description: string;

  constructor(status: number, description: string) {
    super(`${status}: ${description}`);
    this.status = status;
    this.description = description;
  }
}

/** An answer that is none of the service's: a page of a proxy. */
export class Stranger extends Error {
  override readonly name = "Stranger";
  readonly status: number;

  constructor(status: number) {
    super(`An answer with status ${status} that is no JSON.`);
    this.status = status;
  }
}

export type Redact = (text: string) => string;

/** A token is in every address, and so in what fetch says of one. */
export function createRedact(token: string): Redact {
  const written = [token, encodeURIComponent(token)].filter((one) => one !== "");
  return (text) =>
    written.reduce((left, one) => left.replaceAll(one, "***"), text).replace(/bot\d+(?::|%3A)[\w-]{35}/gi, "bot***");
}

const BROKEN = "The connection to Telegram broke, so nobody knows whether it arrived.";
/** Before anything was written. TLS: whom we met is not who we meant. */
const NOT_WRITTEN =
  /^(ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_AGAIN|FailedToOpenSocket|ERR_TLS_\w+|CERT_\w+|UNABLE_TO_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|\w*CERTIFICATE\w*)$/;
/** What one chat may be told to wait for its own pace; whoever is told more has used up the account's. */
const CHAT_PACE_S = 60;

/** Never throws, and keeps of a stranger's error no more than its name, its code and redacted words. */
export function toDeliveryError(error: unknown, redact: Redact): DeliveryError {
  if (error instanceof DeliveryError) return error;
  if (error instanceof GrammyError) return refused(error, redact);
  const reason = error instanceof HttpError ? error.error : error;
  const cause = harmless(reason, redact);
  if (reason instanceof Stranger && reason.status === 413) return new DeliveryError("permanent", TOO_LARGE, { cause });
  if (NOT_WRITTEN.test(systemCode(reason)))
    return new DeliveryError("not_sent", "Telegram cannot be reached.", { cause });
  return new DeliveryError("ambiguous", BROKEN, { cause });
}

/** Whether the service said so. */
export function isAbout(error: unknown, words: RegExp): boolean {
  return refusalOf(error) !== null && words.test(refusalOf(error)?.description ?? "");
}

export function refusalOf(error: unknown): Refusal | null {
  return error instanceof DeliveryError && error.cause instanceof Refusal ? error.cause : null;
}

const TOO_LARGE = "It is larger than Telegram takes.";

/** What the types promise of a refusal, where it was the service that wrote it. */
const Told = z.looseObject({
  error_code: z.int(),
  description: z.string(),
  parameters: z.looseObject({ retry_after: z.number().positive().max(10_000_000).optional() }),
});

function refused(error: GrammyError, redact: Redact): DeliveryError {
  const told = Told.safeParse(error);
  if (!told.success)
    return new DeliveryError("ambiguous", BROKEN, { cause: new Error("An answer that is none of the service's.") });
  const { error_code: status, parameters } = told.data;
  const description = redact(told.data.description);
  const cause = new Refusal(status, description);
  const said = description.replace(/^(Bad Request|Forbidden|Conflict): /, "").slice(0, 200);
  if (status === 429) return tooMany(parameters.retry_after ?? 1, cause);
  if (status === 401 || (status === 404 && description === "Not Found"))
    return new DeliveryError("auth", "Telegram does not know the token of this bot.", { cause });
  if (status === 409) return new DeliveryError("not_sent", `Telegram refused it: ${said}.`, { cause });
  if (status === 413) return new DeliveryError("permanent", TOO_LARGE, { cause });
  if (status >= 400 && status < 500) return new DeliveryError("permanent", `Telegram refused it: ${said}.`, { cause });
  return new DeliveryError("ambiguous", "Telegram had a fault of its own, so nobody knows whether it arrived.", {
    cause,
  });
}

function tooMany(seconds: number, cause: Refusal): DeliveryError {
  const options = { cause, retryAfterMs: seconds * 1_000, isForAll: seconds > CHAT_PACE_S };
  return new DeliveryError("not_sent", `Telegram asks us to wait for ${seconds} s.`, options);
}

function harmless(error: unknown, redact: Redact): Error {
  if (!(error instanceof Error)) return new Error(redact(String(error)));
  const copy = new Error(redact(error.message));
  copy.name = error.name;
  const code = systemCode(error);
  return code === "" ? copy : Object.assign(copy, { code });
}
