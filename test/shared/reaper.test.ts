// Who is taken for dead: by the process where it can be seen, else by a heartbeat that stands still on our own clock.
import { describe, expect, test } from "bun:test";
import { identityOf } from "../../src/shared/alive.ts";
import { settleJob } from "../../src/shared/claims.ts";
import { createLog } from "../../src/shared/log.ts";
import { LEASE_MS, createReaper } from "../../src/shared/reaper.ts";
import { beatWorker, registerWorker } from "../../src/shared/workers.ts";
import { DONE, claimOne, runOf } from "./claiming.ts";
import { addJob, temporaryBoard } from "./temporary.ts";

const DAY_MS = 86_400_000;
/** Between two looks of a reaper that is not held up. */
const LOOK_MS = LEASE_MS / 3;
const HERE = { pid: process.pid, pidStarted: identityOf(process.pid) };
/** In another container, so that only its heartbeat tells of it. */
const ELSEWHERE = { pid: 4_000_000, pidStarted: "pid:[1] 1" };

/** A board, a reaper, and a clock that moves only when it is told to. */
function house() {
  const place = temporaryBoard();
  const time = { now: 1_800_000_000_000, monotonic: 0 };
  const clock = { now: () => time.now, monotonic: () => time.monotonic };
  const lines: string[] = [];
  let moves = 0;
  const log = createLog("core", "warn", (line) => void lines.push(line));
  const reaper = createReaper(place.board, clock, log, () => (moves += 1));
  /** Time in which the reaper looks again and again, and these workers beat. */
  const pass = async (ms: number, ...beating: string[]) => {
    for (let left = ms; left > 0; left -= LOOK_MS) {
      time.monotonic += Math.min(left, LOOK_MS);
      for (const id of beating) await beatWorker(place.board, id);
      await reaper.look();
    }
  };
  const hold = async (jobId: string, workerId: string) => {
    await addJob(place.board, jobId, {}, time.now);
    return claimOne(place, workerId, time.now);
  };
  const isHeld = (jobId: string) => runOf(place, jobId).state === "running";
  return { ...place, reaper, time, pass, hold, isHeld, lines, moves: () => moves };
}

/** A process that has ended. */
async function ended() {
  const child = Bun.spawn(["true"]);
  const pidStarted = identityOf(child.pid);
  await child.exited;
  return { pid: child.pid, pidStarted };
}

describe("a worker that is there", () => {
  test("and beats keeps its jobs, and loses them a lease after its last beat", async () => {
    using place = house();
    await registerWorker(place.board, { id: "1-a", ...HERE }, 0);
    await place.hold("a", "1-a");
    await place.reaper.look();
    await place.pass(5 * LEASE_MS, "1-a");
    await place.pass(LEASE_MS);
    expect(place.isHeld("a")).toBe(true);
    expect(place.moves()).toBe(0);
    await place.pass(1);
    expect(runOf(place, "a")).toMatchObject({ state: "ready", workerId: null });
    expect(place.moves()).toBe(1);
    expect(place.lines.join()).toContain("jobs-reclaimed");
  });

  test.each([DAY_MS, -DAY_MS])("keeps its jobs when the clock jumps by %d ms", async (jump) => {
    using place = house();
    await registerWorker(place.board, { id: "1-a", ...HERE }, 0);
    await place.hold("a", "1-a");
    await place.pass(LOOK_MS, "1-a");
    place.time.now += jump;
    await place.pass(LEASE_MS - LOOK_MS);
    expect(place.isHeld("a")).toBe(true);
    expect(place.moves()).toBe(0);
  });

  test("keeps its jobs when the machine slept, and is judged anew from there", async () => {
    using place = house();
    await registerWorker(place.board, { id: "1-a", ...HERE }, 0);
    await place.hold("a", "1-a");
    await place.pass(LEASE_MS / 2);
    place.time.monotonic += 8 * 3_600_000;
    // The first look begins the new lease.
    await place.pass(LOOK_MS + LEASE_MS);
    expect(place.isHeld("a")).toBe(true);
    await place.pass(1);
    expect(place.isHeld("a")).toBe(false);
  });

  test("and had nothing to do for a while is not blamed for it, though others were busy", async () => {
    using place = house();
    await registerWorker(place.board, { id: "1-busy", ...HERE }, 0);
    await registerWorker(place.board, { id: "2-idle", ...HERE }, 0);
    await place.hold("long", "1-busy");
    const short = await place.hold("short", "2-idle");
    await place.pass(LOOK_MS, "1-busy");
    await settleJob(place.board, short, DONE, place.time.now);
    // Nobody asks about a worker that holds nothing, and it does not beat.
    await place.pass(2 * LEASE_MS, "1-busy");
    await place.hold("next", "2-idle");
    await place.pass(LOOK_MS + LEASE_MS, "1-busy");
    expect(place.isHeld("next")).toBe(true);
    await place.pass(1, "1-busy");
    expect(place.isHeld("next")).toBe(false);
    expect(place.isHeld("long")).toBe(true);
  });
});

