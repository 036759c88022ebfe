// The sentence that goes with a result.
import { describe, expect, test } from "bun:test";
import { answer } from "../../src/planner/answer.ts";
import { plan } from "../../src/planner/planner.ts";
import { measure, profile, sales } from "./profiles.ts";
import type { FileProfile } from "../../src/planner/profile.ts";
import type { Plan } from "../../src/planner/plan.ts";

function planned(prompt: string, file: FileProfile = sales): Plan {
  const result = plan({ prompt, files: [file] });
  if (result.kind !== "plan") throw new Error("a plan was expected");
  return result.plan;
}

describe("the answer", () => {
  test("says what was drawn, from which rows of which file", () => {
    const text = answer(planned("revenue by month for North"), { stdout: "Rows used: 300 of 1,200\n" });
    expect(text).toBe(
      "I drew the sum of **Revenue** by **Date** (month), for **Region** = **North**, as a line chart, from *sales.csv* (300 of 1,200 rows).",
    );
  });

  test("carries the table where the table is the answer, and not under a chart", () => {
    const stdout = "Rows used: 9 of 9\nHighest: x (2). Lowest: y (1).\n\n| a | b |\n|---|---|\n| x | 1 |\n";
    expect(answer(planned("summarise"), { stdout })).toContain("| x | 1 |");
    const chart = answer(planned("revenue by region"), { stdout });
    expect(chart).toContain("Highest: x (2). Lowest: y (1).");
    expect(chart).not.toContain("| x | 1 |");
  });

  test("says so when the filter leaves no row", () => {
    const stdout = "Rows used: 0 of 9\nNothing to draw: no row is left.\n";
    expect(answer(planned("revenue by region"), { stdout })).toStartWith("No row is left for");
  });

  test("names the file that was written", () => {
    const stdout = "Rows used: 9 of 9\nWritten: sales.xlsx\n";
    expect(answer(planned("convert to excel"), { stdout })).toBe(
      "I saved the table as Excel in *sales.xlsx*, from *sales.csv* (9 rows).",
    );
  });

  test("escapes markup in names and in what the sandbox printed", () => {
    const file = profile("a*b.csv", [measure("<img src=x> [a](http://evil)")]);
    const stdout = "Rows used: 1 of 1\n\n| c |\n|---|\n| [x](http://evil) `<b>` \\| |\n";
    const text = answer(planned("summarise", file), { stdout });
    expect(text).toContain("*a\\*b.csv*");
    expect(text).toContain("\\[x\\](http\\://evil) \\`\\<b\\>\\` \\|");
    expect(answer(planned("histogram", file), { stdout })).toContain("\\<img src=x\\> \\[a\\](http\\://evil)");
  });
});
