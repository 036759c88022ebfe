// What a phone reads in a QR code, by a decoder that shares no code with what draws ours.
import jsQR from "jsqr";
import { PNG } from "pngjs";

const PIXELS_PER_MODULE = 4;

/** Throws where no code is found. */
export function readPicture(png: Uint8Array): string {
  const { data, width, height } = PNG.sync.read(Buffer.from(png));
  return read(new Uint8ClampedArray(data), width, height);
}

/** `rows` as a terminal shows them, one character a column: two rows of modules are one of half blocks. */
export function readHalfBlocks(rows: readonly string[]): string {
  const modules = rows.flatMap((row) => [
    Array.from(row, (block) => "█▀".includes(block)),
    Array.from(row, (block) => "█▄".includes(block)),
  ]);
  const width = (modules[0]?.length ?? 0) * PIXELS_PER_MODULE;
  const height = modules.length * PIXELS_PER_MODULE;
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let at = 0; at < width * height; at += 1) {
    const row = Math.floor(at / width / PIXELS_PER_MODULE);
    const column = Math.floor((at % width) / PIXELS_PER_MODULE);
    const light = modules[row]?.[column] === true ? 0 : 255;
    pixels.set([light, light, light, 255], 4 * at);
  }
  return read(pixels, width, height);
}

function read(pixels: Uint8ClampedArray, width: number, height: number): string {
  const found = jsQR(pixels, width, height);
  if (found === null) throw new Error("There is no QR code in this picture.");
  return found.data;
}
