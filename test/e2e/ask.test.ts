// `ask` with files of many kinds: the answer's shape, the chart's numbers, the picture's pixels.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../src/shared/config.ts";
import { askJson, type Answer } from "./command.ts";
import { factsOf } from "./picture.ts";
import {
  Bars,
  chanceOf,
  datedTable,
  DELIMITERS,
  groupedTable,
  isNear,
  newSeed,
  pairedTable,
  Pie,
  Points,
  sumsOf,
  toText,
  type Table,
} from "./random_table.ts";
import { PATIENCE_MS, startSandpiper, type Sandpiper } from "./sandpiper.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const seed = newSeed();
const chance = chanceOf(seed);
let sandpiper: Sandpiper;

beforeAll(async () => {
  sandpiper = await startSandpiper();
});
afterAll(() => sandpiper[Symbol.asyncDispose]());

/** Writes the table with a delimiter of chance and asks about it. */
async function askAbout(table: Table, prompt: string, name: string): Promise<Answer> {
  const delimiter = chance.pick(DELIMITERS);
  console.log(`seed ${seed}: ${name}, ${JSON.stringify(delimiter)}, ${JSON.stringify(table.columns)}`);
  const file = join(sandpiper.home, name);
  await Bun.write(file, toText(table, delimiter));
  const { code, answer, err } = await askJson(sandpiper.home, [prompt, file]);
  expect({ code, status: answer.status, err }).toEqual({ code: 0, status: "completed", err: "" });
  return answer;
}

/** The one chart of an answer: its picture is real, its numbers come back. */
async function chartOf(answer: Answer): Promise<unknown> {
  const charts = answer.artifacts.filter((artifact) => artifact.media_type === "image/png");
  expect(charts).toHaveLength(1);
  const [chart] = charts;
  if (chart === undefined) throw new Error("no chart");
  expect(Bun.file(chart.path).size).toBe(chart.bytes);
  const picture = await factsOf(chart.path);
  expect(picture.width).toBeGreaterThanOrEqual(600);
  expect(picture.height).toBeGreaterThanOrEqual(400);
  expect(picture.colours).toBeGreaterThan(5);
  expect(picture.inked).toBeGreaterThan(0.005);
  return chart.data;
}

const byFirst = (a: readonly [string | number, number], b: readonly [string | number, number]): number =>
  String(a[0]).localeCompare(String(b[0])) || a[1] - b[1];

describe("a random table", () => {
  test("with groups becomes bars of their sums, the largest first", async () => {
    const table = groupedTable(chance);
    const answer = await askAbout(table, "Graph this CSV file", "random.csv");
    const chart = Bars.parse(await chartOf(answer));
    const sums = sumsOf(table);
    const drawn = chart.elements.map(({ label, value }) => [label, value] as const);
    expect(drawn.map(([label]) => label)).toEqual(sums.map(([label]) => label));
    for (const [at, [, value]] of drawn.entries()) expect(isNear(value, sums[at]?.[1] ?? Number.NaN)).toBe(true);
    expect(chart.y_label).toContain(table.columns[1] ?? "");
    expect(answer.code).toContain("read_csv");
    expect(answer.duration_ms).toBeGreaterThan(0);
    expect(answer.cost_usd).toBe(0);
  });

  test("with days becomes a line through every day in order", async () => {
    const table = datedTable(chance);
    const chart = Points.parse(await chartOf(await askAbout(table, "Graph this CSV file", "days.csv")));
    expect(chart.type).toBe("line");
    const days = table.rows.map(([day, value]) => [`${day}T00:00:00`, Number(value)] as const).toSorted(byFirst);
    expect(chart.elements.map((element) => element.points)).toEqual([days.map(([day, value]) => [day, value])]);
  });

  test("with two measures becomes a cloud of all their pairs", async () => {
    const table = pairedTable(chance);
    const chart = Points.parse(await chartOf(await askAbout(table, "Graph this CSV file", "pairs.csv")));
    expect(chart.type).toBe("scatter");
    const pairs = table.rows.map(([x, y]) => [Number(x), Number(y)] as const).toSorted(byFirst);
    const drawn = chart.elements.flatMap((element) => element.points).toSorted(byFirst);
    expect(drawn).toEqual(pairs.map(([x, y]) => [x, y]));
  });

  test("is summarised with its row count, its columns and its extremes", async () => {
    const table = groupedTable(chance);
    const answer = await askAbout(table, "Summarise this file", "facts.csv");
    expect(answer.text.replaceAll("\\", "")).toContain((table.columns[0] ?? "").replaceAll("|", "").slice(0, 4));
    expect(answer.text).toContain(String(table.rows.length));
    const largest = sumsOf({ columns: [], rows: table.rows.map(([name]) => [name ?? "", 1]) })[0];
    expect(answer.text).toContain(String(largest?.[1]));
  });

  test("is converted to JSON without loss", async () => {
    const table = groupedTable(chance);
    const answer = await askAbout(table, "Convert this to JSON", "table.csv");
    const json = answer.artifacts.find((artifact) => artifact.name.endsWith(".json"));
    expect(json?.media_type).toBe("application/json");
    const [first = "", second = ""] = table.columns;
    const wanted = table.rows.map(([name, value]) => ({ [first]: name, [second]: value }));
    expect(z.unknown().parse(await Bun.file(json?.path ?? "").json())).toEqual(wanted);
  });

  test("is converted to Excel", async () => {
    const answer = await askAbout(groupedTable(chance), "Convert this to Excel", "table.csv");
    const sheet = answer.artifacts.find((artifact) => artifact.name === "table.xlsx");
    expect(sheet?.media_type).toBe("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    expect(Buffer.from(await Bun.file(sheet?.path ?? "").bytes()).includes("xl/worksheets/sheet1.xml")).toBe(true);
  });
});

const Example = z.object({ file: z.string(), prompt: z.string() });
const examples = z.array(Example).parse(await Bun.file(join(ROOT, "examples/examples.json")).json());

/** The cells of one of the examples, by the name of the column. */
async function readExample(file: string): Promise<Record<string, string>[]> {
  const text = await Bun.file(join(ROOT, "examples", file)).text();
  const delimiter = file.endsWith(".tsv") ? "\t" : ",";
  const [head = [], ...rows] = text
    .trim()
    .split(/\r?\n/)
    .map((line) => splitLine(line, delimiter));
  return rows.map((row) => Object.fromEntries(head.map((name, at) => [name, row[at] ?? ""])));
}

function splitLine(line: string, delimiter: string): string[] {
  const cells = [...line.matchAll(new RegExp(`(?:^|${delimiter})(?:"((?:[^"]|"")*)"|([^${delimiter}]*))`, "g"))];
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "");
}

