// What a running job tells the world. Deltas are gathered and written a few times a second; all else at once.
import type { Clock } from "../shared/clock.ts";
import type { Board } from "../shared/db.ts";
import { recordEvents, type Claim } from "../shared/claims.ts";
import type { JobEventBody, StepName } from "../shared/types.ts";
import { createProgress } from "./progress.ts";

export type Report = {
  /** Appends an event; deltas may wait for company, so that there are no more than one batch in 50 ms. */
  readonly emit: (body: JobEventBody) => void;
  /** Runs `work` as a step that people see begin and end. */
  readonly step: <T>(step: StepName, title: string, work: () => Promise<T>) => Promise<T>;
  /** How much of the job is done, 0 to 1; told twice a second at most. */
  readonly progress: (fraction: number) => void;
  /** Resolves when everything is written, as far as it can be. */
  readonly flush: () => Promise<void>;
};

/** ≤ 20 commits a second a job. */
const GATHER_MS = 50;

export function createReport(
  board: Board,
  claim: Claim,
  clock: Clock,
  onWritten: () => void,
  onLost: () => void,
  onFailed: (error: unknown) => void,
): Report {
  let waiting: JobEventBody[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  let wroteAt = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();

  const writeAfter = async (earlier: Promise<void>, bodies: readonly JobEventBody[]): Promise<void> => {
    await earlier;
    try {
      const isHeld = await recordEvents(board, claim, bodies, clock.now());
      if (isHeld) onWritten();
      else onLost();
    } catch (error) {
      // The result will have everything: a piece that could not be told must not take it along.
      onFailed(error);
    }
  };

  const write = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    wroteAt = clock.monotonic();
    const bodies = waiting;
    waiting = [];
    if (bodies.length === 0) return writing;
    writing = writeAfter(writing, bodies);
    return writing;
  };

  const emit = (body: JobEventBody): void => {
    if (!mergeDelta(waiting, body)) waiting.push(body);
    const isDelta = body.kind === "output-delta" || body.kind === "text-delta";
    if (!isDelta) void write();
    // The first piece after a silence goes at once.
    else timer ??= setTimeout(() => void write(), Math.max(0, GATHER_MS - (clock.monotonic() - wroteAt)));
  };

  const flush = (): Promise<void> => {
    const fraction = progress.take();
    if (fraction !== null) waiting.push({ kind: "progress-changed", fraction });
    return write();
  };
  const progress = createProgress(clock, () => void flush());

  const step = async <T>(step: StepName, title: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = clock.monotonic();
    emit({ kind: "step-started", step, title });
    const result = await work();
    emit({ kind: "step-finished", step, title, durationMs: Math.round(clock.monotonic() - startedAt) });
    return result;
  };

  return { emit, step, progress: progress.reach, flush };
}

/** A delta that continues the last one becomes part of it. */
function mergeDelta(waiting: JobEventBody[], body: JobEventBody): boolean {
  const last = waiting.at(-1);
  if (last?.kind === "output-delta" && body.kind === "output-delta" && last.stream === body.stream) {
    waiting[waiting.length - 1] = { ...last, text: last.text + body.text };
    return true;
  }
  if (last?.kind === "text-delta" && body.kind === "text-delta" && last.part === body.part) {
    waiting[waiting.length - 1] = { ...last, text: last.text + body.text };
    return true;
  }
  return false;
}
