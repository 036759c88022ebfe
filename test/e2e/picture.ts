// What a PNG shows, by its pixels.
import { PNG } from "pngjs";

export type Facts = {
  readonly width: number;
  readonly height: number;
  readonly colours: number;
  readonly inked: number;
};

/** `colours` counts what covers at least 20 pixels; `inked` is the share of pixels that are not the commonest colour. */
export async function factsOf(path: string): Promise<Facts> {
  const { width, height, data } = PNG.sync.read(Buffer.from(await Bun.file(path).arrayBuffer()));
  const counts = new Map<number, number>();
  for (let at = 0; at < data.length; at += 4) {
    const colour = data.readUInt32BE(at);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const all = [...counts.values()];
  return {
    width,
    height,
    colours: all.filter((count) => count >= 20).length,
    inked: 1 - Math.max(...all) / (width * height),
  };
}
