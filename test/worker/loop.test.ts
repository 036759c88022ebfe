// The worker's loop with jobs that are only promises: how many, how long, and what a stop or a failure does to them.
import { describe, expect, test } from "bun:test";
import { handBackJob, settleJob, type Claim } from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import type { Board } from "../../src/shared/db.ts";
import { AppError } from "../../src/shared/errors.ts";
import { createLog } from "../../src/shared/log.ts";
import { readWorker, registerWorker } from "../../src/shared/workers.ts";
import { work, type Shift } from "../../src/worker/loop.ts";
import { createWake, type Wake } from "../../src/worker/wake.ts";
import { DONE, runOf } from "../shared/claiming.ts";
import { addJob, sqliteShell, temporaryBoard } from "../shared/temporary.ts";

type Held = { readonly claim: Claim; readonly signal: AbortSignal; readonly end: (error?: Error) => void };

/** A worker whose jobs end when the test says so. `until` waits for what should come of what was done. */
function shift(more: Partial<Shift> = {}) {
  const place = temporaryBoard();
  const stop = new AbortController();
  const inner = createWake();
  const lines: string[] = [];
  const waits: number[] = [];
  const held: Held[] = [];
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  let nudges = 0;
  const wake: Wake = {
    wake: inner.wake,
    wait: (ms, signal) => {
      waits.push(ms);
      change();
      return inner.wait(ms, signal);
    },
  };
  const run = async (claim: Claim, controller: AbortController) => {
    const over = Promise.withResolvers<void>();
    controller.signal.addEventListener("abort", change);
    held.push({ claim, signal: controller.signal, end: (error) => (error ? over.reject(error) : over.resolve()) });
    change();
    await over.promise;
  };
  const whole: Shift = {
    board: place.board,
    clock: { now: () => 2_000, monotonic: () => 0 },
    log: createLog("worker", "debug", (line) => {
      lines.push(line);
      change();
    }),
    workerId: "1-a",
    concurrency: 2,
    run,
    nudge: () => (nudges += 1),
    wake,
    canClaim: () => true,
    ...more,
  };
  const until = async (isThere: () => boolean) => {
    while (!isThere()) await changed.promise;
  };
  /** Ends every job that comes, until the loop has ended. */
  const close = async (working: Promise<void>) => {
    stop.abort();
    for (const one of held) one.end();
    await working;
    place[Symbol.dispose]();
  };
  const start = () => {
    const working = work(whole, stop.signal);
    return { working, [Symbol.asyncDispose]: () => close(working) };
  };
  const ids = () => held.map((one) => one.claim.jobId);
  const jobs = { held, ids, until, waits, lines, nudges: () => nudges };
  return { ...place, ...jobs, start, stop, wake, at: (index: number) => held[index] ?? nothing() };
}

const nothing = (): never => {
  throw new Error("There is no such job.");
};

async function settleAndEnd(place: { readonly board: Board }, one: Held): Promise<void> {
  await settleJob(place.board, one.claim, DONE, 3_000);
  one.end();
}

