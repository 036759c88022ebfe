// Everything that is known of one job.
import type { Board } from "../../shared/db.ts";
import { attemptsOf } from "../../shared/jobs.ts";
import { jobsAhead, jobsBefore } from "../../shared/line.ts";
import type { JobError, JobState } from "../../shared/types.ts";
import { readUpload } from "../../shared/uploads.ts";
import { viewJob } from "../../shared/views.ts";
import { printable, printableLine } from "../printable.ts";
import { readEntry } from "./entry.ts";
import type { Details } from "./json.ts";
import { wrapped } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import {
  askedText,
  bytesText,
  costText,
  durationText,
  oneLine,
  OUTCOMES,
  percentText,
  relativeText,
  STATE_STYLES,
  timeText,
} from "./words.ts";

/** The end of an output is what tells; `--json` has all of it. */
const MAX_LINES = 20;
const BAR_CELLS = 20;

export function readDetails(board: Board, id: string): Details {
  return board.read((tx) => {
    const entry = readEntry(tx, id);
    return {
      entry,
      view: viewJob(tx, entry.job),
      attempts: attemptsOf(tx, id),
      ahead: jobsAhead(tx, id).map((run) => run.jobId),
      before: jobsBefore(tx, id),
      fileNames: (entry.job.input.files ?? []).map((file) => readUpload(tx, file)?.name ?? file),
    };
  });
}

/** `isWorked`: somebody is there to do jobs. */
export function detailLines(details: Details, terminal: Terminal, now: number, isWorked: boolean): string[] {
  const { entry, view } = details;
  const { style, width } = terminal;
  const facts = factsOf(details, terminal, now, isWorked);
  const nameWidth = Math.max(...facts.map(([name]) => name.length));
  const indent = " ".repeat(nameWidth + 4);
  const sections: (readonly [title: string, lines: readonly string[]])[] = [
    ["Attempts", isWorthTelling(details) ? attemptLines(details, terminal) : []],
    ["Steps", stepLines(details)],
    ["Error", errorLines(view.output?.error, width)],
    ["Answer", textLines(view.output?.error === undefined ? (view.output?.text ?? "") : "", width)],
    ["Output", outputLines(view.output?.stdout ?? "")],
    ["Files", view.artifacts.map(({ path, bytes }) => `  ${printableLine(path)}  ${style("quiet", bytesText(bytes))}`)],
  ];
  return [
    style("strong", printableLine(entry.job.id)),
    ...facts.map(
      ([name, value]) => `  ${style("quiet", name.padEnd(nameWidth))}  ${wrapped(value, width, indent).trimStart()}`,
    ),
    ...sections.flatMap(([title, lines]) => (lines.length === 0 ? [] : ["", style("strong", title), ...lines])),
  ];
}

/** A single attempt that ended with the job says what the job says. */
const isWorthTelling = ({ attempts, entry }: Details): boolean => attempts.length > 1 || entry.run.finishedAt === null;

type Fact = readonly [name: string, value: string];

function factsOf(details: Details, terminal: Terminal, now: number, isWorked: boolean): Fact[] {
  const { entry, view } = details;
  const { job, run, createdAt } = entry;
  const moment = (at: number): string => `${relativeText(at, now)} (${timeText(at)})`;
  const isTried = run.state === "running" || run.state === "retrying";
  return [
    ...fact("state", terminal.style(STATE_STYLES[run.state], stateSentence(details, now, isWorked))),
    ...fact("progress", run.progress === null ? null : barText(run.progress)),
    ...fact("asked", askedText(job)),
    ...fact("understood", view.understood === null ? null : oneLine(view.understood)),
    ...fact("type", oneLine(job.type)),
    ...fact("files", details.fileNames.length === 0 ? null : oneLine(details.fileNames.join(", "))),
    ...fact("created", createdAt === null ? null : moment(createdAt)),
    ...fact("started", run.startedAt === null ? null : moment(run.startedAt)),
    ...fact("ended", run.finishedAt === null ? null : moment(run.finishedAt)),
    ...fact("took", view.durationMs === null ? null : durationText(view.durationMs)),
    ...fact("attempt", isTried || run.attempt > 1 ? `${run.attempt} of ${run.maxAttempts}` : null),
    ...fact("deadline", run.deadlineAt === null ? null : moment(run.deadlineAt)),
    ...fact("cost", run.costMicroUsd === 0 ? null : costText(run.costMicroUsd)),
    ...fact("saved", view.savedUsd === 0 ? null : `${costText(view.savedUsd * 1e6)}, as it ran on this machine`),
    ...fact("worker", run.state === "running" ? printableLine(run.workerId ?? "another program's") : null),
    ...fact("conversation", run.conversationId === null ? null : printableLine(run.conversationId)),
  ];
}

