// What happens, as it happens: of all jobs from now on, or of one from its beginning to its end.
import type { Board } from "../../shared/db.ts";
import { eventsAfter, latestSeq } from "../../shared/events.ts";
import { readRun } from "../../shared/jobs.ts";
import { shortId } from "../../shared/prefixes.ts";
import { pause } from "../../shared/stop.ts";
import type { JobEvent } from "../../shared/types.ts";
import { printable, printableLine } from "../printable.ts";
import type { Terminal } from "./terminal.ts";
import { bytesText, costText, durationText, oneLine, percentText, relativeText, timeText } from "./words.ts";

const LOOK_MS = 100;
const BATCH = 100;
/** As wide as the time of day and its gap. */
const MARGIN = " ".repeat(10);

/** Tells each event in its order. Resolves at the end of the job (null: of all), or when the signal aborts. */
export async function follow(
  board: Board,
  jobId: string | null,
  tell: (event: JobEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  let after = jobId === null ? board.read(latestSeq) : 0;
  let version: number | null = null;
  while (!signal.aborted) {
    // Before the look: what is written meanwhile is seen by the next one.
    const current = board.dataVersion();
    let isMore = current !== version;
    version = current;
    while (isMore && !signal.aborted) {
      const { events, isOver } = board.read((tx) => ({
        events: eventsAfter(tx, after, BATCH, jobId ?? undefined),
        isOver: jobId !== null && readRun(tx, jobId)?.finishedAt !== null,
      }));
      events.forEach(tell);
      after = events.at(-1)?.seq ?? after;
      isMore = events.length === BATCH;
      if (isOver && !isMore) return;
    }
    await pause(LOOK_MS, signal);
  }
}

export type Teller = {
  readonly tell: (event: JobEvent) => void;
  /** What was printed without an end of line. */
  readonly close: () => void;
};

/** `isOne`: all events are of one job, which then need not be named in each line. */
export function createTeller(board: Board, terminal: Terminal, isOne: boolean, print: (line: string) => void): Teller {
  const names = new Map<string, string>();
  let started = "";

  const nameOf = (jobId: string): string => {
    const known = names.get(jobId) ?? printableLine(board.read((tx) => shortId(tx, jobId)));
    names.set(jobId, known);
    return `${known}  `;
  };
  const closeLine = (name: string): void => {
    if (started !== "") print(MARGIN + name + printable(started));
    started = "";
  };
  /** Pieces may end anywhere; lines are what people read. */
  const tellOutput = (name: string, text: string): void => {
    const lines = (started + text).split("\n");
    started = "";
    for (const line of lines.slice(0, -1)) print(MARGIN + name + printable(line));
    started = lines.at(-1) ?? "";
    // Of several jobs the pieces would be mixed up.
    if (!isOne) closeLine(name);
  };

  const tell = (event: JobEvent): void => {
    const name = isOne ? "" : terminal.style("quiet", nameOf(event.jobId));
    if (event.kind === "output-delta" || event.kind === "text-delta") {
      tellOutput(name, event.text);
      return;
    }
    // What is printed may stop in the middle of a line for long.
    if (event.kind !== "progress-changed") closeLine(name);
    print(`${terminal.style("quiet", timeText(event.at).slice(11))}  ${name}${wordsOf(event, terminal)}`);
    const isEnd = event.kind === "job-completed" || event.kind === "job-failed" || event.kind === "job-deleted";
    if (isEnd) names.delete(event.jobId);
    if (isOne && event.kind === "job-completed" && event.output.text !== "") print(`\n${printable(event.output.text)}`);
  };

  return { tell, close: () => closeLine("") };
}

type Told = Exclude<JobEvent, { readonly kind: "output-delta" | "text-delta" }>;

function wordsOf(event: Told, { style }: Terminal): string {
  switch (event.kind) {
    case "job-created":
      return `created (${oneLine(event.type)})${event.prompt === "" ? "" : `: ${oneLine(event.prompt)}`}`;
    case "job-started":
      return style("busy", event.attempt > 1 ? `started, attempt ${event.attempt}` : "started");
    case "job-retrying":
      return `attempt ${event.attempt} failed: ${oneLine(event.error.message)} The next one comes ${relativeText(event.retryAt, event.at)}.`;
    case "job-requeued":
      return "back in the line";
    case "job-deleted":
      return "deleted";
    case "progress-changed":
      return style("quiet", percentText(event.fraction));
    case "step-started":
      return `… ${oneLine(event.title)}`;
    case "step-finished":
      return `✓ ${oneLine(event.title)} (${durationText(event.durationMs)})`;
    case "code-written":
      return `understood: ${oneLine(event.understood)}`;
    case "model-chosen":
      return `model: ${oneLine(event.model)}${event.reason === undefined ? "" : ` (${oneLine(event.reason)})`}`;
    case "approval-requested":
      return style("busy", `needs your yes: ${oneLine(event.approval.title)}`);
    case "approval-decided":
      return event.decision;
    case "budget-warned":
      return style(
        "busy",
        `${costText(event.spentUsd * 1e6)} of ${costText(event.limitUsd * 1e6)} a ${event.scope} are used`,
      );
    case "hosts-contacted":
      return `contacted: ${oneLine(event.hosts.join(", "))}`;
    case "artifact-available":
      return `→ ${printableLine(event.artifact.path)} (${bytesText(event.artifact.bytes)})`;
    case "job-completed":
      return style("good", event.costUsd > 0 ? `done, ${costText(event.costUsd * 1e6)}` : "done");
    case "job-failed":
    default:
      return style(
        "bad",
        `${event.error.code === "cancelled" ? "cancelled" : "failed"}: ${oneLine(event.error.message)}`,
      );
  }
}
