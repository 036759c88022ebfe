// The profiler, run on real files by every Python that is at hand, and the distrust towards what it prints.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseCapabilities, parseProfiles, profileCode, type FileProfile } from "../../src/planner/profile.ts";
import { pythons, runPython, workFolder, type Python } from "./pythons.ts";
import * as tables from "./tables.ts";

/** Python starts slowly on a busy machine. */
setDefaultTimeout(60_000);

async function profiles(python: Python, files: readonly tables.Table[]): Promise<readonly FileProfile[]> {
  await using folder = await workFolder();
  for (const file of files) await writeFile(join(folder.path, file.name), file.bytes);
  const run = await runPython(python, folder.path, profileCode(files.map(({ name }) => ({ path: name, name }))));
  expect(run).toMatchObject({ stderr: "", exitCode: 0 });
  expect(run.stdout).toMatch(/^[\x20-\x7e]+\n$/);
  return parseProfiles(run.stdout);
}

function kinds(file: FileProfile | undefined): readonly string[] {
  return (file?.columns ?? []).map(({ name, kind, number, time }) =>
    [name, kind, number ?? time].filter((part) => part !== null).join(" "),
  );
}

describe.each(pythons().map((python) => [python.name, python] as const))("with %s the profiler", (_name, python) => {
  test("sees delimiters, decimal commas, dates, encodings and headers", async () => {
    const files = [
      tables.plainCsv,
      tables.semicolons,
      tables.tabs,
      tables.stocks,
      tables.utf16,
      tables.noHeader,
      tables.titled,
      tables.american,
      tables.zipped,
    ];
    const found = await profiles(python, files);
    expect(found.map((file) => [file.name, file.problem, file.rows, kinds(file)] as const)).toEqual([
      ["sales.csv", null, 60, ["date time %Y-%m-%d", "region category", "revenue measure plain"]],
      ["preise.csv", null, 28, ["Größe category", "Preis measure comma", "Datum time %d.%m.%Y"]],
      ["jobs.tsv", null, 24, ["month time %Y-%m-%d", "jobs measure plain", "quits measure plain"]],
      ["stocks.csv", null, 48, ["symbol category", "date time %b %d %Y", "price measure plain"]],
      ["wide.csv", null, 3, ["name category", "amount measure plain"]],
      ["raw.csv", null, 21, ["column 1 measure plain", "column 2 measure plain", "column 3 category"]],
      ["report.csv", null, 3, ["product category", "units measure point", "note category"]],
      ["visits.csv", null, 40, ["day time %m/%d/%Y", "visits measure plain"]],
      ["small.csv.gz", null, 3, ["kind category", "count measure plain"]],
    ]);
  });

  test("sees the records in JSON of several shapes", async () => {
    const found = await profiles(python, [tables.records, tables.columnsJson, tables.jsonLines]);
    expect(found.map((file) => [file.rows, kinds(file)] as const)).toEqual([
      [30, ["name category", "body.height measure plain", "body.weight measure plain"]],
      [3, ["a measure plain", "b category"]],
      [21, ["level category", "ms measure plain"]],
    ]);
  });

  test("gives numbers, ranges and frequent values", async () => {
    const [file] = await profiles(python, [tables.plainCsv]);
    expect(file?.columns[2]).toMatchObject({ min: 100, max: 159, mean: 129.5, integer: true, nulls: 0, distinct: 60 });
    expect(file?.columns[0]).toMatchObject({ from: "2023-01-01T00:00:00", to: "2023-12-01T00:00:00", grain: "month" });
    expect(file?.columns[1]?.top).toContainEqual({ value: "North", count: 20 });
  });

  test.each(
    tables.BROKEN.filter(([file]) => !file.name.endsWith(".parquet")).map(
      ([file, code, words]) => [file.name, file, code, words] as const,
    ),
  )("says in plain words what is wrong with %s", async (_file, file, code, words) => {
    const [found] = await profiles(python, [file]);
    expect(found?.problem?.code).toBe(code);
    expect(found?.problem?.message).toMatch(words);
    expect(found?.reading).toBeNull();
  });

  test("says in plain words what is wrong with a damaged Parquet file, or that Parquet cannot be read here", async () => {
    const broken = tables.BROKEN.find(([file]) => file.name.endsWith(".parquet"));
    const [found] = await profiles(python, broken === undefined ? [] : [broken[0]]);
    expect(["damaged", "missing_library"]).toContain(found?.problem?.code ?? "");
  });

  test("keeps names that try to be code, and a file that did not arrive is no traceback", async () => {
    const [hostile] = await profiles(python, [tables.hostile]);
    expect(hostile?.columns.map((column) => column.name)).toEqual([...tables.HOSTILE]);
    await using folder = await workFolder();
    const run = await runPython(
      python,
      folder.path,
      profileCode([{ path: "'''; raise SystemExit #.csv", name: "gone\n.csv" }]),
    );
    expect(parseProfiles(run.stdout)[0]?.problem?.code).toBe("missing");
    expect(parseCapabilities(run.stdout)).toHaveProperty("excel");
  });

  test("keeps its line within 16 KB for a wide table of long names", async () => {
    const names = Array.from({ length: 400 }, (_, n) => `${"ä".repeat(60)}${n}`);
    const bytes = new TextEncoder().encode(`${names.join(",")}\n${names.map((_, n) => n).join(",")}\n`);
    await using folder = await workFolder();
    await writeFile(join(folder.path, "wide.csv"), bytes);
    const run = await runPython(python, folder.path, profileCode([{ path: "wide.csv", name: "wide.csv" }]));
    expect(run.stdout.length).toBeLessThanOrEqual(16 * 1024);
    expect(parseProfiles(run.stdout)[0]?.columnCount).toBe(400);
  });
});

function line(value: unknown): string {
  return `SANDPIPER-PROFILE ${JSON.stringify(value)}\n`;
}

describe("what a sandbox prints is refused", () => {
  test.each([
    ["when it is nothing", ""],
    ["when it is a traceback", "Traceback (most recent call last):\n  ValueError\n"],
    ["when it is no JSON", "SANDPIPER-PROFILE {oops\n"],
    ["when it has another shape", line({ files: [{ name: 1 }] })],
    ["when a number is not finite", line({ capabilities: { excel: true, parquet: true }, files: [{ rows: -1 }] })],
    ["when it is endless", line("x".repeat(300_000))],
  ])("%s", (_name, stdout) => {
    expect(() => parseProfiles(stdout)).toThrow(expect.objectContaining({ code: "sandbox" }));
  });
});
