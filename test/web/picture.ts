// A small chart as PNG, drawn by hand: what a job of the fake core brings back.
import { crc32, deflateSync } from "node:zlib";

type Point = readonly [x: number, y: number];

/** A white picture with axes and one line; `wave` changes its shape, so that two pictures differ. */
export function chartPng(width = 960, height = 560, wave = 1): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(width * height * 3).fill(255);
  const dot = ([x, y]: Point, colour: readonly number[], radius: number): void => {
    for (let dy = -radius; dy <= radius; dy += 1) {
      for (let dx = -radius; dx <= radius; dx += 1) {
        const at = ((Math.round(y) + dy) * width + Math.round(x) + dx) * 3;
        if (dx * dx + dy * dy <= radius * radius + 1) pixels.set(colour, Math.max(0, Math.min(at, pixels.length - 3)));
      }
    }
  };
  const left = 64;
  const bottom = height - 48;
  for (let x = left; x < width - 24; x += 1) {
    for (let grid = 0; grid < 6; grid += 1)
      dot([x, bottom - grid * 80], grid === 0 ? [90, 90, 90] : [228, 228, 228], 0);
    const phase = ((x - left) / (width - left)) * Math.PI * 4;
    dot([x, bottom - 200 - 130 * Math.sin(phase * wave) - 30 * Math.sin(phase * 3.7)], [31, 119, 150], 2);
  }
  for (let y = 24; y < bottom; y += 1) dot([left, y], [90, 90, 90], 0);
  return pngOf(pixels, width, height);
}

function pngOf(pixels: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y += 1) {
    rows.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat(parts));
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
