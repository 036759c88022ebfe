// multipart/form-data as a stream: each part's content is passed on while it arrives.
import { AppError } from "../../shared/errors.ts";

export type Part = { readonly name: string; readonly filename: string; readonly content: AsyncGenerator<Uint8Array> };

const MAX_HEADER_BYTES = 16 * 1024;
const CRLF = Buffer.from("\r\n");

/** Read each part's content to its end before asking for the next part. Throws AppError `bad_request`. */
export async function* parts(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<Part> {
  const source = new Source(body);
  await source.skipPast(Buffer.from(`--${boundary}`));
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  while (!(await source.startsWith("--"))) {
    const header = (await source.upTo(Buffer.from("\r\n\r\n"))).toString("utf8");
    const content = source.until(delimiter);
    yield { name: parameter(header, "name"), filename: parameter(header, "filename"), content };
    await source.finish(content);
  }
}

class Source {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
  }

  async skipPast(mark: Buffer): Promise<void> {
    await this.upTo(mark);
  }

  /** Passes over what the reader of a part left unread. */
  async finish(content: AsyncIterator<Uint8Array>): Promise<void> {
    while ((await content.next()).done !== true) continue;
  }

  async startsWith(text: string): Promise<boolean> {
    while (this.#held.length < text.length) await this.#more();
    return this.#held.subarray(0, text.length).toString() === text;
  }

  /** What comes before the mark; both are consumed. */
  async upTo(mark: Buffer): Promise<Buffer> {
    let at = this.#held.indexOf(mark);
    while (at === -1) {
      if (this.#held.length > MAX_HEADER_BYTES) throw new AppError("bad_request", "A part of the form has no end.");
      await this.#more();
      at = this.#held.indexOf(mark);
    }
    const before = this.#held.subarray(0, at);
    this.#held = this.#held.subarray(at + mark.length);
    return before;
  }

  /** Content up to the delimiter, which is consumed; what could be its beginning is held back. */
  async *until(delimiter: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#held.indexOf(delimiter);
      const safe = at === -1 ? Math.max(0, this.#held.length - delimiter.length) : at;
      const ready = this.#held.subarray(0, safe);
      this.#held = this.#held.subarray(at === -1 ? safe : at + delimiter.length);
      if (ready.length > 0) yield ready;
      if (at !== -1) return;
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw new AppError("bad_request", "The form ended too early.");
    this.#held = this.#held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#held, next.value]);
  }
}

/** Browsers and fetch write `"` in a name as %22 and line ends as %0D and %0A. */
function parameter(header: string, name: string): string {
  const line = header.split(CRLF.toString()).find((one) => /^content-disposition:/i.test(one)) ?? "";
  const value = new RegExp(`[;\\s]${name}="([^"]*)"`, "i").exec(line)?.[1] ?? "";
  return value.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n");
}
