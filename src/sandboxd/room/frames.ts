// The format of the socket between sandboxd and the agent: two big-endian lengths, a JSON header, raw bytes.
import { AppError } from "../../shared/errors.ts";
import { LIMITS } from "../limits.ts";

export type Frame = { readonly header: unknown; readonly body: Uint8Array<ArrayBuffer> };

/** The other side broke the format; its sandbox must die. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

const PREFIX_BYTES = 8;
const EMPTY = new Uint8Array(0);

/** Throws AppError `too_large` when a part is larger than the other side accepts. */
export function encodeFrame(header: object, body: Uint8Array = EMPTY): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(header));
  if (text.length > LIMITS.frameHeaderBytes || body.length > LIMITS.frameBodyBytes)
    throw new AppError("too_large", "This is more than the sandbox takes in one message.");
  const frame = new Uint8Array(PREFIX_BYTES + text.length + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, text.length);
  view.setUint32(4, body.length);
  frame.set(text, PREFIX_BYTES);
  frame.set(body, PREFIX_BYTES + text.length);
  return frame;
}

/** Cuts a stream into frames; holds at most one frame and one chunk. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #length = 0;

  /** Throws FrameError for what cannot be a frame. */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= PREFIX_BYTES) {
      const [headerLength, bodyLength] = this.#lengths();
      const end = PREFIX_BYTES + headerLength + bodyLength;
      if (this.#length < end) return;
      const whole = this.#joined();
      const rest = whole.subarray(end);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
      const bodyStart = PREFIX_BYTES + headerLength;
      // A copy, so that a small body does not keep a large chunk alive.
      yield { header: parseHeader(whole.subarray(PREFIX_BYTES, bodyStart)), body: whole.slice(bodyStart, end) };
    }
  }

  #lengths(): [number, number] {
    const first = this.#chunks[0];
    const whole = first !== undefined && first.length >= PREFIX_BYTES ? first : this.#joined();
    const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
    const lengths: [number, number] = [view.getUint32(0), view.getUint32(4)];
    if (lengths[0] > LIMITS.frameHeaderBytes || lengths[1] > LIMITS.frameBodyBytes)
      throw new FrameError(`A frame of ${lengths[0]} + ${lengths[1]} bytes is not accepted.`);
    return lengths;
  }

  #joined(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, offset);
      offset += chunk.length;
    }
    this.#chunks = [whole];
    return whole;
  }
}

function parseHeader(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FrameError("The header of a frame is not JSON.", { cause });
  }
}
