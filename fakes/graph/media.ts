// Files on the service: what may be uploaded, how long an id and an address live, and what a message may refer to.
import { GraphFailure, noSuchObject } from "./failure.ts";

export type MediaKind = "image" | "document" | "audio" | "video" | "sticker";

export type Media = {
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  readonly sha256: string;
  readonly expiresAt: number;
};

const DAY_MS = 86_400_000;
const RECEIVED_LIFE_MS = 7 * DAY_MS;
const UPLOADED_LIFE_MS = 30 * DAY_MS;
/** From memory. */
const ADDRESS_LIFE_MS = 300_000;

const MAX_BYTES: { readonly [K in MediaKind]: number } = {
  image: 5 << 20,
  document: 100 << 20,
  audio: 16 << 20,
  video: 16 << 20,
  sticker: 500 << 10,
};

const OFFICE = "application/vnd.openxmlformats-officedocument";

/** The types that the service names when it refuses another one; their order is its own. */
const KIND_OF: ReadonlyMap<string, MediaKind> = new Map([
  ...["aac", "mp4", "mpeg", "amr", "ogg", "opus"].map((name): [string, MediaKind] => [`audio/${name}`, "audio"]),
  ["application/vnd.ms-powerpoint", "document"],
  ["application/msword", "document"],
  [`${OFFICE}.wordprocessingml.document`, "document"],
  [`${OFFICE}.presentationml.presentation`, "document"],
  [`${OFFICE}.spreadsheetml.sheet`, "document"],
  ["application/pdf", "document"],
  ["text/plain", "document"],
  ["application/vnd.ms-excel", "document"],
  ["image/jpeg", "image"],
  ["image/png", "image"],
  ["image/webp", "sticker"],
  ["video/mp4", "video"],
  ["video/3gpp", "video"],
]);

/** Where bytes are fetched; the query is what makes an address good. */
export const DOWNLOAD_PATH = "/whatsapp_business/attachments/";

export class MediaStore {
  readonly #media = new Map<string, Media>();
  /** The hash in an address → the media and the end of the address. */
  readonly #addresses = new Map<string, { readonly media: Media; readonly expiresAt: number }>();
  readonly #now: () => number;
  /** Ids of another start are not given again. */
  #lastId = Date.now() * 100;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Throws what the service refuses: a type that it does not list, too many bytes, bytes that are of another type. */
  upload(bytes: Uint8Array<ArrayBuffer>, declared: string): Media {
    const mediaType = essence(declared);
    const kind = KIND_OF.get(mediaType);
    if (kind === undefined) throw unlisted(mediaType);
    if (bytes.byteLength > MAX_BYTES[kind])
      throw new GraphFailure(131053, `File of ${bytes.byteLength} bytes; ${kind} is at most ${MAX_BYTES[kind]} bytes.`);
    const flaw = flawOf(bytes, mediaType);
    if (flaw !== null) throw new GraphFailure(131053, flaw);
    return this.#keep(bytes, mediaType, UPLOADED_LIFE_MS);
  }

  /** What a person sent: any type and size that the phone let through. */
  receive(bytes: Uint8Array<ArrayBuffer>, mediaType: string): Media {
    return this.#keep(bytes, mediaType, RECEIVED_LIFE_MS);
  }

  /** Throws what the service answers for an id that never was, was deleted or is too old. */
  find(id: string, method = "get"): Media {
    const media = this.#media.get(id);
    if (media === undefined || media.expiresAt <= this.#now()) throw noSuchObject(method, id);
    return media;
  }

  delete(id: string): void {
    this.#media.delete(this.find(id, "delete").id);
  }

  /** Path and query under which the bytes are for the next five minutes. */
  address(media: Media): string {
    const hash = Bun.randomUUIDv7("base64url");
    const expiresAt = this.#now() + ADDRESS_LIFE_MS;
    this.#addresses.set(hash, { media, expiresAt });
    const query = new URLSearchParams({
      mid: media.id,
      source: "getMedia",
      ext: String(Math.ceil(expiresAt / 1000)),
      hash,
    });
    return `${DOWNLOAD_PATH}?${query}`;
  }

  /** Null: no such address, or not any more. */
  at(query: URLSearchParams): Media | null {
    const found = this.#addresses.get(query.get("hash") ?? "");
    return found === undefined || found.expiresAt <= this.#now() || found.media.id !== query.get("mid")
      ? null
      : found.media;
  }

  #keep(bytes: Uint8Array<ArrayBuffer>, mediaType: string, lifeMs: number): Media {
    this.#lastId += 1;
    const media: Media = {
      id: String(this.#lastId),
      bytes,
      mediaType,
      sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
      expiresAt: this.#now() + lifeMs,
    };
    this.#media.set(media.id, media);
    return media;
  }
}

/** Why a message of this kind cannot carry that media; null if it can. */
export function misfit(kind: MediaKind, { mediaType }: Media): GraphFailure | null {
  // Meta's list for documents is what is sure to be shown; resellers (360dialog) document that other types may be sent, too.
  return kind === "document" || KIND_OF.get(essence(mediaType)) === kind
    ? null
    : new GraphFailure(131053, `A message of type ${kind} does not carry ${mediaType}.`);
}

function unlisted(mediaType: string): GraphFailure {
  const message =
    `(#100) Param file must be a file with one of the following types: ${[...KIND_OF.keys()].join(", ")}. ` +
    `Received file of type '${mediaType}'.`;
  return new GraphFailure(100, null, { message });
}

/** What is wrong with the bytes; the service looks into images and voice before it sends them. */
function flawOf(bytes: Uint8Array, mediaType: string): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 256)).toString("latin1");
  switch (mediaType) {
    case "image/jpeg":
      return text.startsWith("\xff\xd8\xff") ? null : "The bytes are not a JPEG image.";
    case "image/png":
      return text.startsWith("\x89PNG\r\n\x1a\n") ? pngFlaw(bytes) : "The bytes are not a PNG image.";
    case "audio/ogg": {
      const head = text.indexOf("OpusHead");
      return head >= 0 && bytes[head + 9] === 1 ? null : "Ogg must be Opus with one channel.";
    }
    default:
      return null;
  }
}

/** 8 bits a channel, colour type 2 (RGB) or 6 (RGBA). */
function pngFlaw(bytes: Uint8Array): string | null {
  return bytes[24] === 8 && (bytes[25] === 2 || bytes[25] === 6) ? null : "A PNG must be 8-bit, RGB or RGBA.";
}

function essence(mediaType: string): string {
  return (mediaType.split(";")[0] ?? "").trim().toLowerCase();
}
