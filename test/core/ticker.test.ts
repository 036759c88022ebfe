// The one who wakes when a schedule is due: at the right time, with any clock, and never in anybody's way.
import { expect, test } from "bun:test";
import { createTicker, type Ticker } from "../../src/core/ticker.ts";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { createLog } from "../../src/shared/log.ts";
import { deleteSchedule, pauseSchedule } from "../../src/shared/schedules.ts";
import { addSchedule, DAY, HOUR, MINUTE, NOON, tickedAt } from "../shared/scheduled.ts";
import { temporaryBoard } from "../shared/temporary.ts";

type Stage = {
  now: number;
  readonly ticker: Ticker;
  /** The delay after which it wants to be woken; null when it does not. */
  readonly delay: () => number | null;
  /** Lets the clock come to where it wants to be woken, and wakes it. */
  readonly sleep: () => Promise<void>;
  readonly fired: () => number;
  readonly lines: readonly string[];
};

/** A ticker whose clock and alarm are the test's. It has looked once when this resolves. */
async function onStage(board: Board, now = NOON): Promise<Stage> {
  const lines: string[] = [];
  const alarms = new Map<object, { delayMs: number; wake: () => void }>();
  let firedCount = 0;
  const only = () => {
    if (alarms.size > 1) throw new Error("It set two alarms.");
    return alarms.values().next().value;
  };
  const clock = { now };
  const ticker = createTicker(
    board,
    () => clock.now,
    () => void (firedCount += 1),
    createLog("core", "info", (line) => lines.push(line)),
    (delayMs, wake) => {
      const alarm = { callOff: () => void alarms.delete(alarm) };
      alarms.set(alarm, { delayMs, wake });
      return alarm;
    },
  );
  // One that is under way is waited for; the look that this begins finds nothing new.
  const settled = () => ticker.check();
  const stage = {
    get now() {
      return clock.now;
    },
    set now(value) {
      clock.now = value;
    },
    ticker,
    delay: () => only()?.delayMs ?? null,
    sleep: async () => {
      const alarm = only();
      alarms.clear();
      clock.now += alarm?.delayMs ?? 0;
      alarm?.wake();
      await settled();
    },
    fired: () => firedCount,
    lines,
  };
  await settled();
  return stage;
}

test("it wakes at the next tick, but looks at the table every half minute", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "s", { cron: "* * * * *", nextAt: NOON + MINUTE });
  const stage = await onStage(place.board, NOON + 20_000);
  expect(stage.delay()).toBe(30_000);
  await stage.sleep();
  expect([stage.delay(), stage.fired()]).toEqual([10_000, 0]);
  await stage.sleep();
  expect([stage.delay(), stage.fired()]).toEqual([30_000, 1]);
  expect(tickedAt(place.board, "s")).toEqual([NOON + MINUTE]);
  await stage.ticker.close();
});

test("without a schedule it looks every half minute, and a new one is seen at once", async () => {
  using place = temporaryBoard();
  const stage = await onStage(place.board);
  expect(stage.delay()).toBe(30_000);
  await addSchedule(place.board, "s", { cron: null, nextAt: NOON + 10 });
  await stage.ticker.check();
  expect(stage.delay()).toBe(10);
  await stage.ticker.close();
});

test("everything that is due is fired, the earliest first", async () => {
  using place = temporaryBoard();
  for (const [id, nextAt] of [
    ["b", NOON - 2],
    ["c", NOON - 1],
    ["a", NOON - 3],
    ["later", NOON + 1],
  ] as const)
    await addSchedule(place.board, id, { nextAt });
  const stage = await onStage(place.board);
  expect(stage.fired()).toBe(3);
  expect(place.rows("SELECT conversation_id AS talk FROM job_run ORDER BY created_seq")).toEqual([
    { talk: "talk-a" },
    { talk: "talk-b" },
    { talk: "talk-c" },
  ]);
  expect(stage.lines.filter((line) => line.includes(`"event":"schedule-ticked"`))).toHaveLength(3);
  await stage.ticker.close();
});

test("after a day of standstill it goes on with one job, or none, as each schedule wants it", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "once");
  await addSchedule(place.board, "skip", { missed: "skip" });
  const stage = await onStage(place.board, NOON + DAY + 30 * MINUTE);
  expect(tickedAt(place.board, "once")).toEqual([NOON + HOUR]);
  expect(tickedAt(place.board, "skip")).toEqual([]);
  stage.now = NOON + DAY + HOUR;
  await stage.ticker.check();
  expect(tickedAt(place.board, "skip")).toEqual([NOON + DAY + HOUR]);
  expect(stage.fired()).toBe(3);
  await stage.ticker.close();
});

