import { describe, expect, test } from "bun:test";
import {
  keepsAlive,
  MessageError,
  parseRequest,
  parseResponse,
  requestBody,
  responseBody,
  withoutHops,
} from "../../../src/sandboxd/egress/message.ts";

const request = (...lines: string[]) => parseRequest(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
const post = (...fields: string[]) => request("POST http://a.example/ HTTP/1.1", "Host: a.example", ...fields);

describe("a request's head", () => {
  test("is its line and its fields", () => {
    const head = request("GET http://a.example/ HTTP/1.1", "Host:a.example", "X-A: \t b c \t");
    expect(head.start).toEqual(["GET", "http://a.example/", "HTTP/1.1"]);
    expect(head.fields).toEqual([
      ["Host", "a.example"],
      ["X-A", "b c"],
    ]);
  });

  test.each([
    ["a lower-case method", ["get / HTTP/1.1"]],
    ["two spaces", ["GET  / HTTP/1.1"]],
    ["another version", ["GET / HTTP/2.0"]],
    ["no version", ["GET /"]],
    ["a tab", ["GET\t/ HTTP/1.1"]],
    ["a space in the address", ["GET /a b HTTP/1.1"]],
    ["a NUL in the address", ["GET /a\0b HTTP/1.1"]],
    ["a bare line feed", ["GET / HTTP/1.1\nX: y"]],
    ["a bare carriage return", ["GET / HTTP/1.1", "X: a\rb"]],
    ["a folded line", ["GET / HTTP/1.1", "X: a", " b"]],
    ["a space before the colon", ["GET / HTTP/1.1", "X : a"]],
    ["a field without a name", ["GET / HTTP/1.1", ": a"]],
    ["a field without a colon", ["GET / HTTP/1.1", "X"]],
    ["a NUL in a field", ["GET / HTTP/1.1", "X: a\0"]],
    ["a line feed in a field", ["GET / HTTP/1.1", "X: a\nY: b"]],
  ])("is refused with %s", (_name, lines) => expect(() => request(...lines)).toThrow(MessageError));
});

describe("the end of a request's body", () => {
  test.each([
    ["two lengths", ["Content-Length: 5", "Content-Length: 5"]],
    ["a list of lengths", ["Content-Length: 5, 5"]],
    ["a signed length", ["Content-Length: +5"]],
    ["a length in hexadecimal", ["Content-Length: 0x5"]],
    ["an empty length", ["Content-Length:"]],
    ["a length and a coding", ["Content-Length: 5", "Transfer-Encoding: chunked"]],
    ["a coding and a length", ["Transfer-Encoding: chunked", "Content-Length: 5"]],
    ["another coding", ["Transfer-Encoding: identity"]],
    ["two codings", ["Transfer-Encoding: gzip, chunked"]],
    ["the coding twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]],
    ["a coding in disguise", ["Transfer-Encoding: xchunked"]],
    ["a coding in quotes", ['Transfer-Encoding: "chunked"']],
  ])("is refused when it is unclear: %s", (_name, fields) =>
    expect(() => requestBody(post(...fields))).toThrow(MessageError),
  );

  test("chunks do not exist in HTTP/1.0", () => {
    expect(() => requestBody(request("POST / HTTP/1.0", "Transfer-Encoding: chunked"))).toThrow(MessageError);
  });

  test("is at once without a length", () => expect(requestBody(post()).isDone).toBe(true));
});

describe("chunks", () => {
  const feed = (text: string, isAnswer = false, step = 1): number => {
    const body = isAnswer
      ? responseBody(parseResponse(Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")), "GET")
      : requestBody(post("Transfer-Encoding: chunked"));
    const bytes = Buffer.from(text, "latin1");
    let taken = 0;
    for (let at = 0; at < bytes.length && !body.isDone; at += step) taken += body.take(bytes.subarray(at, at + step));
    if (!body.isDone) throw new Error("not done");
    return taken;
  };

  test.each([1, 2, 7, 1_000])("end where they end, however they arrive (%i bytes at a time)", (step) => {
    const text = "5\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: a\r\n\r\n";
    expect(feed(text, false, step)).toBe(text.length);
  });

  test("what comes after the end is not theirs", () => {
    expect(feed("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n", false, 1_000)).toBe(11);
  });

  test.each([
    ["a size that is none", "x\r\n"],
    ["a signed size", "+5\r\nhello\r\n0\r\n\r\n"],
    ["a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["a size without end", `${"0".repeat(9)}1\r\na\r\n0\r\n\r\n`],
    ["a size that is not there", "\r\n"],
    ["a bare line feed after the size", "5\nhello\r\n0\r\n\r\n"],
    ["a size of which a line feed would eat a digit", "55\nhello\r\n0\r\n\r\n"],
    ["a bare carriage return", "5\rhello\r\n0\r\n\r\n"],
    ["a chunk longer than it says", "3\r\nhello\r\n0\r\n\r\n"],
    ["an extension", "5;a=b\r\nhello\r\n0\r\n\r\n"],
    ["a space after the size", "5 \r\nhello\r\n0\r\n\r\n"],
    ["a trailer that is no field", "0\r\nnope\r\n\r\n"],
    ["a line without end", "0".repeat(10_000)],
  ])("of a request are refused with %s", (_name, text) => expect(() => feed(text)).toThrow(MessageError));

  test("of an answer may have extensions", () => expect(feed("5;a=b\r\nhello\r\n0\r\n\r\n", true)).toBe(19));
});

describe("an answer", () => {
  const answer = (...lines: string[]) => parseResponse(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`));

  test("has no body to HEAD, and with 204 and 304", () => {
    expect(responseBody(answer("HTTP/1.1 200 OK", "Content-Length: 5"), "HEAD").isDone).toBe(true);
    for (const status of [204, 304])
      expect(responseBody(answer(`HTTP/1.1 ${status}`, "Content-Length: 5"), "GET").isDone).toBe(true);
  });

  test("without a length goes on until the end", () => {
    const body = responseBody(answer("HTTP/1.1 200"), "GET");
    expect([body.isDone, body.take(Buffer.alloc(9))]).toEqual([false, 9]);
    body.end();
  });

  test("that says two lengths is none", () => {
    const head = answer("HTTP/1.1 200 OK", "Content-Length: 5", "Transfer-Encoding: chunked");
    expect(() => responseBody(head, "GET")).toThrow(MessageError);
  });
});

describe("what is for this connection only", () => {
  test("is taken out, with what the connection names, but never the frame of the body", () => {
    const head = post(
      "Connection: close, X-Mine, Content-Length",
      "X-Mine: 1",
      "Content-Length: 5",
      "Proxy-Authorization: Basic eDp5",
      "Upgrade: h2c",
      "TE: trailers",
      "Accept: */*",
    );
    expect(withoutHops(head).map(([name]) => name)).toEqual(["Host", "Content-Length", "Accept"]);
  });

  test("says whether there is a next request", () => {
    expect(keepsAlive(post(), "HTTP/1.1")).toBe(true);
    expect(keepsAlive(post("Connection: Close"), "HTTP/1.1")).toBe(false);
    expect(keepsAlive(post("Proxy-Connection: close"), "HTTP/1.1")).toBe(false);
    expect(keepsAlive(post(), "HTTP/1.0")).toBe(false);
    expect(keepsAlive(post("Connection: keep-alive"), "HTTP/1.0")).toBe(true);
  });
});
