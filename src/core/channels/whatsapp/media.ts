// Files on WhatsApp: fetched in two steps, from Meta's own hosts only; sent in two steps, as types that Meta takes.
import { createHash } from "node:crypto";
import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import { DeliveryError, type OutgoingFile } from "../channel.ts";
import type { Client } from "./client.ts";

/** The token goes nowhere else. */
const HOSTS = /^(?:graph\.facebook\.com|lookaside\.fbsbx\.com|(?:[\w-]+\.)+whatsapp\.net)$/;
const MAX_BYTES = 100 * 2 ** 20;

const Facts = z.object({ url: z.string(), sha256: z.string().optional(), file_size: z.coerce.number().optional() });
const Uploaded = z.object({ id: z.string() });

export type Settings = { readonly token: string; readonly apiUrl: string };

/** Throws AppError; the stream ends with one where the bytes are not those that Meta named. */
export async function fetchMedia(
  client: Client,
  settings: Settings,
  id: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const facts = await client.get(encodeURIComponent(id), signal).then(
    (answer) => Facts.parse(answer),
    () => {
      throw gone();
    },
  );
  if ((facts.file_size ?? 0) > MAX_BYTES) throw tooLarge();
  const url = URL.canParse(facts.url) ? new URL(facts.url) : null;
  if (url === null || !isTrusted(url, new URL(settings.apiUrl)))
    throw new AppError("forbidden", "WhatsApp named a place that is not its own, so the file was not fetched.");
  const headers = { Authorization: `Bearer ${settings.token}` };
  // A redirect could lead anywhere, with the token.
  const response = await fetch(url, { headers, signal, redirect: "error" }).catch(() => null);
  if (response?.ok !== true || response.body === null) throw gone();
  return response.body.pipeThrough(checked(facts.sha256 ?? null));
}

/** Meta's hosts over https; and the host of the API's own address, which is on this machine when one tries it out. */
function isTrusted(url: URL, api: URL): boolean {
  return url.origin === api.origin || (url.protocol === "https:" && HOSTS.test(url.hostname));
}

/** Meta writes the hash in hex in one place and in base64 in another. */
function checked(sha256: string | null): TransformStream<Uint8Array, Uint8Array> {
  const hash = createHash("sha256");
  let bytes = 0;
  return new TransformStream({
    transform: (chunk, controller) => {
      bytes += chunk.byteLength;
      if (bytes > MAX_BYTES) throw tooLarge();
      hash.update(chunk);
      controller.enqueue(chunk);
    },
    flush: () => {
      const digest = hash.digest();
      if (sha256 !== null && sha256 !== digest.toString("hex") && sha256 !== digest.toString("base64"))
        throw new AppError("unavailable", "The file did not arrive whole. Send it again.");
    },
  });
}

const gone = (): AppError => new AppError("unavailable", "WhatsApp did not give the file. Send it again.");

const tooLarge = (): AppError =>
  new AppError("too_large", "That file is larger than 100 MB. Upload it in the dashboard, or send less of it.");

const AS_THEY_ARE = new Set([
  "text/plain",
  "application/pdf",
  "application/msword",
  "application/vnd.ms-excel",
  "application/vnd.ms-powerpoint",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
]);

/** Tables as text are taken under the name of plain text. */
export const documentType = (mediaType: string): string | null =>
  AS_THEY_ARE.has(mediaType) ? mediaType : /^(?:text\/|application\/json)/.test(mediaType) ? "text/plain" : null;

export async function upload(
  client: Client,
  phoneId: string,
  file: OutgoingFile,
  type: string,
  signal: AbortSignal,
): Promise<string> {
  const form = new FormData();
  form.set("messaging_product", "whatsapp");
  form.set("type", type);
  form.set("file", new File([await Bun.file(file.path).arrayBuffer()], file.name, { type }));
  const uploaded = Uploaded.safeParse(await client.post(`${phoneId}/media`, form, signal));
  // An upload by itself is seen by nobody: it may be done again.
  if (!uploaded.success) throw new DeliveryError("not_sent", "WhatsApp took a file without giving it a name.");
  return uploaded.data.id;
}
