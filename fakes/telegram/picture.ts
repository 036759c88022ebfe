// What a file is by its bytes: the service looks into pictures before it takes them as photos.
import { badRequest } from "./refusal.ts";

export type Size = { readonly width: number; readonly height: number };

export const MAX_PHOTO_BYTES = 10 * 1024 * 1024;
const MAX_PHOTO_SIDES = 10_000;
const MAX_PHOTO_RATIO = 20;

/** The size of a picture that the service would take as a photo; otherwise its refusal. */
export function photoSize(bytes: Uint8Array): Size {
  if (bytes.length > MAX_PHOTO_BYTES)
    throw badRequest(
      `file of size ${bytes.length} bytes is too big for a photo; the maximum size is ${MAX_PHOTO_BYTES} bytes`,
    );
  const size = readSize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (size === undefined) throw badRequest("IMAGE_PROCESS_FAILED");
  const { width, height } = size;
  const ratio = Math.max(width, height) / Math.min(width, height);
  if (width + height > MAX_PHOTO_SIDES || !(ratio <= MAX_PHOTO_RATIO)) throw badRequest("PHOTO_INVALID_DIMENSIONS");
  return size;
}

/** PNG, JPEG, GIF and WebP; undefined for anything else and for what is cut off. */
function readSize(bytes: Buffer): Size | undefined {
  try {
    if (bytes.toString("latin1", 1, 4) === "PNG") return pngSize(bytes);
    if (bytes.toString("latin1", 0, 3) === "GIF")
      return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
    if (bytes.readUInt16BE(0) === 0xffd8) return jpegSize(bytes);
    if (bytes.toString("latin1", 8, 12) === "WEBP") return webpSize(bytes);
  } catch (error) {
    // Reading beyond the end: no picture.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

function pngSize(bytes: Buffer): Size | undefined {
  const isWhole = bytes.toString("latin1", bytes.length - 8, bytes.length - 4) === "IEND";
  return isWhole ? { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) } : undefined;
}

function jpegSize(bytes: Buffer): Size | undefined {
  for (let at = 2; at + 9 < bytes.length;) {
    const marker = bytes.readUInt16BE(at);
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

function webpSize(bytes: Buffer): Size | undefined {
  const kind = bytes.toString("latin1", 12, 16);
  if (kind === "VP8 ") return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
  if (kind === "VP8X") return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
  if (kind !== "VP8L") return undefined;
  const bits = bytes.readUInt32LE(21);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}
