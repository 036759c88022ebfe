import { describe, expect, test } from "bun:test";
import { parts } from "../../../src/sandboxd/envd/multipart.ts";
import { failureOf } from "../harness.ts";

async function read(body: Uint8Array, boundary: string, size: number): Promise<string[]> {
  const chunks = function* () {
    for (let start = 0; start < body.length; start += size) yield body.subarray(start, start + size);
  };
  const seen: string[] = [];
  for await (const part of parts(chunks(), boundary)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of part.content) pieces.push(piece);
    seen.push(`${part.name}|${part.filename}|${Buffer.concat(pieces).toString("latin1")}`);
  }
  return seen;
}

describe("a multipart body", () => {
  test("gives every file its name and bytes, in whatever pieces it arrives", async () => {
    const form = new FormData();
    form.append("file", new Blob(["one\r\n--two"]), '/home/user/a "b".txt');
    form.append("file", new Blob([]), "日本.csv");
    form.append("file", new Blob([new Uint8Array([0, 13, 10, 45, 45, 255])]), "c");
    const request = new Request("http://x", { method: "POST", body: form });
    const boundary = /boundary="?([^";]+)/.exec(request.headers.get("content-type") ?? "")?.[1] ?? "";
    const body = new Uint8Array(await request.arrayBuffer());
    const wanted = ['file|/home/user/a "b".txt|one\r\n--two', "file|日本.csv|", "file|c|\0\r\n--\u00ff"];
    for (const size of [1, 2, 5, 64, 100_000]) expect(await read(body, boundary, size)).toEqual(wanted);
  });

  test("that ends too early or has an endless header is refused", async () => {
    const early = new TextEncoder().encode('--b\r\ncontent-disposition: form-data; name="file"\r\n\r\nabc');
    expect(await failureOf(read(early, "b", 10))).toContain("ended too early");
    const endless = new TextEncoder().encode(`--b\r\n${"x".repeat(40_000)}`);
    expect(await failureOf(read(endless, "b", 1_000))).toContain("no end");
  });
});
