// What the words of a request asked for, before columns get their roles.
import type { Aggregate, Chart, Filters, Grain, Target } from "./plan.ts";
import type { ColumnProfile } from "./profile.ts";

export type Ask = {
  target: Target | null;
  isSummary: boolean;
  /** Facts about the columns were asked for by name: "summarise", "describe". */
  isFacts: boolean;
  isDrawing: boolean;
  chart: Chart | null;
  isStacked: boolean;
  isDistribution: boolean;
  isShare: boolean;
  isOverTime: boolean;
  isReversed: boolean;
  grain: Grain | null;
  sort: { readonly by: "x" | "y" | ColumnProfile; readonly order: "ascending" | "descending" } | null;
  limit: number | null;
  filters: Filters;
  measures: { readonly column: ColumnProfile | null; readonly aggregate: Aggregate }[];
  groups: ColumnProfile[];
  x: ColumnProfile | null;
  y: ColumnProfile | null;
  /** Columns named without a role, in order. */
  others: readonly ColumnProfile[];
  /** Words that no rule took. */
  unknown: readonly string[];
};
