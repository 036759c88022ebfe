// What was asked → a draft: every named column gets its role, and what the words leave open is filled by rule.
import {
  EMPTY_CHART,
  groupsOf,
  isUnique,
  measuresOf,
  naturalAggregate,
  naturalGrain,
  spread,
  tellingCharts,
} from "./defaults.ts";
import { timeColumn } from "./filters.ts";
import type { Ask } from "./ask.ts";
import type { Axis, Chart, ChartPlan, Measure, PlanDraft, Sort } from "./plan.ts";
import type { ColumnProfile, FileProfile } from "./profile.ts";

/** `isGuess`: the words named nothing that the file has, so the draft is what usually helps. */
export type Composed = { readonly draft: PlanDraft; readonly isGuess: boolean };

export function compose(ask: Ask, file: FileProfile): Composed {
  if (ask.target !== null) return { draft: convertDraft(ask, ask.target), isGuess: false };
  const names =
    ask.measures.length + ask.groups.length + ask.others.length + Number(ask.x !== null) + Number(ask.y !== null);
  const isSpoken = names > 0 || ask.chart !== null || ask.isOverTime;
  if (!isSpoken && ask.filters.length === 0) return withoutNames(ask, file);
  if (isScalar(ask)) return { draft: scalarDraft(ask), isGuess: false };
  const single = oneThing(ask, file);
  if (single !== null) return { draft: scalarDraft({ ...ask, measures: [single] }), isGuess: false };
  if (isAboutColumns(ask)) return { draft: factsDraft(ask), isGuess: false };
  const draft = chartDraft(ask, file);
  return draft === null
    ? withoutNames(ask, file)
    : { draft, isGuess: names + ask.filters.length === 0 && ask.chart === null && ask.grain === null };
}

function withoutNames(ask: Ask, file: FileProfile): Composed {
  const charts = tellingCharts(file);
  const [best] = charts;
  if (ask.isFacts) return { draft: factsDraft(ask), isGuess: false };
  if (ask.isDrawing && best !== undefined) return { draft: best, isGuess: ask.unknown.length > 1 };
  return { draft: { kind: "overview", charts: [...charts] }, isGuess: !ask.isSummary };
}

/** "Population of France": a measure of a row that its name picks out. */
function oneThing(ask: Ask, file: FileProfile): Ask["measures"][number] | null {
  const [column, second] = ask.others;
  const isOpen =
    ask.chart === null && !ask.isDrawing && !ask.isOverTime && ask.groups.length + ask.measures.length === 0;
  if (!isOpen || column === undefined || second !== undefined || !isNumeric(column)) return null;
  const unique = new Set(file.columns.filter((each) => isUnique(each, file)).map((each) => each.name));
  const isPicked = ask.filters.flat().some((condition) => condition.operator === "=" && unique.has(condition.column));
  return isPicked ? { column, aggregate: naturalAggregate(column) } : null;
}

/** "Describe the price": columns are named, and nothing is to be drawn or computed. */
function isAboutColumns(ask: Ask): boolean {
  const isPlain = ask.chart === null && ask.sort === null && ask.measures.length + ask.groups.length === 0;
  return (ask.isFacts || ask.isSummary) && !ask.isDrawing && !ask.isOverTime && isPlain;
}

function factsDraft(ask: Ask): PlanDraft {
  const columns = ask.others.map((column) => column.name);
  return { kind: "summarise", groups: [], measures: [], columns, filters: ask.filters, sort: null, limit: null };
}

function convertDraft(ask: Ask, target: NonNullable<Ask["target"]>): PlanDraft {
  const columns = [...ask.groups, ...ask.others].map((column) => column.name);
  const by = ask.sort?.by;
  const sort =
    ask.sort === null || by === undefined || by === "x" || by === "y"
      ? null
      : { column: by.name, order: ask.sort.order };
  return { kind: "convert", target, columns, filters: ask.filters, sort, limit: ask.limit };
}

