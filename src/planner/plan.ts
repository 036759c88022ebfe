// The typed form between words and code. The built-in planner fills a draft by rules, a model by structured output;
// `bind` makes it a plan that can be rendered. Columns are named as people see them.
import { z } from "zod";
import type { Capabilities, FileProfile } from "./profile.ts";
import { SourceColumn, Reading } from "./source.ts";

export const CHARTS = ["line", "area", "bar", "horizontal-bar", "scatter", "pie", "histogram", "box"] as const;
export type Chart = (typeof CHARTS)[number];

export const AGGREGATES = ["none", "count", "count-distinct", "sum", "mean", "median", "min", "max"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** `weekday` groups by Monday … Sunday; all others cut the time line into steps. */
export const GRAINS = ["year", "quarter", "month", "week", "day", "hour", "weekday"] as const;
export type Grain = (typeof GRAINS)[number];

export const TARGETS = ["csv", "tsv", "json", "xlsx", "parquet", "markdown"] as const;
export type Target = (typeof TARGETS)[number];

/** `values` holds one value, two for `between`, any number for `in` and `not-in`, none for the empty tests. */
export const OPERATORS = [
  "=",
  "!=",
  ">",
  ">=",
  "<",
  "<=",
  "between",
  "in",
  "not-in",
  "contains",
  "not-contains",
  "starts-with",
  "ends-with",
  "is-empty",
  "is-not-empty",
] as const;
export type Operator = (typeof OPERATORS)[number];

/** A time is compared as text of a period: "2023", "2023-04", "2023-04-17". */
export const Condition = z.object({
  column: z.string(),
  operator: z.enum(OPERATORS),
  values: z.array(z.union([z.string(), z.number()])).max(200),
});
export type Condition = z.infer<typeof Condition>;

/** A row is kept if it meets every condition of at least one group; no groups keep all rows. */
export const Filters = z.array(z.array(Condition).min(1)).max(20);
export type Filters = z.infer<typeof Filters>;

export const Axis = z.object({ column: z.string(), grain: z.enum(GRAINS).nullable() });
export type Axis = z.infer<typeof Axis>;

/** `column` is null only for a plain count of rows. */
export const Measure = z.object({ column: z.string().nullable(), aggregate: z.enum(AGGREGATES) });
export type Measure = z.infer<typeof Measure>;

export const Sort = z.object({ by: z.enum(["x", "y"]), order: z.enum(["ascending", "descending"]) });
export type Sort = z.infer<typeof Sort>;

const limit = z.number().int().min(1).max(1_000_000).nullable();

/** What to draw: `x` down to groups, `y` one or more measures of each group, `colour` one series a value. */
export const ChartPlan = z.object({
  kind: z.literal("chart"),
  chart: z.enum(CHARTS),
  x: Axis.nullable(),
  y: z.array(Measure).max(6),
  colour: z.string().nullable(),
  filters: Filters,
  sort: Sort.nullable(),
  limit,
  /** Values as percent of their total. */
  share: z.boolean(),
});
export type ChartPlan = z.infer<typeof ChartPlan>;

/** Numbers in words and a table. With no measures: the facts of every column. */
export const SummarisePlan = z.object({
  kind: z.literal("summarise"),
  groups: z.array(Axis).max(3),
  measures: z.array(Measure).max(6),
  columns: z.array(z.string()).max(200),
  filters: Filters,
  sort: Sort.nullable(),
  limit,
});
export type SummarisePlan = z.infer<typeof SummarisePlan>;

/** The file in another format. Empty `columns` keep all of them. */
export const ConvertPlan = z.object({
  kind: z.literal("convert"),
  target: z.enum(TARGETS),
  columns: z.array(z.string()).max(200),
  filters: Filters,
  sort: z.object({ column: z.string(), order: z.enum(["ascending", "descending"]) }).nullable(),
  limit,
});
export type ConvertPlan = z.infer<typeof ConvertPlan>;

/** Facts about the file and up to four charts in one figure. */
export const OverviewPlan = z.object({ kind: z.literal("overview"), charts: z.array(ChartPlan).max(4) });
export type OverviewPlan = z.infer<typeof OverviewPlan>;

/** What the rules or a model decide. It names columns; it knows nothing of encodings and positions. */
export const PlanDraft = z.discriminatedUnion("kind", [ChartPlan, SummarisePlan, ConvertPlan, OverviewPlan]);
export type PlanDraft = z.infer<typeof PlanDraft>;

/** Where the rows come from: the file, how to read it, and the columns that the plan uses (all that are known for convert). */
export const Source = z.object({
  path: z.string().min(1),
  name: z.string(),
  rows: z.number().int().min(0),
  columnCount: z.number().int().min(0),
  reading: Reading,
  columns: z.array(SourceColumn),
});
export type Source = z.infer<typeof Source>;

const bound = { source: Source, title: z.string() };
export const Plan = z.discriminatedUnion("kind", [
  ChartPlan.extend(bound),
  SummarisePlan.extend(bound),
  ConvertPlan.extend(bound),
  OverviewPlan.extend(bound),
]);
export type Plan = z.infer<typeof Plan>;

export type PlanRequest = {
  readonly prompt: string;
  readonly files: readonly FileProfile[];
  /** What the sandbox can write, as `parseCapabilities` found it. Missing: everything is assumed. */
  readonly capabilities?: Capabilities;
};

export type PlanResult =
  /** `understood` is one sentence for people; `confidence` 0…1, below 0.4 the overview stands in for an answer. */
  | { readonly kind: "plan"; readonly plan: Plan; readonly understood: string; readonly confidence: number }
  | { readonly kind: "ask"; readonly question: string; readonly suggestions: readonly string[] }
  | { readonly kind: "refuse"; readonly message: string };
