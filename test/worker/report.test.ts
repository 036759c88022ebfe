// What a running job tells: in order, gathered, and nothing after its lease is lost.
import { expect, test } from "bun:test";
import type { Claim } from "../../src/shared/claims.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { createReport } from "../../src/worker/report.ts";
import { claimOne, loseWorkers } from "../shared/claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard, rejectionOf } from "../shared/temporary.ts";

async function heldJob(place: TemporaryBoard): Promise<Claim> {
  await addJob(place.board, "a");
  return claimOne(place);
}
const told = (place: TemporaryBoard) => place.board.read((tx) => eventsAfter(tx, 2, 100));

test("pieces are joined by stream, whole events are not, and the order is kept", async () => {
  using place = temporaryBoard();
  let nudges = 0;
  const report = createReport(
    place.board,
    await heldJob(place),
    systemClock,
    () => (nudges += 1),
    () => undefined,
    () => undefined,
  );
  report.emit({ kind: "output-delta", stream: "stdout", text: "a" });
  report.emit({ kind: "output-delta", stream: "stdout", text: "b" });
  report.emit({ kind: "output-delta", stream: "stderr", text: "c" });
  report.emit({ kind: "output-delta", stream: "stdout", text: "d" });
  report.emit({ kind: "code-written", understood: "u", code: "1" });
  report.emit({ kind: "text-delta", text: "e" });
  report.emit({ kind: "text-delta", text: "f" });
  await report.flush();
  expect(told(place)).toMatchObject([
    { kind: "output-delta", stream: "stdout", text: "ab" },
    { kind: "output-delta", stream: "stderr", text: "c" },
    { kind: "output-delta", stream: "stdout", text: "d" },
    { kind: "code-written" },
    { kind: "text-delta", text: "ef" },
  ]);
  expect(nudges).toBe(2);
});

test("pieces are written by themselves when no more come", async () => {
  using place = temporaryBoard();
  const written = Promise.withResolvers<void>();
  const report = createReport(
    place.board,
    await heldJob(place),
    systemClock,
    written.resolve,
    () => undefined,
    () => undefined,
  );
  report.emit({ kind: "text-delta", text: "x" });
  expect(told(place)).toEqual([]);
  await written.promise;
  expect(told(place)).toMatchObject([{ kind: "text-delta", text: "x" }]);
});

test("a step is told at both ends with what it took, and gives back what it made", async () => {
  using place = temporaryBoard();
  let time = 100;
  const clock = { now: () => 5_000, monotonic: () => time };
  const report = createReport(
    place.board,
    await heldJob(place),
    clock,
    () => undefined,
    () => undefined,
    () => undefined,
  );
  const made = await report.step("run", "Running", () => {
    time += 250;
    return Promise.resolve(7);
  });
  const failing = report.step("collect", "Collecting", () => Promise.reject(new Error("no")));
  expect(await rejectionOf(failing)).toMatchObject({ message: "no" });
  await report.flush();
  expect(made).toBe(7);
  expect(told(place)).toMatchObject([
    { kind: "step-started", step: "run", title: "Running", at: 5_000 },
    { kind: "step-finished", step: "run", title: "Running", durationMs: 250 },
    { kind: "step-started", step: "collect" },
  ]);
});

test("after the lease is lost nothing is written, and the job is told", async () => {
  using place = temporaryBoard();
  const claim = await heldJob(place);
  let losses = 0;
  const report = createReport(
    place.board,
    claim,
    systemClock,
    () => undefined,
    () => (losses += 1),
    () => undefined,
  );
  await loseWorkers(place);
  const before = told(place);
  report.emit({ kind: "text-delta", text: "late" });
  await report.flush();
  expect([losses, told(place)]).toEqual([1, before]);
});

test("a write that fails is told, and what comes after it is written", async () => {
  using place = temporaryBoard();
  const claim = await heldJob(place);
  await place.board.write((tx) =>
    tx.run("CREATE TRIGGER full BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'full'); END"),
  );
  const failures: unknown[] = [];
  const report = createReport(
    place.board,
    claim,
    systemClock,
    () => undefined,
    () => undefined,
    (error) => void failures.push(error),
  );
  report.emit({ kind: "code-written", understood: "u", code: "1" });
  await report.flush();
  expect(failures).toMatchObject([{ message: "full" }]);
  await place.board.write((tx) => tx.run("DROP TRIGGER full"));
  report.emit({ kind: "code-written", understood: "u", code: "2" });
  await report.flush();
  expect(failures).toHaveLength(1);
  expect(place.value("SELECT count(*) FROM job_events WHERE kind = 'code-written'")).toBe(1);
});
