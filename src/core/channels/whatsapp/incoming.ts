// The bytes of a file that a person sent: asked for by its id, fetched from Meta and nobody else, checked on the way.
import { AppError } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import { DeliveryError, type IncomingFile } from "../channel.ts";
import { verified } from "./bytes.ts";
import type { Graph, Media } from "./graph.ts";
import { objectionTo, type Lookup } from "./hosts.ts";

export const INCOMING_BYTES = 100 * 2 ** 20;
const MOST_REDIRECTS = 3;

export type IncomingDesk = { readonly graph: Graph; readonly api: URL; readonly resolve: Lookup; readonly log: Log };

/** Throws AppError: `too_large`, `forbidden` for a place that we do not trust, `unavailable` for what may be had later. */
export async function fetchFile(
  desk: IncomingDesk,
  { ref }: IncomingFile,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const media = await describe(desk, ref, signal);
  if ((media.file_size ?? 0) > INCOMING_BYTES) throw tooLarge(media.file_size ?? 0);
  const response = await download(desk, new URL(media.url), signal);
  return verified(
    response,
    { maxBytes: INCOMING_BYTES, sha256: media.sha256 },
    { tooLarge: () => tooLarge(INCOMING_BYTES + 1), mismatch: gone },
  );
}

async function describe({ graph }: IncomingDesk, ref: string, signal: AbortSignal): Promise<Media> {
  try {
    return await graph.describe(ref, signal);
  } catch (error) {
    throw gone(error);
  }
}

async function download(desk: IncomingDesk, start: URL, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  let url = start;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
    const objection = await objectionTo(url, desk.api, desk.resolve);
    if (objection !== null) throw distrust(desk.log, objection);
    const response = await desk.graph.download(url, signal).catch((error: unknown) => {
      throw gone(error);
    });
    if (response.ok && response.body !== null) return response.body;
    await response.body?.cancel();
    const next = targetOf(response, url);
    if (next === null) throw gone(new DeliveryError("ambiguous", `It was answered with ${response.status}.`));
    if (next.host !== url.host) throw distrust(desk.log, `${url.hostname} leads to ${next.hostname}`);
    url = next;
  }
  throw gone(new DeliveryError("ambiguous", "It leads in circles."));
}

function targetOf({ status, headers }: Response, url: URL): URL | null {
  const location = headers.get("location");
  return status >= 300 && status < 400 && location !== null ? URL.parse(location, url.href) : null;
}

/** Another time, or sent again, it may be there. */
const gone = (cause?: unknown): AppError =>
  new AppError("unavailable", "WhatsApp did not give the file as it was sent. Send it again.", { cause });

function distrust(log: Log, reason: string): AppError {
  log.warn("media-refused", { channel: "whatsapp", reason });
  return new AppError(
    "forbidden",
    "WhatsApp named a place for that file that I do not trust. Upload it in the dashboard.",
  );
}

const tooLarge = (bytes: number): AppError =>
  new AppError(
    "too_large",
    `That file is ${Math.ceil(bytes / 2 ** 20)} MB. From WhatsApp I can read up to ${INCOMING_BYTES / 2 ** 20} MB. Upload it in the dashboard, or send it zipped.`,
  );
