// Rendered programs, run by every Python that is at hand: profile → plan → program → figures, tables, files.
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { answer } from "../../src/planner/answer.ts";
import { bind } from "../../src/planner/bind.ts";
import { EMPTY_CHART } from "../../src/planner/defaults.ts";
import { plan } from "../../src/planner/planner.ts";
import type { PlanDraft } from "../../src/planner/plan.ts";
import { parseProfiles, profileCode, type FileProfile } from "../../src/planner/profile.ts";
import { render } from "../../src/planner/render.ts";
import { sales } from "./profiles.ts";
import { pythons, runPython, runShown, workFolder, type Python, type Shown } from "./pythons.ts";
import * as tables from "./tables.ts";

/** Python starts slowly on a busy machine. */
setDefaultTimeout(120_000);

type Folder = Awaited<ReturnType<typeof workFolder>>;

async function profileIn(python: Python, folder: Folder, name: string): Promise<FileProfile> {
  const run = await runPython(python, folder.path, profileCode([{ path: name, name }]));
  const [file] = parseProfiles(run.stdout);
  if (file === undefined) throw new Error("a profile was expected");
  return file;
}

type Asked = { readonly table: tables.Table; readonly prompt: string };
type Answered = Shown & { readonly prompt: string; readonly answer: string; readonly files: readonly string[] };

/** The whole way for many requests at once; each has its own folder. */
async function askAll(python: Python, asked: readonly Asked[]): Promise<readonly Answered[]> {
  await using stack = new AsyncDisposableStack();
  const jobs = [];
  const known = new Map<string, FileProfile>();
  for (const { table, prompt } of asked) {
    const folder = stack.use(await workFolder());
    await writeFile(join(folder.path, table.name), table.bytes);
    const file = known.get(table.name) ?? (await profileIn(python, folder, table.name));
    known.set(table.name, file);
    const result = plan({ prompt, files: [file] });
    if (result.kind !== "plan") throw new Error(`a plan was expected, not ${JSON.stringify(result)}`);
    jobs.push({
      folder: folder.path,
      list: folder.list,
      prompt,
      name: table.name,
      plan: result.plan,
      code: render(result.plan),
    });
  }
  const runs = await runShown(python, jobs);
  const answered = jobs.map(async (job, index): Promise<Answered> => {
    const run = runs[index] ?? { stdout: "", stderr: "", exitCode: 1, figures: 0 };
    const files = (await job.list()).filter((name) => name !== job.name);
    return { ...run, prompt: job.prompt, answer: answer(job.plan, run), files };
  });
  return await Promise.all(answered);
}

async function ask(python: Python, table: tables.Table, prompt: string): Promise<Answered> {
  const [result] = await askAll(python, [{ table, prompt }]);
  if (result === undefined) throw new Error("an answer was expected");
  expect(result).toMatchObject({ stderr: "", exitCode: 0 });
  return result;
}

const WITH_FIGURE: readonly (readonly [tables.Table, string, string])[] = [
  [tables.plainCsv, "Graph this CSV file", "60 of 60"],
  [tables.plainCsv, "revenue by region as a bar chart", "| North | 2,570 |"],
  [tables.plainCsv, "pie of revenue by region", "| East | 2,610 |"],
  [tables.plainCsv, "share of revenue by month as bars", "60 of 60"],
  [tables.plainCsv, "histogram of revenue", "60 of 60"],
  [tables.plainCsv, "box plot of revenue by region", "60 of 60"],
  [tables.plainCsv, "stacked area of revenue by month and region", "60 of 60"],
  [tables.plainCsv, "revenue by quarter in 2023 without South", "40 of 60"],
  [tables.plainCsv, "number of rows by weekday", "60 of 60"],
  [tables.plainCsv, "top 2 regions by revenue", "| South | 2,590 |"],
  [tables.plainCsv, "average revenue by month between 2023-03 and 2023-05", "15 of 60"],
  [tables.plainCsv, "what is in this file", "| revenue | measure | 60 | 60 |"],
  [tables.semicolons, "average Preis by Größe", "| klein | 1,214.50 |"],
  [tables.semicolons, "Preis over time", "28 of 28"],
  [tables.tabs, "plot jobs and quits over time", "24 of 24"],
  [tables.stocks, "price over time by symbol", "48 of 48"],
  [tables.american, "visits by month", "| Jan 2023 | "],
  [tables.records, "scatter of height vs weight", "30 of 30"],
  [tables.columnsJson, "sum of a by b", "| y | 5 |"],
  [tables.jsonLines, "average ms by level as bar chart", "| warn | "],
  [tables.zipped, "count by kind as a bar chart", "| x | "],
  [tables.utf16, "sum of amount by name as a bar chart", "| ä | 6 |"],
  [tables.noHeader, "Graph this", "21 of 21"],
  [tables.titled, "units by product", "| C | 1,200 |"],
  [tables.trailing, "b by a", "3 of 3"],
];