/** What each prompt must draw, from the file itself. */
const EXPECTED: { readonly [prompt: string]: (file: string, chart: unknown) => Promise<void> } = {
  "Graph the average maximum temperature by month": async (file, chart) => {
    const months = new Map<string, number[]>();
    for (const row of await readExample(file)) {
      const month = `${row["date"]?.slice(0, 7)}-01T00:00:00`;
      months.set(month, [...(months.get(month) ?? []), Number(row["max_temperature_c"])]);
    }
    const points = Points.parse(chart).elements[0]?.points ?? [];
    expect(points.map(([month]) => month)).toEqual([...months.keys()].toSorted());
    for (const [month, mean] of points) {
      const values = months.get(String(month)) ?? [];
      expect(isNear(mean, values.reduce((sum, value) => sum + value, 0) / values.length)).toBe(true);
    }
  },
  "Compare the number of strikes by phase of flight as a bar chart": async (file, chart) => {
    const rows = (await readExample(file)).filter((row) => row["phase_of_flight"] !== "");
    const counts = sumsOf({ columns: [], rows: rows.map((row) => [row["phase_of_flight"] ?? "", 1]) });
    expect(Object.fromEntries(Bars.parse(chart).elements.map(({ label, value }) => [label, value]))).toEqual(
      Object.fromEntries(counts),
    );
  },
  "Draw a scatter plot of magnitude against depth": async (file, chart) => {
    const Quakes = z.array(z.object({ magnitude: z.number(), depth_km: z.number() }));
    const rows = Quakes.parse(await Bun.file(join(ROOT, "examples", file)).json());
    const drawn = Points.parse(chart).elements.flatMap((element) => element.points);
    const pairs = rows.map(({ magnitude, depth_km }): [number, number] => [depth_km, magnitude]);
    expect(drawn.toSorted(byFirst)).toEqual(pairs.toSorted(byFirst));
  },
  "Plot construction and manufacturing over time": async (file, chart) => {
    const rows = await readExample(file);
    for (const { label, points } of Points.parse(chart).elements)
      expect(points).toEqual(rows.map((row) => [`${row["month"]}T00:00:00`, Number(row[label])]));
    expect(Points.parse(chart).elements.map(({ label }) => label)).toEqual(["construction", "manufacturing"]);
  },
  "Show a histogram of the speed in knots": async (file, chart) => {
    const rows = (await readExample(file)).filter((row) => row["speed_knots"] !== "");
    const bars = Bars.parse(chart).elements;
    expect(bars.reduce((sum, { value }) => sum + value, 0)).toBe(rows.length);
  },
  "Show the share of total generation by source as a pie chart": async (file, chart) => {
    const rows = (await readExample(file)).map((row) => [row["source"] ?? "", Number(row["generation_gwh"])]);
    const sums = sumsOf({ columns: [], rows });
    const total = sums.reduce((sum, [, value]) => sum + value, 0);
    const angles = new Map(Pie.parse(chart).elements.map(({ label, angle }) => [label, angle]));
    expect(angles.size).toBe(sums.length);
    for (const [name, value] of sums) expect(angles.get(name)).toBeCloseTo((value / total) * 360, 3);
  },
};

describe("an example", () => {
  for (const { file, prompt } of examples) {
    test(`${file} with “${prompt}” draws what is in the file`, async () => {
      const { code, answer } = await askJson(sandpiper.home, [prompt, join(ROOT, "examples", file)]);
      expect({ code, status: answer.status, error: answer.error }).toEqual({
        code: 0,
        status: "completed",
        error: undefined,
      });
      const expected = EXPECTED[prompt];
      if (expected === undefined) throw new Error("A new example: say here what it must draw.");
      await expected(file, await chartOf(answer));
    });
  }
});
