// A draft and a profile → a plan: every column is found, and reading it is described.
import { AppError } from "../shared/errors.ts";
import { titleOf } from "./describe.ts";
import type { Plan, PlanDraft } from "./plan.ts";
import type { ColumnProfile, FileProfile } from "./profile.ts";
import type { SourceColumn } from "./source.ts";

/** Every column that a draft names, once each, in the order of their first mention. */
export function columnsOf(draft: PlanDraft): readonly string[] {
  const names = new Set<string>();
  const add = (name: string | null | undefined): void => void (typeof name === "string" && names.add(name));
  if (draft.kind === "overview") {
    for (const name of draft.charts.flatMap((chart) => columnsOf(chart))) names.add(name);
    return [...names];
  }
  if (draft.kind === "chart")
    for (const name of [draft.x?.column, ...draft.y.map((y) => y.column), draft.colour]) add(name);
  if (draft.kind === "summarise") {
    for (const name of [...draft.groups.map((axis) => axis.column), ...draft.measures.map((m) => m.column)]) add(name);
  }
  if (draft.kind !== "chart") for (const name of draft.columns) add(name);
  if (draft.kind === "convert") add(draft.sort?.column);
  for (const condition of draft.filters.flat()) add(condition.column);
  return [...names];
}

/** A draft made ready to render. Throws AppError `bad_request` when it names a column that the file does not have. */
export function bind(draft: PlanDraft, file: FileProfile): Plan {
  if (file.reading === null) throw new AppError("bad_request", file.problem?.message ?? `${file.name} cannot be read.`);
  const known = new Map(file.columns.map((column) => [column.name, column]));
  const named = columnsOf(draft).map((name) => {
    const column = known.get(name);
    if (column === undefined) throw new AppError("bad_request", `${file.name} has no column named “${name}”.`);
    return column;
  });
  const needsAll = draft.kind === "convert" ? draft.columns.length === 0 : isDescription(draft);
  const columns = needsAll ? file.columns : named;
  const { path, name, rows, columnCount, reading } = file;
  return {
    ...draft,
    title: titleOf(draft),
    source: { path, name, rows, columnCount, reading, columns: columns.map(sourceColumn) },
  };
}

function isDescription(draft: PlanDraft): boolean {
  return (
    draft.kind === "overview" || (draft.kind === "summarise" && draft.measures.length + draft.columns.length === 0)
  );
}

function sourceColumn({ name, position, kind, number, time }: ColumnProfile): SourceColumn {
  return { name, position, kind, number, time };
}