describe.each(pythons().map((python) => [python.name, python] as const))("with %s", (_name, python) => {
  let answers: readonly Answered[] = [];
  beforeAll(async () => {
    answers = await askAll(
      python,
      WITH_FIGURE.map(([table, prompt]) => ({ table, prompt })),
    );
  });
  test.each(WITH_FIGURE.map(([table, prompt, part], index) => [prompt, table.name, index, part] as const))(
    "“%s” on %s draws one figure, without a word on stderr",
    (_prompt, _file, index, part) => {
      const result = answers[index];
      expect(result).toMatchObject({ stderr: "", exitCode: 0, figures: 1, files: ["figure1.png"] });
      expect(result?.stdout).toContain(part);
    },
  );

  test("a summary prints its table and draws nothing", async () => {
    const facts = await ask(python, tables.plainCsv, "summarise");
    expect(facts.figures).toBe(0);
    expect(facts.answer).toContain("| date | time | 60 | 12 | 2023-01-01 to 2023-12-01 |");
    const total = await ask(python, tables.plainCsv, "total revenue for North");
    expect(total.answer).toContain("| sum of revenue | 2,570 |");
  });

  test("a filter that leaves nothing is said, not drawn", async () => {
    const result = await ask(python, tables.plainCsv, "revenue by region where revenue > 9000");
    expect(result.figures).toBe(0);
    expect(result.answer).toStartWith("No row is left");
  });

  test("columns named like code, markup or formulas are drawn and stay names", async () => {
    const prompts = ["Graph this CSV file", "overview", "summarise", "convert to csv", "bar chart of _under"];
    for (const result of await askAll(
      python,
      prompts.map((prompt) => ({ table: tables.hostile, prompt })),
    )) {
      expect(result).toMatchObject({ stderr: "", exitCode: 0 });
      expect(result.files).not.toContain("pwned");
    }
  });

  test("files of Excel and Parquet are read where the sandbox can", async () => {
    await using folder = await workFolder();
    const written = await runPython(python, folder.path, tables.LIBRARY_TABLES);
    const names = written.stdout.trim().split("\n");
    expect(names).toContain("book.xlsx");
    for (const name of names) {
      const bytes = new Uint8Array(await Bun.file(join(folder.path, name)).arrayBuffer());
      const result = await ask(python, { name, bytes }, "rain by city as a bar chart");
      expect(result.stdout).toContain("| Köln | 100 |");
      const converted = await ask(python, { name, bytes }, "convert to csv");
      expect(converted.answer).toContain(name.replace(/\..*/, ".csv"));
    }
  });

  test("a converted table keeps numbers, dates and leading zeros", async () => {
    await using folder = await workFolder();
    const content = "code;Preis;Tag\n007;1.234,50;31.12.2023\n010;2,00;01.02.2024\n";
    await writeFile(join(folder.path, "in.csv"), content);
    const file = await profileIn(python, folder, "in.csv");
    const result = plan({ prompt: "convert to json", files: [file] });
    if (result.kind !== "plan") throw new Error("a plan was expected");
    const run = await runPython(python, folder.path, render(result.plan));
    expect(run.stderr).toBe("");
    expect(await Bun.file(join(folder.path, "in.json")).json()).toEqual([
      { code: "007", Preis: 1234.5, Tag: "2023-12-31" },
      { code: "010", Preis: 2, Tag: "2024-02-01" },
    ]);
  });

  test("a cell that looks like a formula stays text in Excel", async () => {
    await using folder = await workFolder();
    await writeFile(join(folder.path, "in.csv"), "name,n\n=1+1,1\nb,2\n");
    const file = await profileIn(python, folder, "in.csv");
    const result = plan({ prompt: "convert to excel", files: [file] });
    if (result.kind !== "plan") throw new Error("a plan was expected");
    const check = `\nimport openpyxl as o\nc = o.load_workbook("in.xlsx").active["A2"]\nprint("CELL", c.value, c.data_type)\n`;
    const run = await runPython(python, folder.path, render(result.plan) + check);
    expect(run.stdout).toContain("CELL =1+1 s");
  });

  test("a table wider than its profile is converted whole, under its own names", async () => {
    await using folder = await workFolder();
    const names = Array.from({ length: 300 }, (_, n) => `measure number ${n}`);
    await writeFile(join(folder.path, "in.csv"), `${names.join(",")}\n${names.map((_, n) => n).join(",")}\n`);
    const file = await profileIn(python, folder, "in.csv");
    expect(file.columns.length).toBeLessThan(300);
    const result = plan({ prompt: "convert to json", files: [file] });
    if (result.kind !== "plan") throw new Error("a plan was expected");
    await runPython(python, folder.path, render(result.plan));
    const [row] = z.array(z.record(z.string(), z.number())).parse(await Bun.file(join(folder.path, "in.json")).json());
    expect(Object.keys(row ?? {})).toEqual(names);
    expect(row?.["measure number 299"]).toBe(299);
  });
});

function withoutData(code: string): string {
  return code.replace(/r'''[^']*'''/, "");
}

describe("a rendered program", () => {
  test("holds names in its one block of data and nowhere else", () => {
    const name = `"); import os #''' \\`;
    const file = {
      ...sales,
      columns: sales.columns.map((column) => (column.name === "Region" ? { ...column, name } : column)),
    };
    const draft: PlanDraft = {
      ...EMPTY_CHART,
      chart: "bar",
      x: { column: name, grain: null },
      y: [{ column: "Revenue", aggregate: "sum" }],
    };
    const code = render(bind(draft, file));
    const [before, block, after] = code.split("'''");
    expect(code.split("'''")).toHaveLength(3);
    expect(block).toContain("import os");
    expect(before).not.toContain("import os");
    expect(after).not.toContain("import os");
  });

  test("is the same but for its data when only names differ", () => {
    const draft: PlanDraft = {
      ...EMPTY_CHART,
      chart: "bar",
      x: { column: "Region", grain: null },
      y: [{ column: "Revenue", aggregate: "sum" }],
    };
    const renamed: PlanDraft = { ...draft, x: { column: "Product", grain: null } };
    expect(withoutData(render(bind(draft, sales)))).toBe(withoutData(render(bind(renamed, sales))));
  });

  test("cannot be bound to a column that is not there", () => {
    const draft: PlanDraft = { ...EMPTY_CHART, chart: "histogram", x: { column: "nope", grain: null } };
    expect(() => bind(draft, sales)).toThrow(expect.objectContaining({ code: "bad_request" }));
  });
});
