import { describe, expect, test } from "bun:test";
import { hostsIn, withoutForeignLinks } from "../../../src/worker/agent/links.ts";

const KNOWN = new Set(["example.com"]);

describe("an address that nobody wrote or allowed", () => {
  const cases: [name: string, markdown: string, shown: string][] = [
    ["of a picture", "![x](https://evil.test/?d=1)", "x (`https://evil.test/?d=1`)"],
    ["of a picture of a known host", "![x](https://example.com/?d=1)", "x (`https://example.com/?d=1`)"],
    ["of a link", "[here](https://evil.test/a)", "here (`https://evil.test/a`)"],
    ["with a title", '[here](https://evil.test/a "t")', "here (`https://evil.test/a`)"],
    ["that is bare", "go to https://evil.test/a now", "go to `https://evil.test/a` now"],
    ["in angle brackets", "<https://evil.test/a>", "`https://evil.test/a`"],
    ["of a reference", "[x][1]\n\n[1]: https://evil.test/a", "[x][1]\n\n`[1]: https://evil.test/a`"],
    ["of a tag", 'a <img src="https://evil.test/x"> b', "a  b"],
    ["of another scheme", "[x](javascript:alert(1))", "x (`javascript:alert(1`))"],
    ["of a file", "[x](file:///etc/passwd)", "x (`file:///etc/passwd`)"],
    ["in data", "[x](data:text/html;base64,AAAA)", "x (`data:text/html;base64,AAAA`)"],
  ];
  for (const [name, markdown, shown] of cases)
    test(`${name} is shown and cannot be followed`, () => expect(withoutForeignLinks(markdown, KNOWN)).toBe(shown));
});

describe("what stays as it is", () => {
  for (const markdown of [
    "See [this](https://example.com/a) and https://example.com/b.",
    "`https://evil.test/a` and\n```\ncurl https://evil.test/b\n```",
    "plain words, 1 < 2 > 0 and <b>bold</b>",
    "[section](#part)",
  ])
    test(JSON.stringify(markdown), () => expect(withoutForeignLinks(markdown, KNOWN)).toBe(markdown));
});

test("hosts are those of the addresses in a text", () => {
  expect(hostsIn("see https://Example.com/x, http://a.test:81 and example.org")).toEqual(["example.com", "a.test"]);
});
