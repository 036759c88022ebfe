import { describe, expect, test } from "bun:test";
import { parseTarget } from "../../../src/sandboxd/egress/target.ts";

describe("whom a request is for", () => {
  test.each([
    ["example.com:443", "example.com", 443],
    ["EXAMPLE.com.:443", "example.com", 443],
    ["xn--bcher-kva.example:80", "xn--bcher-kva.example", 80],
    ["1.1.1.1:443", "1.1.1.1", 443],
    ["[2606:4700::1111]:443", "2606:4700::1111", 443],
    ["a-b.example:8443", "a-b.example", 8443],
    ["3com.example:80", "3com.example", 80],
  ])("%s is clear", (text, host, port) => expect(parseTarget(text, null)).toMatchObject({ host, port }));

  test("a port that is not named is the usual one, where there is one", () => {
    expect(parseTarget("example.com", 80)).toMatchObject({ port: 80 });
    expect(parseTarget("example.com", null)).toBeString();
  });

  test.each([
    "localhost:80",
    "intranet:80",
    "2130706433:80",
    "0x7f000001:80",
    "0177.0.0.1:80",
    "127.1:80",
    "127.0.1:80",
    "1.2.3.4.:80",
    "0x7f.0.0.1:80",
    "example.0x7f:80",
    "example.123:80",
    "256.256.256.256:80",
    "[::1%25lo]:80",
    "[fe80::1%eth0]:80",
    "[127.0.0.1]:80",
    "[]:80",
    "::1:80",
    "user@example.com:80",
    "user:pass@example.com:80",
    "example.com:80@127.0.0.1",
    "example..com:80",
    "example.com..:80",
    ".example.com:80",
    "-a.example:80",
    "a-.example:80",
    "a_b.example:80",
    "exa mple.com:80",
    "evil\0.example.com:80",
    "evil\u0001.example.com:80",
    "ex\u00e4mple.com:80",
    "\u2460.example.com:80",
    "example.com/:80",
    "example.com\\@x:80",
    "example.com#:80",
    "example.com?:80",
    "%31.example.com:80",
    `${"a".repeat(64)}.example:80`,
    `${"a.".repeat(127)}example:80`,
    "example.com:0",
    "example.com:65536",
    "example.com:080000",
    "example.com:",
    "example.com:+80",
    "example.com:80:80",
    ":80",
    "",
  ])("%j is refused", (text) => expect(parseTarget(text, null)).toBeString());
});
