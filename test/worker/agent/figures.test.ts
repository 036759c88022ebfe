import { describe, expect, test } from "bun:test";
import { figuresNote, unverifiedFigures } from "../../../src/worker/agent/figures.ts";

describe("a figure of an answer", () => {
  const cases: [answer: string, sources: string[], unverified: string[]][] = [
    ["The total is 1,234.", ["total 1234"], []],
    ["The total is 1,235.", ["total 1234"], ["1,235"]],
    ["The mean is 12.3.", ["mean: 12.3456"], []],
    ["The mean is 12.4.", ["mean: 12.3456"], ["12.4"]],
    ["That is 12.3 % of all.", ["0.12345"], []],
    ["That is 12.3 %.", ["12.345"], []],
    ["Sales were $1.2 million.", ["1234567.89"], []],
    ["Sales were $1.3M.", ["1234567.89"], ["$1.3M"]],
    ["It fell by -5.", ["change -5"], []],
    ["In 2023 there were 7.", ["2023: 7"], []],
    ["There are 3 of them, and 42.", ["3"], ["42"]],
    ["1. first\n2. second", [], []],
    ["Use `x = 42` and\n```python\n43\n```", [], []],
    ["See https://example.com/44 and [this](https://example.com/45).", [], []],
    ["Column q3 and v2.1 are names.", [], []],
    ["1e6 rows", ["1000000"], []],
    ["0.5 and 0.25", ["0.5", "0.2512"], []],
    ["The range is 10–20.", ["10", "20"], []],
  ];
  for (const [answer, sources, expected] of cases)
    test(`${JSON.stringify(answer)} beside ${JSON.stringify(sources)}`, () => {
      expect(unverifiedFigures(answer, sources)).toEqual(expected);
    });
});

test("a long output is searched quickly and whole", () => {
  const rows = Array.from({ length: 30_000 }, (_, index) => `${index * 7}`).join("\n");
  expect(unverifiedFigures("It is 209,993, not 209,994.", [rows])).toEqual(["209,994"]);
});

test("the note names a dozen and counts the others", () => {
  expect(figuresNote([])).toBe("");
  expect(figuresNote(["1", "2"])).toBe("⚠ Unverified, in no output of this job: 1; 2.");
  expect(figuresNote(Array.from({ length: 15 }, (_, index) => `${index}`))).toContain("; 11 and 3 more.");
});
