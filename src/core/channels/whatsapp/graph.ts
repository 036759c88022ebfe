// The six calls of WhatsApp's Cloud API that we make: one request each, and every failure in a class of ours.
import { z } from "zod";
import { DeliveryError } from "../channel.ts";
import { readAtMost } from "./bytes.ts";
import { brokenLine, failureOf } from "./failure.ts";
import type { Upload } from "./upload.ts";

/** What the service knows of a file; its address is good for some minutes. */
export type Media = z.infer<typeof Media>;

/** All throw DeliveryError, in which the token never is. */
export type Graph = {
  /** Our number, digits only. */
  readonly probe: (signal: AbortSignal) => Promise<string>;
  /** Resolves to the id of the message. */
  readonly send: (message: object, signal: AbortSignal) => Promise<string>;
  /** The person sees blue ticks, and that an answer is being written. */
  readonly markRead: (messageId: string, signal: AbortSignal) => Promise<void>;
  /** Resolves to the id of the file. Nobody sees it: what fails had no effect. */
  readonly upload: (file: Upload, signal: AbortSignal) => Promise<string>;
  readonly describe: (mediaId: string, signal: AbortSignal) => Promise<Media>;
  /** The answer as it is, redirects too; whoever asks has made sure that this address may know the token. */
  readonly download: (url: URL, signal: AbortSignal) => Promise<Response>;
};

type Sending = {
  readonly method?: "POST";
  readonly body?: string | ReadableStream<Uint8Array>;
  readonly headers?: { readonly [name: string]: string };
};

const VERSION = "v24.0";
const CALL_MS = 20_000;
/** Of 100 MB, up or down. */
const FILE_MS = 300_000;
const MAX_ANSWER_BYTES = 2 ** 20;
/** Meta's file servers answer nobody without a name. */
const AGENT = "Sandpiper";
const MESSAGING = { messaging_product: "whatsapp" } as const;

const Probe = z.object({ display_phone_number: z.string().transform((number) => number.replace(/\D/g, "")) });
const Sent = z.object({ messages: z.tuple([z.object({ id: z.string().min(1) })], z.unknown()) });
const Done = z.object({ success: z.literal(true) });
const Uploaded = z.object({ id: z.string().min(1) });
const Media = z.object({ url: z.url(), sha256: z.string().min(1), file_size: z.coerce.number().nullish() });
const Failure = z.object({
  error: z.object({
    code: z.number(),
    message: z.string().default(""),
    error_data: z.object({ details: z.string() }).optional().catch(undefined),
  }),
});

export function createGraph(settings: {
  readonly token: string;
  readonly phoneId: string;
  readonly apiUrl: string;
}): Graph {
  const { token, phoneId } = settings;
  const root = `${settings.apiUrl.replace(/\/+$/, "")}/${VERSION}`;
  const headers = { authorization: `Bearer ${token}`, "user-agent": AGENT };
  const call = <T>(path: string, shape: z.ZodType<T>, request: Sending, signal: AbortSignal, limitMs = CALL_MS) =>
    ask(`${root}/${path}`, shape, { ...request, headers: { ...headers, ...request.headers } }, token, [
      signal,
      limitMs,
    ]);
  const post = <T>(body: object, shape: z.ZodType<T>, signal: AbortSignal) => {
    const json = JSON.stringify({ ...MESSAGING, ...body });
    const type = { "content-type": "application/json" };
    return call(`${phoneId}/messages`, shape, { method: "POST", body: json, headers: type }, signal);
  };
  return {
    probe: async (signal) =>
      (await call(`${phoneId}?fields=display_phone_number`, Probe, {}, signal)).display_phone_number,
    send: async (message, signal) => (await post(message, Sent, signal)).messages[0].id,
    markRead: async (messageId, signal) => {
      const body = { status: "read", message_id: messageId, typing_indicator: { type: "text" } };
      await post(body, Done, signal);
    },
    upload: async (file, signal) => {
      const form = file.open(MESSAGING);
      try {
        return (await call(`${phoneId}/media`, Uploaded, { ...form, method: "POST" }, signal, FILE_MS)).id;
      } catch (error) {
        if (!(error instanceof DeliveryError) || error.failure !== "ambiguous") throw error;
        throw new DeliveryError("not_sent", error.message, delayOf(error));
      }
    },
    describe: (mediaId, signal) => call(encodeURIComponent(mediaId), Media, {}, signal),
    download: async (url, signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(FILE_MS)]);
      try {
        return await fetch(url, { headers, redirect: "manual", signal: limit });
      } catch (error) {
        throw brokenLine(error);
      }
    },
  };
}

async function ask<T>(
  url: string,
  shape: z.ZodType<T>,
  request: Sending,
  token: string,
  [signal, limitMs]: readonly [AbortSignal, number],
): Promise<T> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  let response: Response;
  let bytes: Uint8Array | null;
  try {
    // A redirect would take the token along.
    response = await fetch(url, { ...request, redirect: "manual", signal: limit });
    bytes = await readAtMost(response.body, MAX_ANSWER_BYTES);
  } catch (error) {
    throw brokenLine(error);
  }
  const answer = parseJson(bytes);
  const good = response.ok ? shape.safeParse(answer) : null;
  if (good?.success === true) return good.data;
  throw refusalOf(response, answer, token);
}

function refusalOf({ status, headers }: Response, answer: unknown, token: string): DeliveryError {
  const failure = Failure.safeParse(answer);
  // A gateway's page, or half an answer: nobody knows what is behind it.
  if (!failure.success) return new DeliveryError("ambiguous", `WhatsApp gave an answer without sense (${status}).`);
  const { code, message, error_data } = failure.data.error;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null;
  // A token that cannot be read is repeated in the words.
  const words = (error_data?.details ?? message).replaceAll(token, "<token>");
  return failureOf({ code, words: `${words} (${code})`, http: status, retryAfterMs });
}

function parseJson(bytes: Uint8Array | null): unknown {
  try {
    return bytes === null ? null : JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

const delayOf = ({ retryAfterMs }: DeliveryError) => (retryAfterMs === null ? {} : { retryAfterMs });