describe("a worker", () => {
  test("does as many jobs at a time as it may, and the next one as soon as there is room", async () => {
    const place = shift();
    for (const id of ["a", "b", "c", "d"]) await addJob(place.board, id);
    await using _ = place.start();
    await place.until(() => place.held.length === 2 && place.waits.length > 0);
    place.wake.wake();
    await place.until(() => place.waits.length === 2);
    expect(place.ids()).toEqual(["a", "b"]);
    await settleAndEnd(place, place.at(1));
    await place.until(() => place.held.length === 3);
    expect(place.ids()).toEqual(["a", "b", "c"]);
    expect(place.at(0).signal.aborted).toBe(false);
    expect(place.nudges()).toBe(2);
  });

  test("claims the next job in the commit that ends the one before", async () => {
    using whole = temporaryBoard();
    const story: string[] = [];
    const board: Board = {
      ...whole.board,
      write: async (unit, durability) => {
        const name = durability === "soft" ? "claim" : "end";
        story.push(`${name} asked`);
        const result = await whole.board.write(unit, durability);
        story.push(`${name} kept`);
        return result;
      },
    };
    const run: Shift["run"] = async (claim, _controller, onEnding) => {
      story.push(`run ${claim.jobId}`);
      onEnding();
      await settleJob(board, claim, DONE, 3_000);
    };
    const place = shift({ board, run, concurrency: 1 });
    for (const id of ["a", "b"]) await addJob(whole.board, id);
    await using _ = place.start();
    await place.until(() => place.waits.length > 0);
    while (story.filter((line) => line === "end kept").length < 2) await Bun.sleep(0);
    expect(story.slice(0, 7)).toEqual([
      "claim asked",
      "claim kept",
      "run a",
      "end asked",
      "claim asked",
      "end kept",
      "claim kept",
    ]);
  });

  test("finds at a wake what is new on the board", async () => {
    const place = shift();
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    sqliteShell(place.file, "INSERT INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 1, 1)");
    place.wake.wake();
    await place.until(() => place.held.length === 1);
    expect(place.at(0).claim).toMatchObject({ jobId: "a", workerId: "1-a" });
  });

  test("waits no longer than until the next job is due, and never longer than the poll", async () => {
    const place = shift();
    await addJob(place.board, "soon", { runAt: 2_120 });
    await addJob(place.board, "late", { runAt: 9_000_000 });
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    expect(place.waits).toEqual([120]);
    await cancelJob(place.board, "soon", 2_000);
    place.wake.wake();
    await place.until(() => place.waits.length === 2);
    expect(place.waits).toEqual([120, 500]);
  });

  test.each([
    ["has no room for", true],
    ["may not take", false],
  ])("does not turn in circles over a job that is due and that it %s", async (_name, canClaim) => {
    let now = 2_000;
    const clock = { now: () => now, monotonic: () => 0 };
    const place = shift({ concurrency: 1, canClaim: () => canClaim, clock });
    await addJob(place.board, "first");
    await addJob(place.board, "due", { runAt: 2_100 });
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    expect(place.ids()).toEqual(canClaim ? ["first"] : []);
    now = 2_200;
    place.wake.wake();
    await place.until(() => place.waits.length === 2);
    expect(place.waits).toEqual([100, 500]);
  });

  test("takes nothing new while it must not, goes on with what it has, and takes up again", async () => {
    let canClaim = true;
    const place = shift({ canClaim: () => canClaim });
    await addJob(place.board, "a");
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    canClaim = false;
    await addJob(place.board, "b");
    place.wake.wake();
    await place.until(() => place.waits.length === 2);
    expect(place.ids()).toEqual(["a"]);
    expect(place.at(0).signal.aborted).toBe(false);
    canClaim = true;
    place.wake.wake();
    await place.until(() => place.held.length === 2);
  });
});

describe("a job", () => {
  test("that is stopped hears of it at the next wake, and no other does", async () => {
    const place = shift();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    await cancelJob(place.board, "a", 3_000);
    place.wake.wake();
    await place.until(() => place.waits.length === 2);
    expect(place.at(0).signal.aborted).toBe(true);
    expect(place.at(0).signal.reason).toMatchObject({ code: "cancelled" });
    expect(place.at(1).signal.aborted).toBe(false);
  });

  test("that a stranger has taken back is stopped, and counts until it is over", async () => {
    const place = shift({ concurrency: 1 });
    await addJob(place.board, "a");
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    sqliteShell(place.file, "UPDATE jobs SET status = 'pending'");
    place.wake.wake();
    await place.until(() => place.waits.length === 2);
    expect(place.at(0).signal.aborted).toBe(true);
    expect(place.held.length).toBe(1);
    place.at(0).end();
    await place.until(() => place.held.length === 2);
    expect(place.at(1).claim).toMatchObject({ jobId: "a", attempt: 2 });
  });

  test("that comes again before its lost attempt is over is another: both are watched, counted and waited for", async () => {
    const place = shift({ concurrency: 2 });
    await addJob(place.board, "a");
    await using running = place.start();
    await place.until(() => place.waits.length === 1);
    sqliteShell(place.file, "UPDATE jobs SET status = 'pending'");
    await addJob(place.board, "b");
    place.wake.wake();
    await place.until(() => place.held.length === 2);
    await place.until(() => place.at(0).signal.aborted);
    expect(place.held.map(({ claim }) => [claim.jobId, claim.attempt])).toEqual([
      ["a", 1],
      ["a", 2],
    ]);
    place.at(0).end();
    // Room for one more, not for two: the second attempt still runs.
    await place.until(() => place.held.length === 3);
    await addJob(place.board, "c");
    place.wake.wake();
    const { length } = place.waits;
    await place.until(() => place.waits.length > length);
    expect(place.ids()).toEqual(["a", "a", "b"]);
    await cancelJob(place.board, "a", 3_000);
    place.wake.wake();
    await place.until(() => place.at(1).signal.aborted);
    let isOver = false;
    void running.working.then(() => (isOver = true));
    place.stop.abort();
    place.at(2).end();
    await Bun.sleep(0);
    expect(isOver).toBe(false);
  });

  test("whose end could not be written goes back to the board when that is possible again", async () => {
    const place = shift({ concurrency: 1 });
    await addJob(place.board, "a");
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    await place.board.write((tx) =>
      tx.run("CREATE TRIGGER full BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'full'); END"),
    );
    place.at(0).end(new AppError("unavailable", "The disk is full."));
    await place.until(() => place.lines.some((line) => line.includes("round-failed")));
    expect(place.lines.some((line) => line.includes("job-unsettled"))).toBe(true);
    expect(runOf(place, "a").state).toBe("running");
    await place.board.write((tx) => tx.run("DROP TRIGGER full"));
    place.wake.wake();
    await place.until(() => place.held.length === 2);
    expect(place.at(1).claim).toMatchObject({ jobId: "a", attempt: 2, maxAttempts: 3 });
  });
});