test("two at the same file fire each tick once", async () => {
  using place = temporaryBoard();
  const other = openBoard(place.file);
  await addSchedule(place.board, "s", { cron: "* * * * *", nextAt: NOON + MINUTE });
  const stages = await Promise.all([onStage(place.board), onStage(other)]);
  const expected: number[] = [];
  for (let tick = NOON + MINUTE; expected.length < 30; tick += MINUTE) {
    expected.push(tick);
    for (const stage of stages) stage.now = tick;
    await Promise.all(stages.flatMap((stage) => [stage.ticker.check(), stage.ticker.check()]));
  }
  expect(tickedAt(place.board, "s")).toEqual(expected);
  expect(stages.reduce((sum, stage) => sum + stage.fired(), 0)).toBe(30);
  expect(stages.flatMap((stage) => stage.lines).filter((line) => line.includes("failed"))).toEqual([]);
  for (const stage of stages) await stage.ticker.close();
  other.close();
});

test("a clock that goes back a day and forward again gives each tick one job", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "s", { missed: "skip" });
  const stage = await onStage(place.board);
  const pass = async (from: number, to: number) => {
    for (stage.now = from; stage.now <= to; stage.now += 10 * MINUTE) await stage.ticker.check();
  };
  await pass(NOON, NOON + DAY);
  await pass(NOON, NOON + 3 * HOUR);
  expect(stage.lines.filter((line) => line.includes(`"event":"schedules-reckoned"`))).toHaveLength(1);
  await pass(NOON + DAY, NOON + DAY + 3 * HOUR);
  expect(tickedAt(place.board, "s")).toEqual(Array.from({ length: 27 }, (_, index) => NOON + (index + 1) * HOUR));
  await stage.ticker.close();
});

test("a clock that was a year ahead and is set right loses no tick", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "s", { missed: "skip" });
  const stage = await onStage(place.board, NOON + 365 * DAY + 30 * MINUTE);
  stage.now = NOON;
  await stage.ticker.check();
  stage.now = NOON + HOUR;
  await stage.ticker.check();
  expect(tickedAt(place.board, "s")).toEqual([NOON + HOUR]);
  await stage.ticker.close();
});

test("a schedule that cannot be fired is told to the log, tried again later, and keeps nobody from their turn", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "broken", { timeZone: "Mars/Olympus", nextAt: NOON - 5 });
  await addSchedule(place.board, "s", { nextAt: NOON - 1 });
  const stage = await onStage(place.board);
  expect(tickedAt(place.board, "s")).toEqual([NOON - 1]);
  expect(stage.delay()).toBe(5_000);
  const failures = () => stage.lines.filter((line) => line.includes(`"event":"schedules-failed"`));
  expect(failures()[0]).toContain("Mars/Olympus");
  const before = failures().length;
  await stage.sleep();
  expect(failures().length).toBeGreaterThan(before);
  await deleteSchedule(place.board, "broken");
  await stage.ticker.check();
  expect(stage.delay()).toBe(30_000);
  await stage.ticker.close();
});

test("a board that fails for a while stops nothing for good", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "s", { nextAt: NOON });
  let isBroken = true;
  const board: Board = {
    ...place.board,
    write: (unit, durability) => {
      if (isBroken) throw new Error("the disk is full");
      return place.board.write(unit, durability);
    },
    read: (unit) => {
      if (isBroken) throw new Error("the disk is gone");
      return place.board.read(unit);
    },
  };
  const stage = await onStage(board);
  expect([stage.delay(), stage.fired()]).toEqual([5_000, 0]);
  expect(stage.lines.join("\n")).toContain("the disk is gone");
  isBroken = false;
  await stage.sleep();
  expect([stage.delay(), stage.fired()]).toEqual([30_000, 1]);
  await stage.ticker.close();
});

test("closed, it wants to be woken no more and touches nothing", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "s", { nextAt: NOON + 10 });
  const stage = await onStage(place.board);
  stage.now = NOON + 10;
  const looking = stage.ticker.check();
  await stage.ticker.close();
  await looking;
  await stage.ticker.check();
  expect([stage.delay(), stage.fired()]).toEqual([null, 0]);
  expect(tickedAt(place.board, "s")).toEqual([]);
});

test("a paused schedule does not wake it", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "s", { nextAt: NOON + 10 });
  await pauseSchedule(place.board, "s", NOON);
  const stage = await onStage(place.board);
  expect(stage.delay()).toBe(30_000);
  await stage.ticker.close();
});

test("the system's own clock and timer will do", async () => {
  using place = temporaryBoard();
  await addSchedule(place.board, "s", { cron: null, nextAt: Date.now() + 20 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const ticker = createTicker(place.board, Date.now, resolve, createLog("core", "error"));
  await promise;
  expect(tickedAt(place.board, "s")).toHaveLength(1);
  await ticker.close();
});
