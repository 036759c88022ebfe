// A tar file of regular files and nothing else, as a stream in both directions. Any tar program can read what is written.
import { AppError } from "../shared/errors.ts";

export type Entry = {
  /** Relative, with forward slashes. Of an archive that is read: as it says, not yet known to be safe. */
  readonly name: string;
  readonly bytes: number;
  /** Exactly `bytes` of them. */
  readonly chunks: AsyncIterable<Uint8Array>;
};

const BLOCK = 512;
/** What the size field of a plain header can say; beyond it, as for long names, a pax record does. */
const MAX_PLAIN_BYTES = 8 ** 11 - 1;
const MAX_PLAIN_NAME = 100;
/** A name is no novel. */
const MAX_PAX_BYTES = 64 * 1024;

/** POSIX.1-2001 (ustar with pax records where needed). An entry's chunks are asked for when it is its turn. */
export async function* writeArchive(entries: AsyncIterable<Entry>): AsyncGenerator<Uint8Array> {
  for await (const { name, bytes, chunks } of entries) {
    const isPlain = /^[\x20-\x7e]*$/.test(name) && name.length <= MAX_PLAIN_NAME && bytes <= MAX_PLAIN_BYTES;
    if (!isPlain) {
      const records = Buffer.from(paxRecord("path", name) + paxRecord("size", String(bytes)));
      yield header("pax", records.byteLength, "x");
      yield padded(records);
    }
    yield header(isPlain ? name : "long", Math.min(bytes, MAX_PLAIN_BYTES), "0");
    yield* chunks;
    yield new Uint8Array(paddingOf(bytes));
  }
  yield new Uint8Array(2 * BLOCK);
}

function header(name: string, bytes: number, kind: "0" | "x"): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write("0000600\0", 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${bytes.toString(8).padStart(11, "0")}\0`, 124);
  block.write("00000000000\0", 136);
  block.write(kind, 156);
  block.write("ustar\x0000", 257);
  block.write(`${checksumOf(block).toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** Over the header with spaces in the place of the checksum itself. */
function checksumOf(block: Uint8Array): number {
  return block.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 0x20 : byte), 0);
}

/** `<length> key=value\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const digits = String(bytes + String(bytes).length).length;
  return `${bytes + digits}${rest}`;
}

const paddingOf = (bytes: number): number => (BLOCK - (bytes % BLOCK)) % BLOCK;
const padded = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, new Uint8Array(paddingOf(bytes.byteLength))]);

/**
 * The regular files of an archive, in their order; each entry's chunks must be read before the next entry is asked for.
 * Throws AppError `unsupported` for links, folders, devices and whatever else there may be, and where it is torn.
 */
export async function* readArchive(source: AsyncIterable<Uint8Array>): AsyncGenerator<Entry> {
  const bytes = new Bytes(source);
  let long: { readonly name: string; readonly bytes: number } | null = null;
  for (;;) {
    const block = await bytes.exactly(BLOCK);
    if (block.every((byte) => byte === 0)) break;
    const { name, size, kind } = readHeader(block);
    if (kind === "x") {
      if (size > MAX_PAX_BYTES) throw notWhole("a name in it is too long");
      long = readPax(await bytes.exactly(size));
      await bytes.exactly(paddingOf(size));
      continue;
    }
    const entry = long ?? { name, bytes: size };
    long = null;
    yield { ...entry, chunks: bytes.take(entry.bytes) };
    await bytes.exactly(paddingOf(entry.bytes));
  }
  // To the end, where the checksum of what it was packed with is.
  await bytes.drain();
}

function readHeader(block: Buffer): { name: string; size: number; kind: "0" | "x" } {
  const field = (from: number, length: number): string =>
    block.toString("utf8", from, from + length).replace(/\0[^]*$/, "");
  const octal = (from: number, length: number): number => {
    const digits = field(from, length).trim();
    return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  };
  const name = [field(345, 155), field(0, 100)].filter((part) => part !== "").join("/");
  const size = octal(124, 12);
  if (field(257, 5) !== "ustar" || octal(148, 8) !== checksumOf(block) || Number.isNaN(size))
    throw notWhole("it is not a tar archive, or damaged");
  const kind = field(156, 1);
  if (kind === "x") return { name, size, kind };
  if (kind === "0" || kind === "") return { name, size, kind: "0" };
  throw notWhole(`“${name.slice(0, 200)}” in it is not a regular file`);
}

function readPax(records: Buffer): { name: string; bytes: number } {
  const values = new Map<string, string>();
  for (let from = 0; from < records.byteLength;) {
    const space = records.indexOf(" ", from);
    const length = Number(records.toString("latin1", from, space));
    if (space < 0 || !Number.isInteger(length) || length <= space - from || from + length > records.byteLength)
      throw notWhole("it is damaged");
    const [key = "", ...value] = records.toString("utf8", space + 1, from + length - 1).split("=");
    values.set(key, value.join("="));
    from += length;
  }
  const [name, size] = [values.get("path"), values.get("size")];
  if (name === undefined || size === undefined || !/^\d{1,15}$/.test(size)) throw notWhole("it is damaged");
  return { name, bytes: Number(size) };
}

/** Bytes by number, out of chunks of any size. */
class Bytes {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async exactly(count: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of this.take(count)) parts.push(part);
    return Buffer.concat(parts);
  }

  async *take(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (this.#held.byteLength === 0) this.#held = await this.#next();
      const part = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(part.byteLength);
      left -= part.byteLength;
      yield part;
    }
  }

  async drain(): Promise<void> {
    for (let done = false; !done;) done = (await this.#source.next()).done === true;
  }

  async #next(): Promise<Uint8Array> {
    const next = await this.#source.next();
    if (next.done === true) throw notWhole("it is cut off");
    return next.value;
  }
}

/** Whatever claims to be a backup and is none. */
export const notWhole = (why: string): AppError => new AppError("unsupported", `This is not a whole backup: ${why}.`);
