// What to draw when the words leave it open: rules on the kinds of columns, after the common charts of explorers.
import { timeColumn } from "./filters.ts";
import type { Aggregate, Axis, ChartPlan, Grain, Measure } from "./plan.ts";
import type { ColumnProfile, FileProfile } from "./profile.ts";
import { nameWords } from "./words.ts";

/** Quantities that do not add up: their average says more than their sum. */
const INTENSIVE = new Set(
  (
    "avg average mean rate ratio percent percentage pct price temp temperature age score rating speed weight height length width depth index density " +
    "humidity pressure magnitude latitude longitude grade gpa rank level intensity salary wage duration mpg horsepower per expectancy capita"
  ).split(" "),
);

export const EMPTY_CHART: Omit<ChartPlan, "chart"> = {
  kind: "chart",
  x: null,
  y: [],
  colour: null,
  filters: [],
  sort: null,
  limit: null,
  share: false,
};

export function naturalAggregate(column: ColumnProfile): Aggregate {
  return nameWords(column.name).some((word) => INTENSIVE.has(word)) || (column.min !== null && column.min < 0)
    ? "mean"
    : "sum";
}

/** True when nearly every row has its own value, so that there is nothing to aggregate. */
export function isUnique(column: ColumnProfile, file: FileProfile): boolean {
  return column.distinctCapped || (column.distinct + column.nulls >= 0.98 * file.sampled && column.distinct > 1);
}

/** Steps that cut the column's whole range into a readable number of points. */
export function naturalGrain(column: ColumnProfile): Grain | null {
  if (column.from === null || column.to === null || column.grain === null) return column.grain;
  const days = (Date.parse(column.to) - Date.parse(column.from)) / 86_400_000;
  const wanted = days > 365 * 12 ? "year" : days > 120 ? "month" : days > 2 ? "day" : "hour";
  const order = ["hour", "day", "week", "month", "quarter", "year"];
  return order.indexOf(column.grain) > order.indexOf(wanted) ? column.grain : wanted;
}

export function measuresOf(file: FileProfile): readonly ColumnProfile[] {
  return file.columns.filter((column) => column.kind === "measure" && column.distinct > 1);
}

/** Columns that cut the table into a few groups, the best first. */
export function groupsOf(file: FileProfile): readonly ColumnProfile[] {
  const fits = (column: ColumnProfile): number => {
    if (column.distinct <= 12) return 0;
    if (column.distinct <= 30) return 1;
    return isUnique(column, file) && file.rows > 30 ? 3 : 2;
  };
  return file.columns.filter(isGroup).toSorted((a, b) => fits(a) - fits(b));
}

function isGroup(column: ColumnProfile): boolean {
  return (column.kind === "category" || column.kind === "boolean") && column.distinct > 1;
}

/** Charts that tell most about the table, best first; none when there is nothing to draw. */
export function tellingCharts(file: FileProfile): readonly ChartPlan[] {
  const charts: ChartPlan[] = [];
  const [first, second] = measuresOf(file);
  const groups = groupsOf(file).filter((group) => group.distinct <= 60 || file.rows <= 60);
  const time = timeColumn(file);
  if (time !== null && first !== undefined && time.distinct > 2) charts.push(timeChart(file, time, first));
  if (groups[0] !== undefined && first !== undefined) charts.push(groupChart(file, groups[0], first));
  if (first !== undefined && second !== undefined) charts.push(pairChart(first, second, groups[0]));
  if (first !== undefined) charts.push(spread(first));
  if (charts.length < 4 && time !== null && first === undefined) charts.push(countChart(time));
  for (const group of groups) if (charts.length < 4 || first === undefined) charts.push(countChart(group));
  return charts.slice(0, 4);
}

function timeChart(file: FileProfile, time: ColumnProfile, first: ColumnProfile): ChartPlan {
  const colour = groupsOf(file).find((group) => group.distinct <= 8) ?? null;
  if (isUnique(time, file)) {
    const alike = measuresOf(file).filter(
      (other) => (other.max ?? 0) <= 5 * (first.max ?? 0) && (other.max ?? 0) >= 0.2 * (first.max ?? 0),
    );
    const y = (file.rows <= 400 ? [first, ...alike.filter((other) => other !== first)] : [first]).slice(0, 4);
    return {
      ...EMPTY_CHART,
      chart: "line",
      x: { column: time.name, grain: null },
      y: y.map(({ name }): Measure => ({ column: name, aggregate: "none" })),
    };
  }
  const cells = colour === null ? 0 : time.distinct * colour.distinct;
  const isPair = cells >= 0.9 * file.sampled && cells <= 1.15 * file.sampled;
  const x: Axis = { column: time.name, grain: isPair ? null : naturalGrain(time) };
  const aggregate = isPair ? "none" : naturalAggregate(first);
  return { ...EMPTY_CHART, chart: "line", x, y: [{ column: first.name, aggregate }], colour: colour?.name ?? null };
}

function groupChart(file: FileProfile, group: ColumnProfile, measure: ColumnProfile): ChartPlan {
  const aggregate = isUnique(group, file) ? "none" : naturalAggregate(measure);
  return {
    ...EMPTY_CHART,
    chart: "bar",
    x: { column: group.name, grain: null },
    y: [{ column: measure.name, aggregate }],
    limit: group.distinct > 30 ? 30 : null,
  };
}

function pairChart(x: ColumnProfile, y: ColumnProfile, group: ColumnProfile | undefined): ChartPlan {
  const colour = group !== undefined && group.distinct <= 8 ? group.name : null;
  return {
    ...EMPTY_CHART,
    chart: "scatter",
    x: { column: x.name, grain: null },
    y: [{ column: y.name, aggregate: "none" }],
    colour,
  };
}

export function spread(measure: ColumnProfile): ChartPlan {
  return { ...EMPTY_CHART, chart: "histogram", x: { column: measure.name, grain: null } };
}

export function countChart(column: ColumnProfile): ChartPlan {
  const isTime = column.kind === "time";
  return {
    ...EMPTY_CHART,
    chart: isTime ? "line" : "bar",
    x: { column: column.name, grain: isTime ? naturalGrain(column) : null },
    y: [{ column: null, aggregate: "count" }],
    limit: column.distinct > 30 && !isTime ? 30 : null,
  };
}
