// A plan in one short line, so that tables of expectations can be read.
import type { Axis, Measure, PlanDraft, PlanResult } from "../../src/planner/plan.ts";

/** `line Date/month sum(Revenue) colour=Region [Region = North] y↓ 10 %` */
export function gist(result: PlanResult): string {
  if (result.kind !== "plan") return result.kind;
  return draftGist(result.plan);
}

function draftGist(draft: PlanDraft): string {
  if (draft.kind === "overview") return `overview ${draft.charts.length}`;
  const filters = draft.filters
    .map((group) =>
      group.map(({ column, operator, values }) => [column, operator, values.join("|")].join(" ").trim()).join(" & "),
    )
    .join(" or ");
  const where = filters === "" ? [] : [`[${filters}]`];
  const limit = draft.limit === null ? [] : [String(draft.limit)];
  if (draft.kind === "convert") {
    const sort = draft.sort === null ? [] : [`${draft.sort.column}${arrow(draft.sort.order)}`];
    return ["convert", draft.target, ...draft.columns, ...where, ...sort, ...limit].join(" ");
  }
  const sort = draft.sort === null ? [] : [`${draft.sort.by}${arrow(draft.sort.order)}`];
  if (draft.kind === "summarise")
    return [
      "facts",
      ...draft.groups.map(axis),
      ...draft.measures.map(measure),
      ...draft.columns,
      ...where,
      ...sort,
      ...limit,
    ].join(" ");
  const colour = draft.colour === null ? [] : [`colour=${draft.colour}`];
  const x = draft.x === null ? "-" : axis(draft.x);
  return [
    draft.chart,
    x,
    ...draft.y.map(measure),
    ...colour,
    ...where,
    ...sort,
    ...limit,
    ...(draft.share ? ["%"] : []),
  ].join(" ");
}

function axis({ column, grain }: Axis): string {
  return grain === null ? column : `${column}/${grain}`;
}

function measure({ column, aggregate }: Measure): string {
  if (column === null) return "count";
  return aggregate === "none" ? column : `${aggregate}(${column})`;
}

function arrow(order: "ascending" | "descending"): string {
  return order === "ascending" ? "↑" : "↓";
}
