// The Bot API, one request a call: no repeating behind our back, an end in sight, and every answer looked at.
import { Api } from "grammy";
import { z } from "zod";
import { pause } from "../../../shared/stop.ts";
import type { DeliveryError } from "../channel.ts";
import { createRedact, Stranger, toDeliveryError, type Redact } from "./failure.ts";

/** Time as the adapter needs it. */
export type Timing = { readonly pause: typeof pause; readonly random: () => number };
export const systemTiming: Timing = { pause, random: Math.random };

export type Limits = { readonly timeoutMs: number; readonly signal: AbortSignal };

export type Client = {
  /** Throws DeliveryError. What does not look as it should is `ambiguous`: something was done. */
  readonly ask: <T extends z.ZodType>(
    answer: T,
    limits: Limits,
    request: (api: Api["raw"]) => Promise<unknown>,
  ) => Promise<z.output<T>>;
  readonly toError: (error: unknown) => DeliveryError;
  readonly redact: Redact;
  /** Where the bytes of a file are; the token is in it. */
  readonly fileUrl: (path: string) => string;
};

/** Longer than any time of ours: grammY cannot do without one. */
const NEVER_SECONDS = 24 * 3_600;

export function createClient(token: string, apiUrl: string, timing: Timing): Client {
  const apiRoot = apiUrl.replace(/\/+$/, "");
  const redact = createRedact(token);
  const toError = (error: unknown) => toDeliveryError(error, redact);
  return {
    ask: async (answer, limits, request) => {
      try {
        return answer.parse(
          await within(timing, limits, (signal) => {
            const fetch = fetchJson(signal);
            return request(new Api(token, { apiRoot, timeoutSeconds: NEVER_SECONDS, fetch }).raw);
          }),
        );
      } catch (error) {
        throw toError(error);
      }
    },
    toError,
    redact,
    fileUrl: (path) => `${apiRoot}/file/bot${token}/${path.split("/").map(encodeURIComponent).join("/")}`,
  };
}

/** Aborts the work after its time, or with the signal. */
export async function within<T>(
  timing: Timing,
  { timeoutMs, signal }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const done = new AbortController();
  const stop = () => end.abort();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const watch = async () => {
    await timing.pause(timeoutMs, done.signal);
    if (!done.signal.aborted) stop();
  };
  const watching = watch();
  try {
    return await work(end.signal);
  } finally {
    done.abort();
    signal.removeEventListener("abort", stop);
    await watching;
  }
}

/** One request, ended by our own signal. A redirect would carry the token to a stranger. */
function fetchJson(signal: AbortSignal) {
  return async (url: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(url, { ...init, redirect: "error", signal });
    if (response.headers.get("content-type")?.includes("json") === true) return response;
    await response.body?.cancel();
    throw new Stranger(response.status);
  };
}
