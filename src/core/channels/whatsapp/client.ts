// WhatsApp's Cloud API: six requests of the Graph API, and every failure in a class of ours.
import { z } from "zod";
import { DeliveryError, type FailureClass } from "../channel.ts";

/** Of the Graph API; each is kept for about two years. */
const VERSION = "v23.0";
const TIMEOUT_MS = 60_000;

export type Client = {
  /** A JSON body, or a form; resolves to the parsed answer. Throws DeliveryError, in which the token never is. */
  readonly post: (path: string, body: object | FormData, signal: AbortSignal) => Promise<unknown>;
  readonly get: (path: string, signal: AbortSignal) => Promise<unknown>;
};

const Failure = z.object({
  error: z.object({
    code: z.number(),
    message: z.string().default(""),
    error_data: z.object({ details: z.string().optional() }).optional(),
  }),
});

export function createClient(settings: { readonly token: string; readonly apiUrl: string }): Client {
  const root = `${settings.apiUrl.replace(/\/+$/, "")}/${VERSION}`;
  const call = async (path: string, init: RequestInit, signal: AbortSignal): Promise<unknown> => {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${settings.token}`);
    const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${root}/${path}`, { ...init, headers, signal: within, redirect: "error" });
      text = await response.text();
    } catch (error) {
      throw lineError(error);
    }
    const body = parse(text);
    if (response.ok && body !== undefined) return body;
    const failure = Failure.safeParse(body);
    if (!failure.success)
      throw new DeliveryError("ambiguous", `WhatsApp answered ${response.status} without a reason.`);
    const { code, message, error_data: data } = failure.data.error;
    throw failureOf(code, data?.details ?? message, response.headers.get("retry-after"));
  };
  return {
    get: (path, signal) => call(path, {}, signal),
    post: (path, body, signal) =>
      call(
        path,
        body instanceof FormData
          ? { method: "POST", body }
          : { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } },
        signal,
      ),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Nothing left this machine where no line was made. */
function lineError(error: unknown): DeliveryError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(ConnectionRefused|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|FailedToOpenSocket)$/.test(code)
    ? new DeliveryError("not_sent", "WhatsApp cannot be reached from here.")
    : new DeliveryError("ambiguous", "The line to WhatsApp broke.");
}

/** Between two messages to the same person. */
const PAIR_MS = 6_000;
const RATE_MS = 30_000;
/** After the account was blocked, a person has to look at it. */
const BLOCKED_MS = 3_600_000;

/** By Meta's number: titles are said to go (developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes). */
export function failureOf(code: number, details: string, retryAfter: string | null = null): DeliveryError {
  const words = `WhatsApp says (${code}): ${details}`;
  const asked = Number(retryAfter);
  const retryAfterMs = retryAfter !== null && asked > 0 ? asked * 1_000 : undefined;
  const fail = (failure: FailureClass, more: { retryAfterMs?: number; isForAll?: boolean } = {}) =>
    new DeliveryError(failure, words, { ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...more });
  if (code === 131047) return fail("window");
  if (code === 131056) return fail("not_sent", { retryAfterMs: Math.max(PAIR_MS, retryAfterMs ?? 0) });
  if (code === 4 || code === 80007 || code === 130429)
    return fail("not_sent", { retryAfterMs: retryAfterMs ?? RATE_MS, isForAll: true });
  if (code === 131048 || code === 131049 || code === 368 || code === 131031)
    return fail("auth", { retryAfterMs: BLOCKED_MS, isForAll: true });
  if (code === 0 || code === 190 || code === 3 || code === 10 || (code >= 200 && code <= 299)) return fail("auth");
  if (code === 1 || code === 2 || code === 500 || code === 503 || code === 131000 || code === 131016)
    return fail("ambiguous");
  return fail("permanent");
}