/** One number was asked for: "total sales in 2023", "how many rows". */
function isScalar(ask: Ask): boolean {
  const isOpen = ask.groups.length + ask.others.length === 0 && ask.x === null && ask.y === null && !ask.isOverTime;
  return (
    ask.chart === null && isOpen && ask.measures.length > 0 && !ask.isDrawing && !ask.isShare && ask.limit === null
  );
}

function scalarDraft(ask: Ask): PlanDraft {
  const measures = ask.measures.slice(0, 6).map(({ column, aggregate }): Measure => ({
    column: column?.name ?? null,
    aggregate: countable(column, aggregate),
  }));
  return { kind: "summarise", groups: [], measures, columns: [], filters: ask.filters, sort: null, limit: null };
}

/** "How many countries" counts countries, not rows, where they repeat. */
function countable(column: ColumnProfile | null, aggregate: Measure["aggregate"]): Measure["aggregate"] {
  const fit = fitting(column, aggregate);
  return fit === "count" && column !== null && column.kind === "category" ? "count-distinct" : fit;
}

/** Names and categories can be counted, not added. */
function fitting(column: ColumnProfile | null, aggregate: Measure["aggregate"]): Measure["aggregate"] {
  if (column === null) return "count";
  return column.number !== null || aggregate === "count-distinct" ? aggregate : "count";
}

function chartDraft(ask: Ask, file: FileProfile): ChartPlan | null {
  if (ask.chart === "histogram") return histogramDraft(ask, file);
  if (ask.chart === null && ask.isDistribution && named(ask).length === 1) return histogramDraft(ask, file);
  if (ask.chart === "box") return boxDraft(ask, file);
  const scatter = ask.chart === "scatter" ? scatterDraft(ask, file) : null;
  return scatter ?? groupedDraft(ask, file);
}

/** Every column that has been named, in the order of its role. */
function named(ask: Ask): readonly ColumnProfile[] {
  const all = [ask.x, ask.y, ...ask.others, ...ask.measures.map((measure) => measure.column), ...ask.groups];
  return [...new Set(all.filter((column) => column !== null))];
}

function isNumeric(column: ColumnProfile): boolean {
  return column.kind === "measure";
}

/** "Histogram" with groups or aggregates means bars. */
function histogramDraft(ask: Ask, file: FileProfile): ChartPlan | null {
  const columns = named(ask);
  if (ask.groups.length > 0 || ask.measures.length > 0) return groupedDraft({ ...ask, chart: "bar" }, file);
  const x = columns.find(isNumeric) ?? (columns.length === 0 ? measuresOf(file)[0] : undefined);
  if (x === undefined || (x !== columns[0] && columns[0]?.kind === "category"))
    return groupedDraft({ ...ask, chart: "bar" }, file);
  return { ...spread(x), filters: ask.filters };
}

function boxDraft(ask: Ask, file: FileProfile): ChartPlan | null {
  const columns = named(ask);
  const y = columns.find(isNumeric) ?? measuresOf(file)[0];
  if (y === undefined) return null;
  const group = columns.find((column) => column !== y) ?? null;
  const axis = group ?? (ask.grain === null ? null : timeColumn(file));
  const x = axis === null ? null : { column: axis.name, grain: axis.kind === "time" ? ask.grain : null };
  return { ...EMPTY_CHART, chart: "box", x, y: [{ column: y.name, aggregate: "none" }], filters: ask.filters };
}

function scatterDraft(ask: Ask, file: FileProfile): ChartPlan | null {
  const keys = ask.groups.length + ask.others.length + Number(ask.x !== null);
  if (ask.measures.some((measure) => measure.aggregate !== "none") && keys > 0) return null;
  const all = named(ask);
  const numbers = all.filter((column) => isNumeric(column) || column.kind === "time" || column.number === "plain");
  const [first, second] =
    numbers.length >= 2 || all.length > 1
      ? numbers
      : [...numbers, ...measuresOf(file).filter((column) => !numbers.includes(column))];
  if (first === undefined || second === undefined) return null;
  const x = ask.x ?? (ask.y === first ? second : first);
  const y = ask.y ?? (x === first ? second : first);
  const colour = all.find((column) => column !== x && column !== y && column.distinct <= 60);
  return {
    ...EMPTY_CHART,
    chart: "scatter",
    x: { column: x.name, grain: null },
    y: [{ column: y.name, aggregate: "none" }],
    colour: colour?.name ?? null,
    filters: ask.filters,
    sort: sortFor(ask, x),
    limit: ask.limit,
  };
}

