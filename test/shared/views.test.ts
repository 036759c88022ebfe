// A job as people see it.
import { describe, expect, test } from "bun:test";
import { insertArtifact } from "../../src/shared/artifacts.ts";
import { settleJob } from "../../src/shared/claims.ts";
import { appendEvent } from "../../src/shared/events.ts";
import { readJob } from "../../src/shared/jobs.ts";
import type { Artifact, JobEventBody } from "../../src/shared/types.ts";
import { viewJob } from "../../src/shared/views.ts";
import { claimOne, loseWorkers, spend } from "./claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const SUBJECT = { jobId: "a", conversationId: null, attempt: 1 };
const tell = (place: TemporaryBoard, ...bodies: JobEventBody[]) =>
  place.board.write((tx) => {
    for (const body of bodies) appendEvent(tx, SUBJECT, 2_000, body);
  });
const view = (place: TemporaryBoard) =>
  place.board.read((tx) => {
    const job = readJob(tx, "a");
    if (job === null) throw new Error("There is no job.");
    return viewJob(tx, job);
  });
const started = (title: string): JobEventBody => ({ kind: "step-started", step: "run", title });
const finished = (title: string): JobEventBody => ({ kind: "step-finished", step: "run", title, durationMs: 5 });
const written = (code: string): JobEventBody => ({ kind: "code-written", understood: `does ${code}`, code });

test("a job that waits shows what was asked and nothing else", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "a", { type: "code_exec", input: { prompt: "Graph", code: "1", files: ["u.csv"] } });
  expect(view(place)).toEqual({
    id: "a",
    type: "code_exec",
    status: "pending",
    input: { prompt: "Graph", code: "1", files: ["u.csv"] },
    output: null,
    conversationId: null,
    createdAt: 1_000,
    updatedAt: 1_000,
    prompt: "Graph",
    understood: null,
    code: "1",
    artifacts: [],
    steps: [],
    costUsd: 0,
    savedUsd: 0,
    durationMs: null,
    state: "ready",
    attempt: 0,
    runAt: null,
    progress: null,
    approvals: [],
    hosts: [],
  });
});

test("an ended job shows its last code, its steps, its files, its cost and how long it took", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "a");
  const claim = await claimOne(place);
  await tell(place, written("one"), started("first"), finished("first"), written("two"), started("second"));
  const artifact: Artifact = {
    id: "x",
    jobId: "a",
    name: "graph.png",
    path: "storage/outputs/a/graph.png",
    mediaType: "image/png",
    bytes: 3,
    sha256: "00",
    data: { type: "bar", title: "é" },
  };
  await place.board.write((tx) => insertArtifact(tx, artifact, 3_000));
  const output = { stdout: "", text: "", artifacts: [artifact.path] };
  await spend(place, claim, 1_500_000);
  await settleJob(place.board, claim, { output, error: null }, 4_500);
  expect(view(place)).toMatchObject({
    understood: "does two",
    code: "two",
    artifacts: [artifact],
    steps: [
      { step: "run", title: "first", durationMs: 5 },
      { step: "run", title: "second", durationMs: null },
    ],
    costUsd: 1.5,
    durationMs: 2_500,
  });
});

describe("steps", () => {
  test("are those of the last attempt", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await tell(place, started("lost"));
    await loseWorkers(place);
    await claimOne(place, "1-b", 4_000);
    await tell(place, started("kept"));
    expect(view(place).steps.map((step) => step.title)).toEqual(["kept"]);
  });

  test("and code after a very long output are there", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await place.board.write((tx) => {
      for (let count = 0; count < 6_000; count += 1)
        appendEvent(tx, SUBJECT, 2_000, { kind: "output-delta", stream: "stdout", text: "x" });
    });
    await tell(place, started("collect"), written("late"));
    expect(view(place)).toMatchObject({ code: "late", steps: [{ title: "collect" }] });
  });
});

test("a file that came out again under the same path is one artifact, the newer one", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "a");
  const common = { jobId: "a", name: "g.png", path: "storage/outputs/a/g.png", mediaType: "image/png", sha256: "00" };
  await place.board.write((tx) => insertArtifact(tx, { ...common, id: "old", bytes: 1 }, 3_000));
  await place.board.write((tx) => insertArtifact(tx, { ...common, id: "new", bytes: 2 }, 4_000));
  expect(view(place).artifacts).toEqual([{ ...common, id: "new", bytes: 2 }]);
});