const fact = (name: string, value: string | null): Fact[] => (value === null ? [] : [[name, value]]);

/** Where it stands, and what it waits for. */
function stateSentence({ entry, ahead, before }: Details, now: number, isWorked: boolean): string {
  const { run } = entry;
  const when = run.runAt === null || run.runAt <= now ? "as soon as there is room" : relativeText(run.runAt, now);
  const rest = isWorked ? "" : ", when Sandpiper runs again (npm start)";
  const jobs = ahead.length === 1 ? "one job" : `${ahead.length} jobs`;
  const sentences: { readonly [state in JobState]: string } = {
    scheduled: `scheduled: begins ${when}${rest}`,
    retrying: `retrying: the next attempt comes ${when}${rest}`,
    waiting: `waiting behind ${jobs} of its conversation: ${ahead.map(printableLine).join(", ")}`,
    ready: `ready: ${before === 0 ? "the next in the line" : `${before} before it in the line`}${rest}`,
    running: run.isCancelAsked ? "running, and asked to stop" : "running",
    dead: "dead: its worker died in its last attempt",
    done: "done",
    failed: "failed",
    cancelled: "cancelled",
  };
  return sentences[run.state];
}

function barText(fraction: number): string {
  const full = Math.round(fraction * BAR_CELLS);
  return `${"█".repeat(full)}${"░".repeat(BAR_CELLS - full)} ${percentText(fraction)}`;
}

/** The error that the job ended with has a place of its own. */
function attemptLines({ attempts, view }: Details, { width, style }: Terminal): string[] {
  return attempts.flatMap((one) => {
    const took = one.startedAt === null ? "" : durationText(one.endedAt - one.startedAt);
    const facts = [took, costText(one.costMicroUsd)].filter((fact) => fact !== "").join(", ");
    const message = one.error === null || one.error.message === view.output?.error?.message ? "" : one.error.message;
    const head = `  ${one.attempt}  ${OUTCOMES[one.outcome]}  ${style("quiet", facts)}`.trimEnd();
    return message === "" ? [head] : [head, wrapped(printable(message), width, "     ")];
  });
}

function stepLines({ view }: Details): string[] {
  return view.steps.map(({ title, durationMs }) =>
    durationMs === null ? `  … ${printableLine(title)}` : `  ✓ ${printableLine(title)} (${durationText(durationMs)})`,
  );
}

function errorLines(error: JobError | undefined, width: number): string[] {
  if (error === undefined) return [];
  const detail = error.detail === undefined ? [] : ["", ...lastLines(error.detail)];
  return [...textLines(error.message, width), ...detail];
}

function textLines(text: string, width: number): string[] {
  return text.trim() === "" ? [] : [wrapped(printable(text.trim()), width, "  ")];
}

/** As it was printed: a table's columns would not survive a break. */
const outputLines = (stdout: string): string[] => (stdout.trim() === "" ? [] : lastLines(stdout));

function lastLines(text: string): string[] {
  const lines = printable(text.trimEnd()).split("\n");
  const left = lines.length - MAX_LINES;
  const last = lines.slice(-MAX_LINES).map((line) => `  ${line}`.trimEnd());
  return left > 0 ? [`  (${left} lines before; --json has them all)`, ...last] : last;
}
