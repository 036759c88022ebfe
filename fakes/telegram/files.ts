// The files of the service: put in by either side, named by opaque ids, fetched in two steps.
import { basename, extname } from "node:path";
import { MAX_PHOTO_BYTES, photoSize, type Size } from "./picture.ts";
import { badRequest, Refusal } from "./refusal.ts";
import type { Document, PhotoSize, Voice } from "./wire.ts";

export const MAX_UPLOAD_BYTES = 50 * 1024 * 1024;
const MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024;
/** A path that getFile gave is good for at least an hour. */
const PATH_LIFE_MS = 3_600_000;
const THUMBNAIL_SIDES = [90, 320, 800, 1280];

export type Bytes = Uint8Array<ArrayBuffer>;
export type Upload = { readonly name: string; readonly bytes: Bytes; readonly mimeType?: string | undefined };

/** A file in a message. `shape` is what the message carries of it. */
export type Media = { readonly name: string; readonly bytes: Bytes; readonly mimeType: string } & (
  | { readonly kind: "photo"; readonly size: Size; readonly shape: readonly PhotoSize[] }
  | { readonly kind: "document"; readonly shape: Document }
  | { readonly kind: "voice"; readonly shape: Voice }
);

type Kept = { readonly media: Media; readonly path: string; readonly fileId: string; readonly uniqueId: string };

export class Files {
  readonly #byId = new Map<string, Kept>();
  /** path → until when it may be fetched. */
  readonly #paths = new Map<string, { readonly kept: Kept; readonly untilMs: number }>();
  readonly #nowMs: () => number;
  #count = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A photo in the sizes that the service makes. Refuses what is no picture, too big or too long. */
  addPhoto(upload: Upload): Media {
    refuseEmpty(upload);
    const size = photoSize(upload.bytes);
    const number = this.#next();
    const ids = scaled(size).map((one, index) => ({ ...one, ...this.#ids(`AgACAgQAAxkBAAI`, `AQAD`, number, index) }));
    // Every size has the original's bytes: this fake draws nothing.
    const shape = ids.map((one) => ({ ...one, file_size: upload.bytes.length }));
    const media: Media = { kind: "photo", ...named(upload, "image/jpeg"), size, shape };
    for (const one of shape) this.#keep(media, one.file_id, one.file_unique_id, `photos/file_${number}.jpg`);
    return media;
  }

  addDocument(upload: Upload): Media {
    refuseEmpty(upload);
    const number = this.#next();
    const ids = this.#ids("BQACAgQAAxkBAAI", "AgAD", number, 0);
    const file = named(upload, "application/octet-stream");
    const shape = { file_name: file.name, mime_type: file.mimeType, ...ids, file_size: upload.bytes.length };
    const media: Media = { kind: "document", ...file, shape };
    this.#keep(media, ids.file_id, ids.file_unique_id, `documents/file_${number}${extname(file.name)}`);
    return media;
  }

  addVoice(upload: Upload, durationS: number): Media {
    refuseEmpty(upload);
    const number = this.#next();
    const ids = this.#ids("AwACAgQAAxkBAAI", "AgAD", number, 0);
    const file = named(upload, "audio/ogg");
    const shape = { duration: durationS, mime_type: file.mimeType, ...ids, file_size: upload.bytes.length };
    const media: Media = { kind: "voice", ...file, shape };
    this.#keep(media, ids.file_id, ids.file_unique_id, `voice/file_${number}.oga`);
    return media;
  }

  /** A file that is there already, sent again by its id. */
  byId(fileId: string, kind: Media["kind"]): Media {
    if (/^https?:\/\//.test(fileId)) throw badRequest("failed to get HTTP URL content");
    const media = this.#byId.get(fileId)?.media;
    if (media === undefined) throw badRequest("wrong file identifier/HTTP URL specified");
    if (media.kind !== kind) throw badRequest(`can't use file of type ${typeName(media.kind)} as ${typeName(kind)}`);
    return media;
  }

  /** The answer of getFile; from now on its path can be fetched. */
  locate(fileId: string): object {
    const kept = this.#byId.get(fileId);
    if (kept === undefined) throw badRequest("wrong file_id or the file is temporarily unavailable");
    const size = kept.media.bytes.length;
    if (size > MAX_DOWNLOAD_BYTES) throw badRequest("file is too big");
    this.#paths.set(kept.path, { kept, untilMs: this.#nowMs() + PATH_LIFE_MS });
    return { file_id: kept.fileId, file_unique_id: kept.uniqueId, file_size: size, file_path: kept.path };
  }

  fetch(path: string): Bytes {
    const found = this.#paths.get(path);
    if (found === undefined || found.untilMs < this.#nowMs()) throw new Refusal(404, "Not Found");
    return found.kept.media.bytes;
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  #ids(
    prefix: string,
    uniquePrefix: string,
    number: number,
    index: number,
  ): { file_id: string; file_unique_id: string } {
    const seed = Bun.hash(`${number}/${index}`).toString(36);
    return { file_id: `${prefix}${seed}${number}_${index}`, file_unique_id: `${uniquePrefix}${seed}` };
  }

  #keep(media: Media, fileId: string, uniqueId: string, path: string): void {
    this.#byId.set(fileId, { media, path, fileId, uniqueId });
  }
}

/** Too big for the service, whatever it is. */
export function refuseOversize(bytes: number): void {
  if (bytes > Math.max(MAX_UPLOAD_BYTES, MAX_PHOTO_BYTES)) throw new Refusal(413, "Request Entity Too Large");
}

function refuseEmpty({ bytes }: Upload): void {
  if (bytes.length === 0) throw badRequest("file must be non-empty");
}

function named(upload: Upload, otherwise: string): { name: string; bytes: Bytes; mimeType: string } {
  const type = upload.mimeType || Bun.file(upload.name).type.split(";")[0];
  return { name: basename(upload.name), bytes: upload.bytes, mimeType: type || otherwise };
}

/** Up to four sizes, the last no larger than 1280 a side. */
function scaled({ width, height }: Size): Size[] {
  const long = Math.max(width, height);
  const sides = [...THUMBNAIL_SIDES.filter((side) => side < long), Math.min(long, 1280)];
  return [...new Set(sides)].map((side) => ({
    width: Math.max(1, Math.round((width * side) / long)),
    height: Math.max(1, Math.round((height * side) / long)),
  }));
}

function typeName(kind: Media["kind"]): string {
  return { photo: "Photo", document: "Document", voice: "VoiceNote" }[kind];
}