describe("a worker that is gone", () => {
  test("loses its jobs at the first look", async () => {
    using place = house();
    await registerWorker(place.board, { id: "1-a", ...(await ended()) }, 0);
    await place.hold("a", "1-a");
    await place.reaper.look();
    expect(place.isHeld("a")).toBe(false);
  });

  test("loses its jobs at the first look though another process has its number now", async () => {
    using place = house();
    await registerWorker(place.board, { id: "1-a", pid: process.pid, pidStarted: `${HERE.pidStarted ?? ""}0` }, 0);
    await place.hold("a", "1-a");
    await place.reaper.look();
    expect(place.isHeld("a")).toBe(process.platform !== "linux");
  });

  test.each([
    ["cannot be seen from here", true],
    ["was never heard of", false],
  ])("and %s loses its jobs after a lease of silence", async (_name, isKnown) => {
    using place = house();
    if (isKnown) await registerWorker(place.board, { id: "1-a", ...ELSEWHERE }, 0);
    await place.hold("a", "1-a");
    await place.reaper.look();
    await place.pass(LEASE_MS);
    expect(place.isHeld("a")).toBe(true);
    await place.pass(1);
    expect(place.isHeld("a")).toBe(false);
  });
});

describe("a worker whose line was cut", () => {
  /** A clock that is never asked twice at the same moment. */
  const moving = () => {
    let at = 0;
    return { now: () => 1_000, monotonic: () => (at += 100) };
  };
  const suspecting = (place: ReturnType<typeof house>, moved: () => void) =>
    createReaper(
      place.board,
      moving(),
      createLog("core", "error", () => undefined),
      moved,
    );

  test("and whose process dies in that moment loses its jobs at once", async () => {
    using place = house();
    const child = Bun.spawn(["cat"], { stdin: "pipe" });
    await registerWorker(place.board, { id: "1-a", pid: child.pid, pidStarted: identityOf(child.pid) }, 0);
    await place.hold("a", "1-a");
    const moved = Promise.withResolvers<void>();
    const suspected = suspecting(place, moved.resolve).suspect("1-a");
    expect(place.isHeld("a")).toBe(true);
    child.kill("SIGKILL");
    await moved.promise;
    await suspected;
    expect(place.isHeld("a")).toBe(false);
  });

  test("but lives on keeps its jobs", async () => {
    using place = house();
    await registerWorker(place.board, { id: "1-a", ...HERE }, 0);
    await place.hold("a", "1-a");
    await suspecting(place, () => undefined).suspect("1-a");
    expect(place.isHeld("a")).toBe(true);
  });

  test("and that nobody knows is nobody", async () => {
    using place = house();
    await suspecting(place, () => undefined).suspect("1-nobody");
    expect(place.moves()).toBe(0);
  });
});

describe("the watch", () => {
  test("looks at once, survives a look that fails, and ends with its signal", async () => {
    using place = house();
    await registerWorker(place.board, { id: "1-a", ...(await ended()) }, 0);
    await place.hold("a", "1-a");
    await place.board.write((tx) =>
      tx.run("CREATE TRIGGER full BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'full'); END"),
    );
    const stop = new AbortController();
    const failed = Promise.withResolvers<void>();
    const log = createLog("core", "error", (line) => failed.resolve(expect(line).toContain("reaper-failed")));
    const clock = { now: () => 1_000, monotonic: () => 0 };
    const watching = createReaper(place.board, clock, log, () => undefined).watch(stop.signal);
    await failed.promise;
    stop.abort();
    await watching;
    expect(place.isHeld("a")).toBe(true);
  });

  test("ends what its deadline has passed, and tells of it", async () => {
    using place = house();
    await addJob(place.board, "a", { deadlineAt: place.time.now - 1 }, 1);
    await place.reaper.look();
    expect(runOf(place, "a").state).toBe("failed");
    expect(place.moves()).toBe(1);
    expect(place.lines.join()).toContain("jobs-expired");
  });
});
