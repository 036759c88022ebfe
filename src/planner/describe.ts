// A plan in words: titles, labels, and the phrase that says what was understood.
import type {
  Axis,
  ChartPlan,
  Condition,
  ConvertPlan,
  Filters,
  Measure,
  PlanDraft,
  SummarisePlan,
  Target,
} from "./plan.ts";
import { nameWords } from "./words.ts";

/** How a name from a file is written: plain in titles, escaped and bold in Markdown. */
export type Mark = (name: string) => string;

const plain: Mark = (name) => name;

const AGGREGATE_WORDS = {
  none: "",
  count: "number of ",
  "count-distinct": "number of different ",
  sum: "sum of ",
  mean: "average ",
  median: "median ",
  min: "lowest ",
  max: "highest ",
} as const satisfies Record<Measure["aggregate"], string>;

const OPERATOR_WORDS = {
  "=": "=",
  "!=": "≠",
  ">": ">",
  ">=": "≥",
  "<": "<",
  "<=": "≤",
  between: "between",
  in: "one of",
  "not-in": "none of",
  contains: "containing",
  "not-contains": "not containing",
  "starts-with": "starting with",
  "ends-with": "ending with",
  "is-empty": "empty",
  "is-not-empty": "not empty",
} as const satisfies Record<Condition["operator"], string>;

const MONTHS = "January February March April May June July August September October November December".split(" ");

export const CHART_WORDS = {
  line: "a line chart",
  area: "an area chart",
  bar: "a bar chart",
  "horizontal-bar": "a bar chart",
  scatter: "a scatter plot",
  pie: "a pie chart",
  histogram: "a histogram",
  box: "a box plot",
} as const satisfies Record<ChartPlan["chart"], string>;

export const TARGET_WORDS = {
  csv: "CSV",
  tsv: "TSV",
  json: "JSON",
  xlsx: "Excel",
  parquet: "Parquet",
  markdown: "Markdown",
} as const satisfies Record<Target, string>;

export function measureLabel(measure: Measure, mark: Mark = plain): string {
  if (measure.column === null) return "number of rows";
  return `${AGGREGATE_WORDS[measure.aggregate]}${mark(measure.column)}`;
}

export function axisLabel(axis: Axis, mark: Mark = plain): string {
  const isSaid = axis.grain !== null && nameWords(axis.column).includes(axis.grain);
  return axis.grain === null || isSaid ? mark(axis.column) : `${mark(axis.column)} (${axis.grain})`;
}

/** "region = North and sales > 5"; empty without filters. */
export function filterPhrase(filters: Filters, mark: Mark = plain): string {
  return filters.map((group) => group.map((each) => conditionPhrase(each, mark)).join(" and ")).join(" or ");
}

function conditionPhrase({ column, operator, values }: Condition, mark: Mark): string {
  const shown = values.map((value) => mark(valuePhrase(value)));
  const joined = operator === "between" ? shown.join(" and ") : listPhrase(shown, 6);
  return [mark(column), OPERATOR_WORDS[operator], joined].filter((part) => part !== "").join(" ");
}

function valuePhrase(value: string | number): string {
  const month = typeof value === "string" ? /^\*-(\d\d)$/.exec(value) : null;
  return month === null ? String(value) : (MONTHS[Number(month[1]) - 1] ?? String(value));
}

/** "a, b and c"; beyond `most` the rest is counted. */
export function listPhrase(items: readonly string[], most: number): string {
  if (items.length > most) return `${items.slice(0, most).join(", ")} and ${items.length - most} more`;
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

/** What the plan shows, as a noun phrase: "the sum of sales by month (month), for region = North". */
export function planPhrase(draft: PlanDraft, mark: Mark = plain): string {
  if (draft.kind === "overview") return "an overview of the table";
  if (draft.kind === "convert") return convertPhrase(draft, mark);
  if (draft.kind === "summarise") return summaryPhrase(draft, mark);
  return `${chartPhrase(draft, mark)}${wherePhrase(draft.filters, mark)}`;
}

function wherePhrase(filters: Filters, mark: Mark): string {
  return filters.length === 0 ? "" : `, for ${filterPhrase(filters, mark)}`;
}

function chartPhrase(draft: ChartPlan, mark: Mark): string {
  const x = draft.x === null ? "" : axisLabel(draft.x, mark);
  if (draft.chart === "histogram") return `the distribution of ${x}`;
  const measures = listPhrase(
    draft.y.map((measure) => measureLabel(measure, mark)),
    6,
  );
  if (draft.chart === "scatter") return `${measures} against ${x}${colourPhrase(draft, mark)}`;
  const share = draft.share || draft.chart === "pie" ? "share of " : "";
  const article = draft.y[0]?.aggregate === "none" && share === "" ? "" : "the ";
  return `${limitPhrase(draft)}${article}${share}${measures}${x === "" ? "" : ` by ${x}`}${colourPhrase(draft, mark)}`;
}

function colourPhrase(draft: ChartPlan, mark: Mark): string {
  return draft.colour === null ? "" : `, one series for each ${mark(draft.colour)}`;
}

function limitPhrase({ limit, sort }: Pick<ChartPlan, "limit" | "sort">): string {
  if (limit === null) return "";
  return sort?.order === "ascending" ? `the ${limit} lowest of ` : `the ${limit} highest of `;
}

function summaryPhrase(draft: SummarisePlan, mark: Mark): string {
  const where = wherePhrase(draft.filters, mark);
  if (draft.measures.length === 0) {
    const which = draft.columns.length === 0 ? "every column" : listPhrase(draft.columns.map(mark), 6);
    return `the facts about ${which}${where}`;
  }
  const groups = draft.groups.map((axis) => axisLabel(axis, mark));
  const measures = draft.measures.map((measure) => measureLabel(measure, mark));
  const by = groups.length === 0 ? "" : ` by ${listPhrase(groups, 3)}`;
  return `${limitPhrase(draft)}the ${listPhrase(measures, 6)}${by}${where}`;
}

function convertPhrase(draft: ConvertPlan, mark: Mark): string {
  const columns = draft.columns.length === 0 ? "the table" : listPhrase(draft.columns.map(mark), 6);
  const sorted = draft.sort === null ? "" : `, sorted by ${mark(draft.sort.column)} (${draft.sort.order})`;
  const first = draft.limit === null ? "" : `, the first ${draft.limit} rows`;
  return `${columns} as ${TARGET_WORDS[draft.target]}${wherePhrase(draft.filters, mark)}${sorted}${first}`;
}

/** The title over a figure. */
export function titleOf(draft: PlanDraft): string {
  const phrase = planPhrase(draft)
    .replace(/^the /, "")
    .replace(/, one series for each /, " and ");
  const text = phrase.length > 300 ? `${phrase.slice(0, 299)}…` : phrase;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