type Roles = {
  readonly x: ColumnProfile;
  readonly grain: Axis["grain"];
  readonly y: readonly Measure[];
  readonly colour: ColumnProfile | null;
};

/** Lines, bars, pies and areas: groups along x, measures along y. */
function groupedDraft(ask: Ask, file: FileProfile): ChartPlan | null {
  const roles = rolesOf(ask, file);
  if (roles === null) return histogramOrNothing(ask, file);
  const { x, y, colour } = roles;
  const plain = y.length > 0 && y.every((measure) => measure.aggregate === "none");
  const chart = chartFor(ask, roles, plain);
  if (chart === "scatter" && isNumeric(x)) return scatterDraft({ ...ask, chart: "scatter" }, file) ?? null;
  return {
    ...EMPTY_CHART,
    chart,
    x: { column: x.name, grain: roles.grain },
    y: [...y].slice(0, 6),
    colour: y.length > 1 ? null : (colour?.name ?? null),
    filters: ask.filters,
    sort: sortFor(ask, x),
    limit: ask.limit,
    share: ask.isShare && chart !== "pie",
  };
}

function histogramOrNothing(ask: Ask, file: FileProfile): ChartPlan | null {
  const number = named(ask).find(isNumeric);
  const chart =
    number === undefined
      ? tellingCharts(file).find((each) => ask.chart === null || each.chart === ask.chart)
      : spread(number);
  return chart === undefined ? null : { ...chart, filters: ask.filters };
}

function rolesOf(ask: Ask, file: FileProfile): Roles | null {
  const x = xOf(ask, file);
  if (x === null) return null;
  const rest = [...ask.groups, ...ask.others].filter((column) => column !== x && column !== ask.y);
  const measures = rest.filter((column) => isNumeric(column) && !ask.groups.slice(0, 2).includes(column));
  const codes = ask.others.filter((column) => column !== x && column.kind === "id" && column.number !== null);
  const numbers = measures.length + ask.measures.length + Number(ask.y !== null) === 0 ? codes.slice(0, 1) : measures;
  const isColour = (column: ColumnProfile): boolean =>
    ask.groups.includes(column) || (column.distinct <= 20 && !isUnique(column, file));
  const colour = rest.find((column) => !numbers.includes(column) && isColour(column)) ?? null;
  const y = measuresFor(ask, file, x, [...(ask.y === null ? [] : [ask.y]), ...numbers]);
  const isCut = y.some((measure) => measure.aggregate !== "none");
  const grain = x.kind !== "time" ? null : (ask.grain ?? (isCut ? steps(x) : null));
  return { x, grain, y, colour };
}

/** Many moments are gathered into steps; few are kept as they are. */
function steps(time: ColumnProfile): Axis["grain"] {
  return time.distinct > 60 ? naturalGrain(time) : time.grain;
}

