// What a message asks for, carried in its words, and what its sender is to see: words and a picture that no other has.
import { PNG } from "pngjs";

/** `name` is of one task only, letters and digits. */
export type Task = { readonly name: string; readonly ms: number };

const WORDS = /^task (\w+) takes (\d+) ms$/;
const SIDE = 8;

export const sayTask = ({ name, ms }: Task): string => `task ${name} takes ${ms} ms`;

export function hearTask(prompt: string): Task {
  const [, name, ms] = WORDS.exec(prompt) ?? [];
  if (name === undefined) throw new Error(`That is no task: ${prompt}`);
  return { name, ms: Number(ms) };
}

/** The stop at its end keeps t1 apart from t10. */
export const answerTo = (name: string): string => `Answer to ${name}.`;

/** The same bytes for the same name. */
export function pictureOf(name: string): Uint8Array<ArrayBuffer> {
  const picture = new PNG({ width: SIDE, height: SIDE });
  const colours = new Bun.CryptoHasher("sha256").update(name).digest();
  for (let at = 0; at < picture.data.length; at += 1)
    picture.data[at] = at % 4 === 3 ? 255 : (colours[at % colours.length] ?? 0);
  return new Uint8Array(PNG.sync.write(picture));
}
