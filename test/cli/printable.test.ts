import { expect, test } from "bun:test";
import { printable, printableLine } from "../../src/cli/printable.ts";

test("what could steer a terminal is shown instead of done", () => {
  expect(printable("a\u001b[31mred\u009b\u0007")).toBe("a\\x1b[31mred\\x9b\\x07");
  expect(printable("evil\u202egnp.exe")).toBe("evil\\u202egnp.exe");
});

test("lines, tabs and every script stay as they are", () => {
  expect(printable("a\n\tb 你好 é 🐦")).toBe("a\n\tb 你好 é 🐦");
  expect(printableLine("a\nb")).toBe("a\\nb");
});
