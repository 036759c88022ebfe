// HTTP/1.1 on the wire, read strictly: whatever two readers could understand in two ways is refused.

export type Head = {
  /** The three parts of the first line. */
  readonly start: readonly [string, string, string];
  readonly fields: readonly (readonly [name: string, value: string])[];
};

/** The text is not HTTP as it must be; `message` says what is wrong. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

/** Where a body ends. It is told what arrives and says how much of that belongs to it. */
export type Body = {
  readonly isDone: boolean;
  /** The number of bytes at the front of the chunk that belong to the body. Throws MessageError. */
  readonly take: (chunk: Uint8Array) => number;
  /** The connection has ended. Throws MessageError when the body has not. */
  readonly end: () => void;
};

const REQUEST_LINE = /^([A-Z]{1,32}) ([!-~]+) (HTTP\/1\.[01])$/;
const STATUS_LINE = /^(HTTP\/1\.[01]) (\d{3})(?: (.*))?$/;
// oxlint-disable-next-line no-control-regex -- that is what is looked for
const FIELD = /^([!#$%&'*+\-.^_`|~\dA-Za-z]+):[ \t]*([^\0-\x08\x0a-\x1f\x7f]*)$/;

/** Throws MessageError. `bytes` ends with the empty line. */
export function parseRequest(bytes: Buffer): Head {
  const { first, fields } = parseHead(bytes);
  const [, method, target, version] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined || version === undefined)
    throw new MessageError("the first line is no request");
  return { start: [method, target, version], fields };
}

/** Throws MessageError. */
export function parseResponse(bytes: Buffer): Head {
  const { first, fields } = parseHead(bytes);
  const [, version, status, reason = ""] = STATUS_LINE.exec(first) ?? [];
  if (version === undefined || status === undefined) throw new MessageError("the first line is no answer");
  return { start: [version, status, reason], fields };
}

export function valuesOf(head: Head, name: string): string[] {
  return head.fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
}

export function encodeHead(head: Head): Buffer {
  const lines = [head.start.join(" "), ...head.fields.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** The body of a request. Throws MessageError when its end could be seen in two ways. */
export function requestBody(head: Head): Body {
  return framedBody(head, head.start[2], false) ?? lengthBody(0);
}

/** The body of an answer to `method`. */
export function responseBody(head: Head, method: string): Body {
  const status = Number(head.start[1]);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return lengthBody(0);
  return (
    framedBody(head, head.start[0], true) ?? { isDone: false, take: (chunk) => chunk.length, end: () => undefined }
  );
}

/** True: whoever sent this head keeps the connection for a next message. */
export function keepsAlive(head: Head, version: string): boolean {
  const words = connectionWords(head);
  return version === "HTTP/1.1" ? !words.includes("close") : words.includes("keep-alive");
}

const HOP = new Set([
  "connection",
  "proxy-connection",
  "proxy-authorization",
  "keep-alive",
  "te",
  "upgrade",
  "proxy-authenticate",
]);

/** Without what is meant for this connection only. */
export function withoutHops(head: Head): Head["fields"] {
  const named = connectionWords(head);
  // Nobody may call the ends of a body a matter of the connection.
  const framing = new Set(["content-length", "transfer-encoding", "host"]);
  return head.fields.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP.has(lower) && (framing.has(lower) || !named.includes(lower));
  });
}

function connectionWords(head: Head): string[] {
  return [...valuesOf(head, "connection"), ...valuesOf(head, "proxy-connection")].flatMap((value) =>
    value.split(",").map((word) => word.trim().toLowerCase()),
  );
}

function parseHead(bytes: Buffer): { readonly first: string; readonly fields: [string, string][] } {
  const [first = "", ...lines] = bytes.toString("latin1", 0, bytes.length - 4).split("\r\n");
  // oxlint-disable-next-line no-control-regex -- that is what is looked for
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(first)) throw new MessageError("the first line has control characters");
  const fields = lines.map((line): [string, string] => {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new MessageError("a header is not well-formed");
    return [name, value.trimEnd()];
  });
  return { first, fields };
}

function framedBody(head: Head, version: string, isLenient: boolean): Body | null {
  const lengths = valuesOf(head, "content-length");
  const codings = valuesOf(head, "transfer-encoding");
  if (lengths.length > 0 && codings.length > 0) throw new MessageError("the body has two ends");
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0]?.toLowerCase() !== "chunked" || version === "HTTP/1.0")
      throw new MessageError("only the transfer encoding chunked is possible");
    return new ChunkedBody(isLenient);
  }
  const [length] = lengths;
  if (length === undefined) return null;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) throw new MessageError("the length of the body is not clear");
  return lengthBody(Number(length));
}

function lengthBody(length: number): Body {
  let left = length;
  return {
    get isDone() {
      return left === 0;
    },
    take: (chunk) => {
      const taken = Math.min(left, chunk.length);
      left -= taken;
      return taken;
    },
    end: () => {
      throw new MessageError("the connection ended in the middle of a body");
    },
  };
}

const MAX_LINE = 4_096;
const MAX_TRAILER = 16_384;

/** Follows the chunks; only their lines are looked at. */
class ChunkedBody implements Body {
  isDone = false;
  readonly #isLenient: boolean;
  #line = "";
  #left = 0;
  #state: "size" | "data" | "after" | "trailer" = "size";
  #trailer = 0;

  /** `isLenient`: extensions of chunks are passed on, which servers send now and then. */
  constructor(isLenient: boolean) {
    this.#isLenient = isLenient;
  }

  take(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && !this.isDone) {
      if (this.#state === "data") {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#state = "after";
      } else {
        const end = chunk.indexOf(10, at);
        const upTo = end < 0 ? chunk.length : end + 1;
        this.#line += Buffer.from(chunk.buffer, chunk.byteOffset + at, upTo - at).toString("latin1");
        at = upTo;
        if (this.#line.length > MAX_LINE) throw new MessageError("a line between chunks is too long");
        if (end >= 0) this.#takeLine();
      }
    }
    return at;
  }

  end(): void {
    throw new MessageError("the connection ended in the middle of a body");
  }

  #takeLine(): void {
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r\n")) throw new MessageError("a line between chunks is not well-formed");
    const text = line.slice(0, -2);
    if (this.#state === "size") this.#takeSize(text);
    else if (this.#state === "after") {
      if (text !== "") throw new MessageError("a chunk is longer than it says");
      this.#state = "size";
    } else {
      this.#trailer += line.length;
      if (this.#trailer > MAX_TRAILER) throw new MessageError("there is too much after the body");
      if (text !== "" && !FIELD.test(text)) throw new MessageError("a header after the body is not well-formed");
      this.isDone = text === "";
    }
  }

  #takeSize(text: string): void {
    const [, size, extension] = /^([\da-fA-F]{1,8})[ \t]*(;[\t\x20-\x7e]*)?$/.exec(text) ?? [];
    if (size === undefined || (!this.#isLenient && text !== size))
      throw new MessageError(extension === undefined ? "a chunk has no size" : "a chunk has an extension");
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailer" : "data";
  }
}
