// Why a request of a room is not done, in words for whoever reads its answer. Never 407: there is no password to give.
import { asciiJson } from "../wire.ts";

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  /** Which of the rules it was. */
  readonly rule: string;

  constructor(status: number, rule: string, message: string) {
    super(message);
    this.status = status;
    this.rule = rule;
  }
}

const WORDS: Readonly<Record<number, string>> = {
  400: "Bad request",
  403: "Not allowed for this sandbox",
  408: "Request too slow",
  429: "Too much for this sandbox",
  431: "Headers too large",
  502: "Host cannot be reached",
  504: "Host does not answer",
};

/** A whole answer that ends the connection. Clients of CONNECT show its first line only, so the reason is there as well. */
export function encodeRefusal({ status, rule, message }: Refusal): Buffer {
  const body = `${asciiJson({ code: status, rule, message })}\n`;
  const reason = `${WORDS[status] ?? "Refused"} (${rule})`.replace(/[^\x20-\x7e]/g, "?");
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "X-Sandpiper-Refused: 1",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
}
