// How a turn waits, fails, and begins anew: events in, turns out.
import { describe, expect, test } from "bun:test";
import type { JobEvent, JobEventBody } from "../../src/shared/types.ts";
import { momentText, restText } from "../../src/web/text.ts";
import {
  applyEvent,
  isBehind,
  turnAtWork,
  turnBeingSent,
  turnFromCreated,
  turnFromEvents,
  turnFromView,
  withRun,
  type Turn,
} from "../../src/web/transcript.ts";
import { blankView, outputOf } from "./fake_job.ts";

const error = { code: "unavailable", message: "The sandbox went away." };
const CREATED = { kind: "job-created", type: "code_exec", prompt: "Plot", files: [] } as const;

const eventOf = (body: JobEventBody, seq: number, jobId = "job-1"): JobEvent => ({
  ...body,
  seq,
  jobId,
  conversationId: "c-1",
  at: 1_000 + seq * 100,
});
const eventsOf = (...bodies: readonly JobEventBody[]): JobEvent[] => bodies.map((body, at) => eventOf(body, at + 1));
const play = (...bodies: readonly JobEventBody[]): Turn =>
  eventsOf(CREATED, ...bodies).reduce(applyEvent, turnBeingSent("Plot", [], 900));

const begun: readonly JobEventBody[] = [
  { kind: "job-started", attempt: 1 },
  { kind: "step-started", step: "run", title: "Run" },
  { kind: "output-delta", stream: "stdout", text: "lost" },
  { kind: "progress-changed", fraction: 0.4 },
];
const failed: JobEventBody = { kind: "job-failed", error, output: outputOf({ error }), costUsd: 0 };

describe("an attempt that begins anew", () => {
  test.each<[string, JobEventBody]>([
    ["handed back", { kind: "job-requeued" }],
    ["put off", { kind: "job-retrying", attempt: 1, error, retryAt: 9_000 }],
    ["started", { kind: "job-started", attempt: 2 }],
  ])("when it is %s shows nothing of the one before", (_name, event) => {
    expect(play(...begun, event)).toMatchObject({
      jobId: "job-1",
      prompt: "Plot",
      createdAt: 900,
      steps: [],
      text: "",
      progress: null,
      output: { pieces: [] },
    });
  });

  test("after its end waits like a new one, without the error", () => {
    expect(play(...begun, failed, { kind: "job-requeued" })).toMatchObject({ status: "pending", error: null });
  });

  test("says why and when it is tried again, until it is", () => {
    const waiting = play(...begun, { kind: "job-retrying", attempt: 1, error, retryAt: 9_000 });
    expect(waiting).toMatchObject({ status: "pending", retry: { attempt: 1, at: 9_000, error }, maxAttempts: null });
    const known = withRun(waiting, { state: "retrying", runAt: 9_000, maxAttempts: 4 });
    expect(known).toMatchObject({ startsAt: null, maxAttempts: 4 });
    const again = applyEvent(known, eventOf({ kind: "job-started", attempt: 2 }, 50));
    expect(again).toMatchObject({ status: "running", retry: null, maxAttempts: 4 });
  });
});

test("progress is shown while it runs, and is gone with the end", () => {
  expect(play(...begun).progress).toBe(0.4);
  expect(play(...begun, failed).progress).toBe(null);
});

test("a scheduled job knows when it starts: from its view, or once core was asked", () => {
  const view = { ...blankView("job-1", "c-1", "Plot", 900), state: "scheduled" as const, runAt: 9_000 };
  const opened = turnFromEvents(view, undefined, eventsOf(CREATED));
  expect(opened).toMatchObject({ status: "pending", startsAt: 9_000 });
  const watched = withRun(play(), { state: "scheduled", runAt: 9_000, maxAttempts: 3 });
  expect(watched.startsAt).toBe(9_000);
  const started = applyEvent(opened, eventOf({ kind: "job-started", attempt: 1 }, 9));
  expect(started.startsAt).toBe(null);
  expect(withRun(started, { state: "scheduled", runAt: 9_000, maxAttempts: 3 }).startsAt).toBe(null);
});

test("what core took although its answer was lost is not sent, but pending", () => {
  const unsent: Turn = { ...turnBeingSent("Plot", [], 900), status: "unsent", error };
  expect(applyEvent(unsent, eventOf(CREATED, 5))).toMatchObject({ status: "pending", error: null, queuedSeq: 5 });
});

describe("in the line of a conversation", () => {
  const created = (jobId: string, seq: number): Turn =>
    turnFromCreated({ ...eventOf(CREATED, seq, jobId), ...CREATED });
  const then = (turn: Turn, seq: number, body: JobEventBody): Turn =>
    applyEvent(turn, eventOf(body, seq, turn.jobId ?? ""));
  const behind = (...turns: Turn[]): boolean[] => turns.map((turn) => isBehind(turn, turns));

  test("whoever came later is behind, and nobody is behind himself", () => {
    expect(behind(created("a", 1), created("b", 2), created("c", 3))).toEqual([false, true, true]);
    expect(behind(then(created("a", 1), 4, failed), created("b", 2))).toEqual([false, false]);
  });

  test("all are behind the one that runs or is tried again", () => {
    const running = then(created("b", 2), 3, { kind: "job-started", attempt: 1 });
    expect(behind(created("a", 1), running)).toEqual([true, false]);
    const retrying = then(running, 4, { kind: "job-retrying", attempt: 1, error, retryAt: 9_000 });
    expect(behind(created("a", 1), retrying)).toEqual([true, false]);
  });

  test("one that is run again after its end is behind the others, one that lost its worker is not", () => {
    const again = then(then(created("a", 1), 3, failed), 9, { kind: "job-requeued" });
    expect(behind(again, created("b", 2))).toEqual([true, false]);
    const running = then(created("a", 1), 3, { kind: "job-started", attempt: 1 });
    expect(behind(then(running, 9, { kind: "job-requeued" }), created("b", 2))).toEqual([false, true]);
  });

  test("one that waits for its time stands in nobody's way", () => {
    const later = { ...created("a", 1), startsAt: 9_000 };
    expect(behind(later, created("b", 2))).toEqual([false, false]);
  });

  test("Stop means the one that runs, else the next, never one that waits for its time", () => {
    const stopped = (...turns: Turn[]) => turnAtWork(turns.map((turn) => ({ turn })))?.turn.jobId ?? null;
    const running = then(created("a", 1), 3, { kind: "job-started", attempt: 1 });
    expect(stopped(running, created("b", 2))).toBe("a");
    expect(stopped(created("b", 2), created("c", 3))).toBe("b");
    expect(stopped({ ...created("a", 1), startsAt: 9_000 })).toBe(null);
    expect(stopped(turnFromView({ ...blankView("d", "c-1", "", 1), status: "completed" }, undefined))).toBe(null);
  });
});

test("waits are counted up, and a moment is told as its day needs", () => {
  expect([0, 1, 3_200, 60_000, 60_001, 3_600_000, 3_600_001].map(restText)).toEqual([
    "1 s",
    "1 s",
    "4 s",
    "60 s",
    "2 min",
    "60 min",
    "2 h",
  ]);
  const noon = new Date(2026, 11, 24, 12).getTime();
  expect(momentText(noon + 9_000_000, noon)).toMatch(/^at .*2:30/);
  expect(momentText(noon + 86_400_000, noon)).toMatch(/^on .*25/);
});
