// What programs print, as Markdown.
import { expect, test } from "bun:test";
import { fenced } from "../../src/core/reply.ts";

test("no fence in what a program printed ends ours", () => {
  expect(fenced("a\n```\nb", "py")).toBe("````py\na\n```\nb\n````");
  expect(fenced("a")).toBe("```\na\n```");
});

test("a program may print millions of backticks", () => {
  const printed = "`a".repeat(2e6);
  expect(fenced(printed)).toBe(`\`\`\`\n${printed}\n\`\`\``);
});
