// The newest jobs, one line each.
import type { Board } from "../../shared/db.ts";
import { listJobs } from "../../shared/jobs.ts";
import type { JobState } from "../../shared/types.ts";
import { toEntry, type Entry } from "./entry.ts";
import { tableLines, type Column } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { askedText, costText, durationText, oneLine, relativeText, stateText, STATE_STYLES } from "./words.ts";
import { printableLine } from "../printable.ts";

/** From so many columns on there is room for when and how often; for costs; for how long and of what type. */
const WIDTHS = { when: 48, tries: 64, costs: 72, types: 100 } as const;

export type Listed = { readonly entries: readonly Entry[]; readonly hasMore: boolean };

export function readList(board: Board, limit: number, states: readonly JobState[] | null): Listed {
  return board.read((tx) => {
    const jobs = listJobs(tx, limit + 1, states === null ? {} : { states });
    return { entries: jobs.slice(0, limit).map((job) => toEntry(tx, job)), hasMore: jobs.length > limit };
  });
}

export function listLines(entries: readonly Entry[], terminal: Terminal, now: number): string[] {
  const { style, width } = terminal;
  const column = (title: string, cellOf: (entry: Entry) => string): Column => ({ title, cells: entries.map(cellOf) });
  const columns: Column[] = [
    column("ID", (entry) => printableLine(entry.shortId)),
    {
      ...column("STATE", ({ run }) => stateText(run, now)),
      paint: (cell, row) => style(STATE_STYLES[entries[row]?.run.state ?? "done"], cell),
    },
  ];
  if (width >= WIDTHS.when)
    columns.push({ ...column("WHEN", (entry) => whenText(entry, now)), paint: (cell) => style("quiet", cell) });
  if (width >= WIDTHS.tries && entries.some(({ run }) => run.attempt > 1))
    columns.push(column("TRY", ({ run }) => (run.attempt === 0 ? "" : `${run.attempt}/${run.maxAttempts}`)));
  if (width >= WIDTHS.types) {
    columns.push({ ...column("TOOK", tookText), align: "right" });
    columns.push(column("TYPE", ({ job }) => oneLine(job.type).slice(0, 12)));
  }
  if (width >= WIDTHS.costs && entries.some(({ run }) => run.costMicroUsd > 0))
    columns.push({ ...column("COST", ({ run }) => costText(run.costMicroUsd)), align: "right" });
  columns.push({ ...column("ASKED", ({ job }) => askedText(job)), isFlexible: true });
  return tableLines(columns, width, (title) => style("quiet", title));
}

/** When it ended, else when it began, else when it came. */
function whenText({ run, createdAt }: Entry, now: number): string {
  const at = run.finishedAt ?? (run.state === "running" ? run.startedAt : null) ?? createdAt;
  return at === null ? "" : relativeText(at, now);
}

const tookText = ({ run }: Entry): string =>
  run.startedAt === null || run.finishedAt === null ? "" : durationText(run.finishedAt - run.startedAt);
