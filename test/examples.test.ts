// The example data is all there, small, described, and fit for a first try.
import { describe, expect, test } from "bun:test";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { z } from "zod";
import { ROOT } from "../src/shared/config.ts";

const FOLDER = `${ROOT}/examples`;
const Example = z.strictObject({
  file: z.string().regex(/^[a-z_]+\.(csv|tsv|json)$/),
  title: z.string().min(1).max(40),
  prompt: z.string().min(1).max(80),
  source: z.enum(["NOAA", "FAA", "USGS", "BLS", "EIA"]),
});
const examples = z.array(Example).parse(JSON.parse(readFileSync(`${FOLDER}/examples.json`, "utf8")));
const files = readdirSync(FOLDER).filter((name) => name !== "README.md" && name !== "examples.json");

describe("the examples", () => {
  test("use every file there is, and no other", () => {
    expect([...new Set(examples.map(({ file }) => file))].toSorted()).toEqual(files.toSorted());
  });

  test("differ in what they ask and what they are called", () => {
    expect(new Set(examples.map(({ prompt }) => prompt)).size).toBe(examples.length);
    expect(new Set(examples.map(({ title }) => title)).size).toBe(examples.length);
  });

  test("show more than one format", () => {
    expect(new Set(files.map((file) => file.split(".")[1])).size).toBeGreaterThanOrEqual(3);
  });
});

describe.each(files)("%s", (file) => {
  const text = readFileSync(`${FOLDER}/${file}`, "utf8");
  const readme = readFileSync(`${FOLDER}/README.md`, "utf8");

  test("is at most 300 kB of plain UTF-8 text", () => {
    expect(statSync(`${FOLDER}/${file}`).size).toBeLessThanOrEqual(300_000);
    expect(text).not.toMatch(/[\r\0\uFEFF\uFFFD]/);
  });

  test("has as many rows as its page says, each as wide as the head", () => {
    const widths = file.endsWith(".json") ? readRecords(text) : readLines(text, file.endsWith(".tsv") ? "\t" : ",");
    expect(Number(new RegExp(`\\| \`${file}\` *\\| *(\\d+) \\|`).exec(readme)?.[1])).toBe(widths.length - 1);
    expect(new Set(widths).size).toBe(1);
  });

  test("is described by what was changed", () => expect(readme).toContain(`- **${file}**: `));
});

/** The width of the head and of each row. None of the files has a quoted cell. */
function readLines(text: string, delimiter: string): number[] {
  expect(text).not.toContain('"');
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(delimiter).length);
}

/** The same for records, whose head is the first one's names. */
function readRecords(text: string): number[] {
  const records = z.array(z.record(z.string(), z.union([z.string(), z.number()]))).parse(JSON.parse(text));
  return [...records.slice(0, 1), ...records].map((one) => Object.keys(one).length);
}
