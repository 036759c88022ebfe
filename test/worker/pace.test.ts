// How eagerly rows of strangers are looked for.
import { expect, test } from "bun:test";
import { openBoard } from "../../src/shared/db.ts";
import { paceOf, watchForStrangers } from "../../src/worker/pace.ts";
import { addJob, sqliteShell, temporaryBoard } from "../shared/temporary.ts";

test.each([
  [0, 10],
  [9_999, 10],
  [10_000, 25],
  [59_999, 25],
  [60_000, 500],
  [Number.POSITIVE_INFINITY, 500],
])("%d ms after a stranger's row it looks again after %d ms", (quietMs, paceMs) => {
  expect(paceOf(quietMs)).toBe(paceMs);
});

/** Calls, and the next of them. */
function bell() {
  let next = Promise.withResolvers<void>();
  let count = 0;
  const ring = () => {
    count += 1;
    next.resolve();
    next = Promise.withResolvers();
  };
  return { ring, next: () => next.promise, count: () => count };
}

const insert = (id: string) => `INSERT INTO jobs VALUES ('${id}', 'chat', 'pending', '{}', NULL, 1, 1)`;

test("a row of another program rings, and after it the next one rings as well", async () => {
  using place = temporaryBoard();
  const heard = bell();
  const clock = { now: () => 0, monotonic: () => performance.now() };
  const stop = watchForStrangers(place.board, clock, heard.ring);
  for (const id of ["a", "b"]) {
    const rung = heard.next();
    sqliteShell(place.file, insert(id));
    await rung;
  }
  expect(heard.count()).toBe(2);
  stop();
});

test("what we write ourselves does not ring, and after the stop nothing does", async () => {
  using place = temporaryBoard();
  const looks = bell();
  const heard = bell();
  const board = {
    ...place.board,
    dataVersion: () => {
      looks.ring();
      return place.board.dataVersion();
    },
  };
  const stop = watchForStrangers(board, { now: () => 0, monotonic: () => 0 }, heard.ring);
  await addJob(place.board, "ours");
  await looks.next();
  expect(heard.count()).toBe(0);
  const other = openBoard(place.file);
  const rung = heard.next();
  await addJob(other, "theirs");
  await rung;
  // It is heard once, however often it is looked for afterwards.
  for (let look = 0; look < 3; look += 1) await looks.next();
  stop();
  const seen = looks.count();
  // One that begins anew looks after half a second; by then the first would have looked again and again.
  const later = bell();
  const rungLater = later.next();
  const stopLater = watchForStrangers(place.board, { now: () => 0, monotonic: () => 0 }, later.ring);
  await addJob(other, "late");
  await rungLater;
  stopLater();
  other.close();
  expect([looks.count(), heard.count()]).toEqual([seen, 1]);
});