describe("the heartbeat", () => {
  test("is heard while a job runs, whatever else fails, and not when there is none", async () => {
    using whole = temporaryBoard();
    await registerWorker(whole.board, { id: "1-a", pid: 1, pidStarted: null }, 0);
    const beat = () => whole.board.read((tx) => readWorker(tx, "1-a"))?.beat ?? 0;
    let written = Promise.withResolvers<void>();
    let failures = 0;
    const board: Board = {
      ...whole.board,
      write: async (unit, durability) => {
        if ((failures -= 1) >= 0) throw new Error("disk I/O error");
        const result = await whole.board.write(unit, durability);
        written.resolve();
        written = Promise.withResolvers();
        return result;
      },
    };
    const place = shift({ board, leaseMs: 60 });
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    await addJob(whole.board, "a");
    // A whole poll of an idle worker: time for many beats, and none is heard.
    await place.until(() => place.held.length === 1);
    expect(beat()).toBe(0);
    failures = 2;
    while (beat() < 3) await written.promise;
    expect(place.lines.filter((line) => line.includes("heartbeat-failed")).length).toBe(2);
    expect(place.at(0).signal.aborted).toBe(false);
  });
});

describe("a failure", () => {
  /** The board, but these calls fail as often as it says. */
  function broken(board: Board, failures: { read: number; write: number }): Board {
    const error = Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR" });
    return {
      ...board,
      read: (unit) => {
        if ((failures.read -= 1) >= 0) throw error;
        return board.read(unit);
      },
      write: (unit, durability) => ((failures.write -= 1) >= 0 ? Promise.reject(error) : board.write(unit, durability)),
    };
  }

  test.each([
    ["claim", { read: 0, write: 1 }],
    ["look", { read: 1, write: 0 }],
    ["several looks", { read: 4, write: 0 }],
  ])("to %s is told and tried again at the poll, not at once", async (_name, failures) => {
    using whole = temporaryBoard();
    const place = shift({ board: broken(whole.board, failures) });
    await addJob(whole.board, "a");
    await using _ = place.start();
    await place.until(() => place.waits.length === 1);
    expect(place.lines.join()).toContain("disk I/O error");
    expect([place.held.length, place.waits]).toEqual([0, [500]]);
    while (place.held.length === 0) {
      place.wake.wake();
      const { length } = place.waits;
      await place.until(() => place.waits.length > length);
    }
    expect(place.ids()).toEqual(["a"]);
  });
});

describe("a stop", () => {
  test("lets a job that is nearly done come to its end, and begins nothing new", async () => {
    const place = shift({ concurrency: 1 });
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    await using running = place.start();
    await place.until(() => place.waits.length === 1);
    place.stop.abort();
    await settleAndEnd(place, place.at(0));
    await running.working;
    expect(place.at(0).signal.aborted).toBe(false);
    expect([runOf(place, "a").state, runOf(place, "b").state]).toEqual(["done", "ready"]);
  });

  test("interrupts what goes on for too long, and waits until it has been handed back", async () => {
    const place = shift();
    await addJob(place.board, "a");
    await using running = place.start();
    await place.until(() => place.waits.length === 1);
    place.stop.abort();
    await place.until(() => place.at(0).signal.aborted);
    expect(place.at(0).signal.reason).toMatchObject({ code: "unavailable" });
    expect(await handBackJob(place.board, place.at(0).claim, 3_000)).toBe(true);
    place.at(0).end();
    await running.working;
    expect(runOf(place, "a")).toMatchObject({ state: "ready", attempt: 1, maxAttempts: 4 });
  });

  test("of an idle worker is over at once", async () => {
    const place = shift();
    await using running = place.start();
    await place.until(() => place.waits.length === 1);
    place.stop.abort();
    await running.working;
    expect(place.held).toEqual([]);
  });
});
