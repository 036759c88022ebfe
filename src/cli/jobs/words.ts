// Jobs in words and numbers as people read them. What strangers wrote is made harmless here.
import type { Attempt, Run } from "../../shared/jobs.ts";
import type { Job, JobState } from "../../shared/types.ts";
import { printableLine } from "../printable.ts";
import type { Style } from "./terminal.ts";

/** A prompt may be very long, and nobody reads more of it in one line. */
const MAX_CHARS = 200;

export const STATE_STYLES: { readonly [state in JobState]: Style } = {
  scheduled: "quiet",
  waiting: "quiet",
  ready: "quiet",
  retrying: "busy",
  running: "busy",
  done: "good",
  failed: "bad",
  dead: "bad",
  cancelled: "quiet",
};

export const OUTCOMES: { readonly [outcome in Attempt["outcome"]]: string } = {
  done: "done",
  failed: "failed",
  retrying: "failed, tried again",
  cancelled: "cancelled",
  "handed-back": "handed back",
  lost: "its worker died",
  dead: "its worker died",
};

/** Begins with the name of the state, which is what `--state` takes. */
export function stateText(run: Run, now: number): string {
  if (run.state === "running" && run.isCancelAsked) return "running, to stop";
  if (run.state === "running" && run.progress !== null) return `running ${percentText(run.progress)}`;
  const isTimed = run.state === "scheduled" || run.state === "retrying";
  return isTimed && run.runAt !== null && run.runAt > now ? `${run.state} ${relativeText(run.runAt, now)}` : run.state;
}

export const percentText = (fraction: number): string => `${Math.round(fraction * 100)} %`;

/** What is asked, in one line. */
export function askedText(job: Job): string {
  const { prompt, code, files } = job.input;
  if (prompt !== undefined && prompt.trim() !== "") return oneLine(prompt);
  if (code !== undefined) return `code: ${oneLine(code)}`;
  return files !== undefined && files.length > 0 ? oneLine(files.join(", ")) : oneLine(job.type);
}

export function oneLine(text: string): string {
  const line = printableLine(
    text
      .slice(0, 4 * MAX_CHARS)
      .replace(/\s+/g, " ")
      .trim(),
  );
  return line.length <= MAX_CHARS ? line : `${line.slice(0, MAX_CHARS - 1).toWellFormed()}…`;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `5 min ago`, `in 2 h`; beyond a month the day. */
export function relativeText(at: number, now: number): string {
  const distance = Math.abs(now - at);
  if (distance > 30 * DAY_MS) return timeText(at).slice(0, 10);
  if (distance < SECOND_MS) return "now";
  return at > now ? `in ${spanText(distance)}` : `${spanText(distance)} ago`;
}

function spanText(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`;
  return `${Math.floor(ms / DAY_MS)} days`;
}

/** Local time: `2026-12-24 18:00:05`. */
export function timeText(at: number): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(Temporal.Now.timeZoneId());
  return local.toPlainDateTime().toString({ smallestUnit: "second" }).replace("T", " ");
}

export function durationText(ms: number): string {
  if (ms < SECOND_MS) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < MINUTE_MS) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ${Math.floor((ms % MINUTE_MS) / SECOND_MS)} s`;
  return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} min`;
}

export const costText = (microUsd: number): string =>
  microUsd === 0 ? "" : `$${(microUsd / 1e6).toFixed(microUsd < 10_000 ? 4 : 2)}`;

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [size, unit] =
    bytes < 999_500 ? [bytes / 1e3, "kB"] : bytes < 999_500_000 ? [bytes / 1e6, "MB"] : [bytes / 1e9, "GB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}
