// A plan as a Python program that a person may read: fixed parts, chosen by the plan's kind, around one block of data.
import { axisLabel, listPhrase, measureLabel, titleOf } from "./describe.ts";
import type { Axis, ChartPlan, ConvertPlan, Measure, Plan } from "./plan.ts";
import { pythonData } from "./python.ts";
import drawArea from "./templates/draw_area.py" with { type: "text" };
import drawBar from "./templates/draw_bar.py" with { type: "text" };
import drawBox from "./templates/draw_box.py" with { type: "text" };
import drawHistogram from "./templates/draw_histogram.py" with { type: "text" };
import drawLine from "./templates/draw_line.py" with { type: "text" };
import drawPie from "./templates/draw_pie.py" with { type: "text" };
import drawScatter from "./templates/draw_scatter.py" with { type: "text" };
import facts from "./templates/facts.py" with { type: "text" };
import filter from "./templates/filter.py" with { type: "text" };
import gather from "./templates/gather.py" with { type: "text" };
import jsonRows from "./templates/json_rows.py" with { type: "text" };
import load from "./templates/load.py" with { type: "text" };
import mainChart from "./templates/main_chart.py" with { type: "text" };
import mainConvert from "./templates/main_convert.py" with { type: "text" };
import mainOverview from "./templates/main_overview.py" with { type: "text" };
import mainSummarise from "./templates/main_summarise.py" with { type: "text" };
import missing from "./templates/missing.py" with { type: "text" };
import unknownNames from "./templates/names.py" with { type: "text" };
import namesCsv from "./templates/names_csv.py" with { type: "text" };
import namesJson from "./templates/names_json.py" with { type: "text" };
import namesParquet from "./templates/names_parquet.py" with { type: "text" };
import namesXlsx from "./templates/names_xlsx.py" with { type: "text" };
import printTable from "./templates/print_table.py" with { type: "text" };
import readCsv from "./templates/read_csv.py" with { type: "text" };
import readJson from "./templates/read_json.py" with { type: "text" };
import readParquet from "./templates/read_parquet.py" with { type: "text" };
import readXlsx from "./templates/read_xlsx.py" with { type: "text" };
import style from "./templates/style.py" with { type: "text" };
import words from "./templates/words.py" with { type: "text" };
import write from "./templates/write.py" with { type: "text" };
import writeCsv from "./templates/write_csv.py" with { type: "text" };
import writeJson from "./templates/write_json.py" with { type: "text" };
import writeMarkdown from "./templates/write_markdown.py" with { type: "text" };
import writeParquet from "./templates/write_parquet.py" with { type: "text" };
import writeXlsx from "./templates/write_xlsx.py" with { type: "text" };

type Format = Plan["source"]["reading"]["format"];

const READ: Record<Format, readonly string[]> = {
  csv: [missing, readCsv],
  json: [missing, jsonRows, readJson],
  jsonl: [missing, jsonRows, readJson],
  xlsx: [missing, readXlsx],
  parquet: [readParquet],
};
const NAMES: Record<Format, string> = {
  csv: namesCsv,
  json: namesJson,
  jsonl: namesJson,
  xlsx: namesXlsx,
  parquet: namesParquet,
};
const READ_IMPORTS: Record<Format, readonly string[]> = {
  csv: [],
  json: ["gzip"],
  jsonl: ["gzip"],
  xlsx: ["openpyxl"],
  parquet: ["pyarrow.parquet"],
};
const DRAW: Record<ChartPlan["chart"], { readonly name: string; readonly code: string }> = {
  line: { name: "draw_line", code: drawLine },
  area: { name: "draw_area", code: drawArea },
  bar: { name: "draw_bar", code: drawBar },
  "horizontal-bar": { name: "draw_bar", code: drawBar },
  scatter: { name: "draw_scatter", code: drawScatter },
  pie: { name: "draw_pie", code: drawPie },
  histogram: { name: "draw_histogram", code: drawHistogram },
  box: { name: "draw_box", code: drawBox },
};
const WRITE: Record<ConvertPlan["target"], readonly string[]> = {
  csv: [write, writeCsv],
  tsv: [write, writeCsv],
  json: [write, writeJson],
  xlsx: [writeXlsx],
  parquet: [writeParquet],
  markdown: [write, writeMarkdown],
};
const ENDINGS: Record<ConvertPlan["target"], string> = {
  csv: ".csv",
  tsv: ".tsv",
  json: ".json",
  xlsx: ".xlsx",
  parquet: ".parquet",
  markdown: ".md",
};

