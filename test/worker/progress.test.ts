import { createBudget } from "../../src/worker/budget.ts";
// How much of a job is done, as it is told: rising, seldom, and in the order of everything else.
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock, type Clock } from "../../src/shared/clock.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { createConsole } from "../../src/worker/console.ts";
import { codeExec } from "../../src/worker/handlers/code_exec.ts";
import type { JobContext } from "../../src/worker/handlers/handler.ts";
import { createProgress } from "../../src/worker/progress.ts";
import { createReport, type Report } from "../../src/worker/report.ts";
import { claimOne, runOf } from "../shared/claiming.ts";
import { addJob, temporaryBoard } from "../shared/temporary.ts";
import { fakeSandbox } from "./fake_sandbox.ts";

function heldClock(): Clock & { readonly pass: (ms: number) => void } {
  let time = 0;
  return { now: () => 5_000, monotonic: () => time, pass: (ms) => void (time += ms) };
}
const nothing = () => undefined;

describe("progress", () => {
  test("of a job that is over in a moment is not told", () => {
    const clock = heldClock();
    const progress = createProgress(clock, nothing);
    progress.reach(0.5);
    clock.pass(499);
    expect(progress.take()).toBe(null);
  });

  test("is told twice a second at most, and then the latest", () => {
    const clock = heldClock();
    const progress = createProgress(clock, nothing);
    clock.pass(500);
    progress.reach(0.1);
    progress.reach(0.2);
    expect(progress.take()).toBe(0.2);
    progress.reach(0.3);
    clock.pass(499);
    expect(progress.take()).toBe(null);
    progress.reach(0.4);
    clock.pass(1);
    expect(progress.take()).toBe(0.4);
    clock.pass(5_000);
    expect(progress.take()).toBe(null);
  });

  test("never falls, never passes 1, and a number that is none is passed over", () => {
    const clock = heldClock();
    const progress = createProgress(clock, nothing);
    const told = [0.6, 0.2, Number.NaN, -1, 7].map((fraction) => {
      clock.pass(1_000);
      progress.reach(fraction);
      return progress.take();
    });
    expect(told).toEqual([0.6, null, null, null, 1]);
  });

  test("is told by itself when its time has come", async () => {
    const due = Promise.withResolvers<void>();
    const progress = createProgress(systemClock, due.resolve);
    progress.reach(0.25);
    await due.promise;
    expect(progress.take()).toBe(0.25);
  });
});

test("a report writes progress into the row and among the events, and a lost job's nowhere", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "a");
  const claim = await claimOne(place);
  const clock = heldClock();
  const report = createReport(place.board, claim, clock, nothing, nothing, () => undefined);
  clock.pass(1_000);
  report.emit({ kind: "text-delta", text: "x" });
  report.progress(0.25);
  await report.flush();
  expect(runOf(place, "a").progress).toBe(0.25);
  expect(place.board.read((tx) => eventsAfter(tx, 2, 9))).toMatchObject([
    { kind: "text-delta" },
    { kind: "progress-changed", fraction: 0.25 },
  ]);
  const lost = createReport(place.board, { ...claim, attempt: 9 }, clock, nothing, nothing, () => undefined);
  clock.pass(1_000);
  lost.progress(0.75);
  await lost.flush();
  expect(runOf(place, "a").progress).toBe(0.25);
});

describe("a job that runs code", () => {
  async function fractionsOf(input: { code: string; files?: string[] }): Promise<number[]> {
    using place = temporaryBoard();
    mkdirSync(join(place.folder, "storage/uploads"), { recursive: true });
    for (const [name, bytes] of [
      ["small.csv", 10],
      ["large.csv", 90],
    ] as const)
      writeFileSync(join(place.folder, "storage/uploads", name), "x".repeat(bytes));
    await addJob(place.board, "a", { type: "code_exec", input });
    const claim = await claimOne(place);
    const fractions: number[] = [];
    const report: Report = {
      emit: nothing,
      step: (_step, _title, work) => work(),
      progress: (fraction) => void fractions.push(Math.round(fraction * 1_000) / 1_000),
      flush: () => Promise.resolve(),
    };
    const config = loadConfig({ SANDPIPER_HOME: place.folder });
    const context: JobContext = {
      config,
      board: place.board,
      clock: systemClock,
      models: () => [],
      budget: createBudget(place.board, config, claim, systemClock, null),
      report,
      console: createConsole(null, 1_000),
      signal: new AbortController().signal,
      remainingMs: () => 1_000,
      openSandbox: () => Promise.resolve(fakeSandbox()),
      addArtifacts: () => Promise.resolve(),
    };
    await codeExec({ ...claim, type: "code_exec", input }, context);
    return fractions;
  }

  test("has done what its steps weigh, and everything at its end", async () => {
    expect(await fractionsOf({ code: "1" })).toEqual([0.035, 0.965, 1]);
  });

  test("copies files by their bytes", async () => {
    const fractions = await fractionsOf({ code: "1", files: ["small.csv", "large.csv"] });
    expect(fractions).toEqual([0.034, 0.036, 0.057, 0.966, 1]);
  });
});
