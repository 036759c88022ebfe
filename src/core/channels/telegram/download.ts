// The bytes of a file that a person sent: asked for by its id, then fetched, at most so many, and all of them.
import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import type { Channel, IncomingFile } from "../channel.ts";
import { MAX_INCOMING_BYTES } from "./abilities.ts";
import { within, type Client, type Timing } from "./client.ts";
import { isAbout } from "./failure.ts";

const Located = z.looseObject({ file_path: z.string().min(1), file_size: z.number().nonnegative().optional() });

const LOCATE_MS = 20_000;
/** Until the next bytes come. */
const QUIET_MS = 30_000;

export function createDownload(client: Client, timing: Timing): Channel["fetch"] {
  return async (file, signal) => {
    if ((file.bytes ?? 0) > MAX_INCOMING_BYTES) throw tooLarge(file);
    const { file_path: path, file_size: bytes } = await locate(client, file, signal);
    // A server of one's own may answer with a path on its disk; that is not ours to read.
    if (/^\/|(^|\/)\.\.(\/|$)/.test(path)) throw lost(file);
    const reader = await open(client, timing, file, path, signal);
    return whole(client, timing, file, reader, bytes ?? null, signal);
  };
}

async function locate(client: Client, file: IncomingFile, signal: AbortSignal): Promise<z.infer<typeof Located>> {
  try {
    const limits = { timeoutMs: LOCATE_MS, signal };
    return await client.ask(Located, limits, (api) => api.getFile({ file_id: file.ref }));
  } catch (error) {
    throw isAbout(error, /file is too big/i) ? tooLarge(file) : lost(file, error);
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function open(
  client: Client,
  timing: Timing,
  file: IncomingFile,
  path: string,
  signal: AbortSignal,
): Promise<Reader> {
  try {
    // The answer's end is not the end of its body: that one is aborted by cancelling its reader.
    const response = await within(timing, { timeoutMs: QUIET_MS, signal }, (end) =>
      fetch(client.fileUrl(path), { redirect: "error", signal: end }),
    );
    if (response.ok && response.body !== null) return response.body.getReader();
    await response.body?.cancel();
  } catch (error) {
    throw lost(file, client.toError(error));
  }
  throw lost(file);
}

/** What the reader reads; it fails where the file is cut off or larger than it was said to be. */
function whole(
  client: Client,
  timing: Timing,
  file: IncomingFile,
  reader: Reader,
  bytes: number | null,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  let count = 0;
  const most = Math.min(bytes ?? MAX_INCOMING_BYTES, MAX_INCOMING_BYTES);
  const next = async (): Promise<Uint8Array | null> => {
    const { done, value } = await within(timing, { timeoutMs: QUIET_MS, signal }, (end) => readUntil(reader, end));
    if (done) {
      if (bytes !== null && count < bytes) throw lost(file);
      return null;
    }
    count += value.byteLength;
    if (count > most) throw bytes !== null && bytes <= MAX_INCOMING_BYTES ? lost(file) : tooLarge(file);
    return value;
  };
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const chunk = await next();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      } catch (error) {
        await reader.cancel().catch(() => undefined);
        throw error instanceof AppError ? error : lost(file, client.toError(error));
      }
    },
    cancel: () => reader.cancel(),
  });
}

async function readUntil(reader: Reader, end: AbortSignal): ReturnType<Reader["read"]> {
  const stop = () => void reader.cancel().catch(() => undefined);
  end.addEventListener("abort", stop, { once: true });
  try {
    const read = await reader.read();
    if (end.aborted) throw new Error("The file stopped coming.");
    return read;
  } finally {
    end.removeEventListener("abort", stop);
  }
}

function tooLarge({ bytes }: IncomingFile): AppError {
  const size = bytes === null ? "larger than that" : `${Math.ceil(bytes / 2 ** 20)} MB`;
  return new AppError(
    "too_large",
    `That file is ${size}. Telegram lets bots read up to 20 MB. Upload it in the dashboard, or send it zipped under 20 MB.`,
  );
}

function lost({ name }: IncomingFile, cause?: unknown): AppError {
  return new AppError("unavailable", `“${name}” could not be fetched from Telegram. Please send it again.`, { cause });
}