/** Python for the sandbox: reads the file, computes, prints a short result, shows figures. Names enter as data only. */
export function render(plan: Plan): string {
  const { imports, parts, data } = program(plan);
  const { format } = plan.source.reading;
  const modules = [...new Set(["json", ...READ_IMPORTS[format], ...imports])].toSorted();
  const head = [...modules.map((name) => `import ${name}`), "import pandas as pd"].join("\n");
  const names = plan.kind === "convert" ? [NAMES[format], unknownNames] : [];
  const block = `PLAN = json.loads(${pythonData(data)})`;
  return `${[head, block, ...READ[format], load, ...names, ...parts].map((part) => part.trim()).join("\n\n\n")}\n`;
}

type Program = { readonly imports: readonly string[]; readonly parts: readonly string[]; readonly data: object };

function program(plan: Plan): Program {
  if (plan.kind === "chart") {
    return chartProgram({ ...chartData(plan), source: plan.source }, [plan], [filter, printTable, mainChart]);
  }
  if (plan.kind === "overview") {
    const data = { ...plan, charts: plan.charts.map((chart) => chartData(chart)) };
    return chartProgram(data, plan.charts, [printTable, facts, mainOverview]);
  }
  if (plan.kind === "summarise") {
    return { imports: [], parts: [filter, gather, words, printTable, facts, mainSummarise], data: summaryData(plan) };
  }
  const imports = plan.target === "xlsx" ? ["openpyxl"] : [];
  return { imports, parts: [filter, ...WRITE[plan.target], mainConvert], data: { ...plan, output: outputName(plan) } };
}

function chartProgram(data: object, charts: readonly ChartPlan[], last: readonly string[]): Program {
  const draws = charts.map((chart) => DRAW[chart.chart]);
  const table = charts.map((chart) => `"${chart.chart}": ${DRAW[chart.chart].name}`);
  const imports = ["matplotlib", "matplotlib.pyplot as plt", "textwrap", "warnings"];
  const code = [...new Set(draws.map((draw) => draw.code))];
  const main = last.at(-1) ?? "";
  const dispatch = `DRAW = {${[...new Set(table)].join(", ")}}`;
  return { imports, data, parts: [gather, words, style, ...code, ...last.slice(0, -1), `${dispatch}\n${main}`] };
}

function withLabel(axis: Axis): Axis & { label: string } {
  return { ...axis, label: axisLabel(axis) };
}

function measureData(measure: Measure): Measure & { label: string } {
  return { ...measure, label: measureLabel(measure) };
}

function chartData(plan: ChartPlan): object {
  const labels = plan.y.map((measure) => measureLabel(measure));
  const shared = labels.length > 2 ? "value" : listPhrase(labels, 2);
  return {
    ...plan,
    title: titleOf(plan),
    x: plan.x === null ? null : withLabel(plan.x),
    y: plan.y.map(measureData),
    yLabel: plan.share ? `share of ${shared} (%)` : shared,
  };
}

function summaryData(plan: Extract<Plan, { kind: "summarise" }>): object {
  return { ...plan, groups: plan.groups.map(withLabel), measures: plan.measures.map(measureData) };
}

/** A plain file name in the working folder, never that of the source. */
function outputName(plan: Extract<Plan, { kind: "convert" }>): string {
  const stem = plan.source.name
    .replace(/^.*[/\\]/, "")
    .replace(/(\.(csv|tsv|txt|jsonl?|ndjson|xlsx|parquet))?(\.gz)?$/i, "")
    .replace(/[^\p{L}\p{N} ._-]/gu, "_")
    .replace(/^[. ]+/, "")
    .slice(0, 80);
  const name = `${stem || "table"}${ENDINGS[plan.target]}`;
  const taken = [plan.source.name, plan.source.path].some((used) => used.endsWith(name));
  return taken ? `${stem || "table"}_converted${ENDINGS[plan.target]}` : name;
}
