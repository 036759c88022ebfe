// What providers say when they do not answer, in six kinds. The SDK's error is told apart by status and by its body.
import { ModelError, type ModelFailure } from "./model.ts";

type CallError = {
  readonly statusCode?: number;
  readonly responseHeaders?: Record<string, string>;
  readonly responseBody?: string;
  readonly message: string;
};

/** How providers and local servers say that a request is longer than what the model reads. */
const OVERFLOW =
  /context[_ ]length|context window|maximum context|prompt is too long|too many (?:input )?tokens|exceeds the (?:available|maximum|model's)[^.]{0,40}(?:context|tokens)|input (?:token count|is too long)|maximum prompt length|reduce the length|token limit/i;
const NO_MONEY = /insufficient_quota|credit balance|billing|quota exceeded/i;
const OVERLOADED = /overloaded|capacity|try again later|rate.?limit/i;
const CUT =
  /without a finish reason|terminated|premature|unexpected end|ended before|ECONNRESET|EPIPE|(?:connection|socket)[^.]{0,20} closed/i;
const NO_LINE =
  /ECONNREFUSED|ENOTFOUND|cannot connect|unable to connect|socket|fetch failed|network|timeout|timed out/i;

/** `hasBegun`: some of the answer had come, so that it costs something. */
export function toModelError(error: unknown, call: CallError | null, hasBegun: boolean): ModelError {
  if (error instanceof ModelError) return error;
  const text = textOf(error);
  const said = `${text} ${call?.responseBody ?? ""}`.slice(0, 4_000);
  const failure = failureOf(call?.statusCode, said, hasBegun);
  const retryAfterMs = waitOf(call?.responseHeaders);
  return new ModelError(failure, sentenceOf(failure, call), {
    cause: error,
    wasBilled: hasBegun || failure === "truncated",
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function failureOf(status: number | undefined, said: string, hasBegun: boolean): ModelFailure {
  if (OVERFLOW.test(said)) return "overflow";
  if (status === 401 || status === 403 || status === 402 || (status === 429 && NO_MONEY.test(said))) return "refused";
  if (status === 408 || status === 409 || status === 425 || status === 429 || (status ?? 0) >= 500) return "busy";
  if (status !== undefined && status >= 400) return "rejected";
  // The request had arrived, so it is being paid for.
  if (hasBegun || CUT.test(said)) return "truncated";
  if (OVERLOADED.test(said)) return "busy";
  return NO_LINE.test(said) ? "unreachable" : "rejected";
}

/** For people. What the provider said may hold anything, so only its status goes along. */
function sentenceOf(failure: ModelFailure, call: CallError | null): string {
  const status = call?.statusCode === undefined ? "" : ` (${call.statusCode})`;
  switch (failure) {
    case "busy":
      return `The model's server has too much to do or is out of order${status}.`;
    case "unreachable":
      return "The model's server cannot be reached.";
    case "truncated":
      return "The model's answer broke off in the middle.";
    case "overflow":
      return "This is more than the model can read at once.";
    case "refused":
      return `The model's server refused the key, or its account has no credit left${status}.`;
    case "rejected":
    default:
      return `The model's server did not take the request${status}.`;
  }
}

const MAX_WAIT_MS = 60_000;

function waitOf(headers: Record<string, string> | undefined): number | undefined {
  const millis = Number(headers?.["retry-after-ms"]);
  if (headers?.["retry-after-ms"] !== undefined && millis >= 0) return Math.min(MAX_WAIT_MS, millis);
  const text = headers?.["retry-after"];
  if (text === undefined) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.min(MAX_WAIT_MS, Math.max(0, ms)) : undefined;
}

/** The texts of an error and of what caused it. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : (JSON.stringify(error) ?? "");
  return error.cause === undefined ? error.message : `${error.message} ${textOf(error.cause)}`;
}
