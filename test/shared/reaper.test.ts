// Who is taken for dead: by the process where it can be seen, else by a heartbeat that stands still on our own clock.
import { expect, test } from "bun:test";
import { identityOf } from "../../src/shared/alive.ts";
import { settleJob } from "../../src/shared/claims.ts";
import { createLog } from "../../src/shared/log.ts";
import { LEASE_MS, createReaper } from "../../src/shared/reaper.ts";
import { beatWorker, registerWorker } from "../../src/shared/workers.ts";
import { claimOne, DONE, runOf } from "./claiming.ts";
import { addJob, temporaryBoard } from "./temporary.ts";

/** A clock that moves only when it is told to. */
function heldClock() {
  const time = { now: 1_000_000, monotonic: 0 };
  return { time, now: () => time.now, monotonic: () => time.monotonic };
}

function house() {
  const place = temporaryBoard();
  const clock = heldClock();
  let moves = 0;
  const log = createLog("core", "error", () => undefined);
  const reaper = createReaper(place.board, clock, log, () => (moves += 1));
  /** Looks often enough not to have been away itself. */
  const passTime = async (ms: number) => {
    for (let left = ms; left > 0; left -= LEASE_MS / 3) {
      clock.time.monotonic += Math.min(left, LEASE_MS / 3);
      await reaper.look();
    }
  };
  return { ...place, reaper, clock, passTime, moves: () => moves };
}

test("a worker that is there and beats keeps its jobs, and loses them a lease after its last beat", async () => {
  using place = house();
  const worker = { id: "1-a", pid: process.pid, pidStarted: identityOf(process.pid) };
  await registerWorker(place.board, worker, 0);
  await addJob(place.board, "a");
  await claimOne(place);
  await place.reaper.look();
  await place.passTime(LEASE_MS);
  expect(runOf(place, "a").state).toBe("running");
  await beatWorker(place.board, "1-a");
  await place.passTime(LEASE_MS);
  expect(runOf(place, "a").state).toBe("running");
  await place.passTime(LEASE_MS / 2);
  expect(runOf(place, "a")).toMatchObject({ state: "ready", workerId: null });
  expect(place.moves()).toBe(1);
});

test("a worker that rested without a beat keeps the job that it has just taken, also while another one works", async () => {
  using place = house();
  for (const id of ["1-a", "2-busy"])
    await registerWorker(place.board, { id, pid: process.pid, pidStarted: identityOf(process.pid) }, 0);
  await addJob(place.board, "first");
  const first = await claimOne(place, "1-a");
  await addJob(place.board, "long");
  await claimOne(place, "2-busy");
  await place.reaper.look();
  await settleJob(place.board, first, DONE, 2_500);
  for (let seconds = 0; seconds < 60; seconds += 5) {
    await beatWorker(place.board, "2-busy");
    await place.passTime(5_000);
  }
  await addJob(place.board, "second");
  await claimOne(place, "1-a");
  await place.passTime(LEASE_MS);
  expect(runOf(place, "second").state).toBe("running");
  await place.passTime(LEASE_MS / 2);
  expect(runOf(place, "second").state).toBe("ready");
});
