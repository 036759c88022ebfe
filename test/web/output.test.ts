import { expect, test } from "bun:test";
import { appendOutput, emptyOutput, MAX_OUTPUT_CHARS, printable, type Output } from "../../src/web/output.ts";

const textOf = (output: Output): string => output.pieces.map((piece) => piece.text).join("");

test("pieces of one stream are joined, another stream begins a new piece", () => {
  const output = appendOutput(appendOutput(appendOutput(emptyOutput, "stdout", "a"), "stdout", "b"), "stderr", "c");
  expect(output.pieces.map(({ stream, text }) => [stream, text])).toEqual([
    ["stdout", "ab"],
    ["stderr", "c"],
  ]);
});

test("an endless program keeps its newest output and says how much is gone", () => {
  let output = emptyOutput;
  for (let line = 0; line < 3_000; line += 1) output = appendOutput(output, "stdout", `${"x".repeat(99)}\n`);
  output = appendOutput(output, "stdout", "the last line\n");
  expect(textOf(output)).toHaveLength(MAX_OUTPUT_CHARS);
  expect(textOf(output).endsWith("the last line\n")).toBe(true);
  expect(output.droppedChars).toBe(300_014 - MAX_OUTPUT_CHARS);
});

test("one enormous piece is cut from its beginning", () => {
  const output = appendOutput(emptyOutput, "stdout", `${"x".repeat(MAX_OUTPUT_CHARS)}end`);
  expect(textOf(output)).toHaveLength(MAX_OUTPUT_CHARS);
  expect(textOf(output).endsWith("end")).toBe(true);
});

test("colours of a terminal are taken off and a progress line keeps its last state", () => {
  expect(printable("\u001B[31mred\u001B[0m\n")).toBe("red\n");
  expect(printable("\u001B]8;;http://evil.example\u0007link\u001B]8;;\u0007")).toBe("link");
  expect(printable("10 %\r50 %\r100 %\ndone\r\n")).toBe("100 %\ndone\n");
});
