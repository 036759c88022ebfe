import { expect, test } from "bun:test";
import type { JobEvent, JobEventBody } from "../../src/shared/types.ts";
import {
  applyEvent,
  isActive,
  turnBeingSent,
  turnFromEvents,
  turnFromView,
  type Turn,
} from "../../src/web/transcript.ts";
import { blankView, outputOf } from "./fake_job.ts";

const eventsOf = (...bodies: readonly JobEventBody[]): JobEvent[] =>
  bodies.map((body, at) => ({ ...body, seq: at + 1, jobId: "job-1", conversationId: "c-1", at: 1_000 + at * 100 }));

const play = (...bodies: readonly JobEventBody[]): Turn =>
  eventsOf(...bodies).reduce(applyEvent, turnBeingSent("Plot it", [], 900));

test("a message that is being sent is pending as soon as core knows it", () => {
  const turn = play({ kind: "job-created", type: "code_exec", prompt: "Plot it", files: [] });
  expect(turn).toMatchObject({ status: "pending", jobId: "job-1" });
});

test("a step that runs twice has two rows, each with its own duration", () => {
  const turn = play(
    { kind: "job-started", attempt: 1 },
    { kind: "step-started", step: "run", title: "Run" },
    { kind: "step-finished", step: "run", title: "Run", durationMs: 10 },
    { kind: "step-started", step: "run", title: "Run the mended program" },
  );
  expect(turn.steps.map((step) => step.durationMs)).toEqual([10, null]);
});

test("a second attempt starts with nothing of the first", () => {
  const turn = play(
    { kind: "job-started", attempt: 1 },
    { kind: "output-delta", stream: "stdout", text: "lost" },
    { kind: "text-delta", text: "lost too" },
    { kind: "job-started", attempt: 2 },
  );
  expect(turn).toMatchObject({ status: "running", text: "", steps: [], output: { pieces: [] } });
});

test("the end brings text, cost and duration, and the turn is no longer active", () => {
  const turn = play(
    { kind: "job-started", attempt: 1 },
    { kind: "text-delta", text: "Hal" },
    { kind: "job-completed", output: outputOf({ text: "Half and half" }), costUsd: 0.25 },
  );
  expect(turn).toMatchObject({ status: "completed", text: "Half and half", costUsd: 0.25, durationMs: 200 });
  expect(isActive(turn)).toBe(false);
});

test("what was printed before a failure stays", () => {
  const error = { code: "code", message: "It broke" };
  const turn = play(
    { kind: "job-started", attempt: 1 },
    { kind: "output-delta", stream: "stdout", text: "one\n" },
    { kind: "job-failed", error, output: outputOf({ error }), costUsd: 0 },
  );
  expect(turn).toMatchObject({ status: "failed", error });
  expect(turn.output.pieces.map((piece) => piece.text)).toEqual(["one\n"]);
});

test("an artifact that is told of twice is shown once", () => {
  const artifact = { id: "a", jobId: "job-1", name: "a.png", path: "p", mediaType: "image/png", bytes: 1, sha256: "" };
  const turn = play({ kind: "artifact-available", artifact }, { kind: "artifact-available", artifact });
  expect(turn.artifacts).toHaveLength(1);
});

test("a running job opened from its events is the same as one that was watched", () => {
  const bodies: JobEventBody[] = [
    { kind: "job-created", type: "code_exec", prompt: "Plot it", files: [] },
    { kind: "job-started", attempt: 1 },
    { kind: "step-started", step: "run", title: "Run" },
    { kind: "output-delta", stream: "stderr", text: "warning\n" },
  ];
  const view = { ...blankView("job-1", "c-1", "Plot it", 900), status: "running" as const };
  expect(turnFromEvents(view, undefined, eventsOf(...bodies))).toEqual(play(...bodies));
});

test("a finished job is shown from its row alone", () => {
  const view = {
    ...blankView("job-1", "c-1", "Plot it", 900),
    status: "completed" as const,
    output: outputOf({ text: "Done", stdout: "out\n" }),
    durationMs: 1_400,
  };
  const turn = turnFromView(view, undefined);
  expect(turn).toMatchObject({ status: "completed", text: "Done", durationMs: 1_400 });
  expect(turn.output.pieces[0]?.text).toBe("out\n");
});
