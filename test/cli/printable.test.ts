import { describe, expect, test } from "bun:test";
import { printable, printableLine, rendered } from "../../src/cli/printable.ts";

test("what could steer a terminal is shown instead of done", () => {
  expect(printable("a\u001b[31mred\u009b\u0007")).toBe("a\\x1b[31mred\\x9b\\x07");
  expect(printable("evil\u202egnp.exe")).toBe("evil\\u202egnp.exe");
});

test("lines, tabs and every script stay as they are", () => {
  expect(printable("a\n\tb 你好 é 🐦")).toBe("a\n\tb 你好 é 🐦");
  expect(printableLine("a\nb")).toBe("a\\nb");
});

describe("an answer on a terminal", () => {
  const plain = (markdown: string) => rendered(markdown, false, 80);

  test("is drawn: headings, lists and tables, without the marks", () => {
    const drawn = plain("## Rain\n\n**80** mm \\<i\\> a\\_b\n\n- one\n\n| a | b |\n|---|---|\n| 1 | 2 |");
    expect(drawn).toContain("80 mm <i> a_b");
    expect(drawn).toMatch(/[*•] one/);
    expect(drawn).toMatch(/\| 1 +\| 2 +\|/);
    expect(drawn).not.toContain("**");
  });

  test("has colours of ours where they are wanted, and nothing else that steers", () => {
    expect(Bun.stripANSI(rendered("**80** mm", true, 80))).toBe("80 mm");
    expect(rendered("**80** mm", true, 80)).not.toBe("80 mm");
    for (const isColoured of [true, false]) {
      const drawn = rendered("a &#27;[2J b &#27;]0;title&#7; c &#27;[8mhidden \u202e", isColoured, 80);
      expect(Bun.stripANSI(drawn)).toBe("a [2J b ]0;title c [8mhidden \\u202e");
    }
  });
});
