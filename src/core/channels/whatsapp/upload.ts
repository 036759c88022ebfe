// What WhatsApp takes of our files, and the form that brings it there, read from the disk as it goes.
import { safeName } from "../../../shared/files.ts";
import { DeliveryError, type OutgoingFile } from "../channel.ts";

export type Upload = {
  readonly kind: "image" | "document";
  readonly name: string;
  /** A form of these fields and the file; once for each request. */
  readonly open: (fields: { readonly [name: string]: string }) => {
    readonly headers: { readonly [name: string]: string };
    readonly body: ReadableStream<Uint8Array>;
  };
};

export const IMAGE_BYTES = 5 * 2 ** 20;
export const DOCUMENT_BYTES = 100 * 2 ** 20;

const OFFICE = "application/vnd.openxmlformats-officedocument";
const IMAGES = new Set(["image/png", "image/jpeg"]);
/** Meta's list. */
const DOCUMENTS = new Set([
  "text/plain",
  "application/pdf",
  "application/msword",
  "application/vnd.ms-excel",
  "application/vnd.ms-powerpoint",
  ...["wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation"].map(
    (name) => `${OFFICE}.${name}`,
  ),
]);
/** Not on the list, but text: the name tells the person's phone what it is. */
const TEXTS = new Set([
  "text/csv",
  "text/tab-separated-values",
  "text/markdown",
  "text/x-python",
  "application/json",
  "application/x-ndjson",
]);

export const FILE_TYPES: ReadonlySet<string> = new Set([...IMAGES, ...DOCUMENTS, ...TEXTS]);

/**
 * `isWhole`: a picture, too, goes as a document, so that WhatsApp leaves it as it is. Throws DeliveryError `permanent` with
 * a sentence for what WhatsApp does not take.
 */
export function uploadOf({ path, name, mediaType, bytes }: OutgoingFile, isWhole: boolean): Upload {
  const essence = (mediaType.split(";")[0] ?? "").trim().toLowerCase();
  const isImage = IMAGES.has(essence);
  const kind = isImage && !isWhole ? "image" : "document";
  const type = TEXTS.has(essence) ? "text/plain" : essence;
  if (!isImage && !DOCUMENTS.has(type))
    throw new DeliveryError("permanent", `WhatsApp does not take files like ${name} (${essence}).`);
  // The upload knows the type alone, so the limit is that of a picture whatever the message will be.
  const most = isImage ? IMAGE_BYTES : DOCUMENT_BYTES;
  if (bytes > most)
    throw new DeliveryError(
      "permanent",
      `${name} has ${Math.ceil(bytes / 2 ** 20)} MB; WhatsApp takes ${most / 2 ** 20} MB of ${isImage ? "a picture" : "a document"}.`,
    );
  const shown = safeName(name);
  return { kind, name: shown, open: (fields) => form({ ...fields, type }, { path, name: shown, type }) };
}

/** By hand: FormData would hold the whole file in memory, twice. */
function form(
  fields: { readonly [name: string]: string },
  file: { readonly path: string; readonly name: string; readonly type: string },
) {
  const boundary = `sandpiper-${Bun.randomUUIDv7()}`;
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = new TextEncoder().encode(
    `${parts.join("")}--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${quoted(file.name)}"\r\n` +
      `content-type: ${file.type}\r\n\r\n`,
  );
  const tail = new TextEncoder().encode(`\r\n--${boundary}--\r\n`);
  const source = Bun.file(file.path);
  return {
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(head.byteLength + source.size + tail.byteLength),
    },
    body: joined(head, source, tail),
  };
}

function joined(head: Uint8Array, file: Blob, tail: Uint8Array): ReadableStream<Uint8Array> {
  const pieces = (async function* () {
    yield head;
    yield* file.stream();
    yield tail;
  })();
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void (await pieces.return(undefined)),
  });
}

const quoted = (name: string): string => name.replace(/["\\\p{Cc}]/gu, "_");