function xOf(ask: Ask, file: FileProfile): ColumnProfile | null {
  if (ask.x !== null) return ask.x;
  const time =
    ask.groups.find((column) => column.kind === "time") ??
    ask.others.find((column) => column.kind === "time") ??
    timeColumn(file);
  if (ask.isOverTime && time !== null) return time;
  const isDimension = (column: ColumnProfile): boolean => !isNumeric(column) && column !== ask.y;
  const grouped = ask.groups[0];
  if (grouped !== undefined) {
    const mentioned = ask.others.find((column) => column.kind === "time");
    return ask.chart === "line" && mentioned !== undefined && grouped.kind !== "time" ? mentioned : grouped;
  }
  const dimension =
    (ask.chart === "line" ? ask.others.find((column) => column.kind === "time") : undefined) ??
    ask.others.find((column) => isDimension(column) && column.kind !== "id") ??
    ask.others.find(isDimension);
  if (dimension !== undefined) return dimension;
  const counted = ask.measures.find(
    (measure) => measure.column !== null && isDimension(measure.column) && measure.aggregate === "count",
  )?.column;
  if (counted !== undefined && counted !== null) return counted;
  const few =
    ask.others.find((column) => column.distinct <= 12 && ask.measures.length > 0) ??
    (ask.chart === "pie" ? ask.others.find((column) => column.distinct <= 20) : undefined);
  if (few !== undefined) return few;
  const fallback =
    ask.isShare || ask.chart === "pie" || ask.chart === "bar" || ask.chart === "horizontal-bar"
      ? groupsOf(file)[0]
      : (timeColumn(file) ?? undefined);
  if (ask.others.length >= 2 && ask.chart !== "line" && ask.chart !== "area") return ask.others[0] ?? null;
  return fallback ?? (ask.limit === null ? null : (groupsOf(file)[0] ?? null));
}

function measuresFor(
  ask: Ask,
  file: FileProfile,
  x: ColumnProfile,
  numbers: readonly ColumnProfile[],
): readonly Measure[] {
  const explicit = ask.measures.map(({ column, aggregate }): Measure => {
    if (column === null || (column === x && aggregate === "count")) return { column: null, aggregate: "count" };
    return { column: column.name, aggregate: fitting(column, aggregate) };
  });
  const isCounting = explicit.some((measure) => measure.aggregate === "count");
  if (explicit.length > 0 && (isCounting || numbers.length === 0)) return explicit;
  const isGrouped =
    ask.groups.includes(x) ||
    ask.limit !== null ||
    (file.rows > 60 && !isUnique(x, file)) ||
    ask.grain !== null ||
    ask.isOverTime ||
    ask.isShare ||
    x.kind === "time" ||
    ask.chart === "pie";
  const found = numbers.map((column): Measure => {
    const aggregate =
      column.number === null
        ? "count"
        : isUnique(x, file) && ask.grain === null
          ? "none"
          : isGrouped
            ? naturalAggregate(column)
            : "none";
    return { column: column.name, aggregate };
  });
  if (explicit.length + found.length > 0) return [...explicit, ...found];
  return [defaultMeasure(ask, file, x)];
}

/** "Share of revenue" names its measure; "top 10 countries" leaves it to be counted. */
function defaultMeasure(ask: Ask, file: FileProfile, x: ColumnProfile): Measure {
  const [first] = measuresOf(file).filter((column) => column !== x);
  const isNamed = named(ask).length > 0;
  const isOneEach = isUnique(x, file) && ask.grain === null;
  const isCounting = isNamed || ask.filters.length > 0 || (ask.grain !== null && ask.unknown.length > 0);
  if (first === undefined || (isCounting && !isOneEach)) return { column: null, aggregate: "count" };
  return { column: first.name, aggregate: isOneEach ? "none" : naturalAggregate(first) };
}

function chartFor(ask: Ask, { x, y, colour }: Roles, plain: boolean): Chart {
  if (ask.chart !== null && ask.chart !== "histogram") return ask.chart;
  if (ask.isShare && colour === null && y.length === 1 && x.distinct <= 12 && x.kind !== "time") return "pie";
  if (x.kind === "time" && ask.grain !== "weekday") return "line";
  if (isNumeric(x) && plain && x.distinct > 12) return "scatter";
  return "bar";
}

function sortFor(ask: Ask, x: ColumnProfile): Sort | null {
  if (ask.sort === null) return null;
  const { by, order } = ask.sort;
  if (by === "x" || by === "y") return { by, order };
  return { by: by === x ? "x" : "y", order };
}
