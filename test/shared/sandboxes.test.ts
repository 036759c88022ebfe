// The ledger: what sandboxes may cost is written down before they cost it.
import { expect, test } from "bun:test";
import { openBoard } from "../../src/shared/db.ts";
import {
  closeSandbox,
  isAttemptRunning,
  nameSandbox,
  orphanSandboxes,
  reserveSandbox,
  settleSandbox,
  type Reservation,
} from "../../src/shared/sandboxes.ts";
import { claimOne, loseWorkers } from "./claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const reservation = (id: string, reservedMicroUsd: number): Reservation => ({
  id,
  jobId: "job",
  attempt: 1,
  workerId: "1-a",
  provider: "e2b",
  reservedMicroUsd,
});
const reserve = (place: TemporaryBoard, id: string, cost: number, now = 1_000, dayStart = 0) =>
  reserveSandbox(place.board, reservation(id, cost), { dayStart, microUsd: 100 }, now);

test("a reservation is made up to the limit and not beyond it", async () => {
  using place = temporaryBoard();
  expect(await reserve(place, "a", 60)).toBe(true);
  expect(await reserve(place, "b", 41)).toBe(false);
  expect(await reserve(place, "c", 40)).toBe(true);
  expect(await reserve(place, "d", 1)).toBe(false);
  expect(place.rows("SELECT id FROM sandboxes ORDER BY id")).toEqual([{ id: "a" }, { id: "c" }]);
});

test("the real figure takes the reservation's place, once", async () => {
  using place = temporaryBoard();
  await reserve(place, "a", 100);
  await settleSandbox(place.board, "a", 10, 2_000);
  await settleSandbox(place.board, "a", 99, 3_000);
  expect(place.rows("SELECT cost_micro_usd, ended_at FROM sandboxes")).toEqual([
    { cost_micro_usd: 10, ended_at: 2_000 },
  ]);
  expect(await reserve(place, "b", 90)).toBe(true);
});

test("a sandbox that nobody settled keeps counting as reserved", async () => {
  using place = temporaryBoard();
  await reserve(place, "crashed", 100);
  expect(await reserve(place, "b", 1)).toBe(false);
});

test("yesterday's and other providers' sandboxes do not count", async () => {
  using place = temporaryBoard();
  await reserve(place, "yesterday", 100, 999);
  await reserveSandbox(
    place.board,
    { ...reservation("here", 0), provider: "local" },
    { dayStart: 0, microUsd: Number.MAX_SAFE_INTEGER },
    1_000,
  );
  expect(await reserve(place, "today", 100, 1_000, 1_000)).toBe(true);
});

test("two workers at once do not spend the same money", async () => {
  using place = temporaryBoard();
  const other = openBoard(place.file);
  const limit = { dayStart: 0, microUsd: 100 };
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      reserveSandbox(index % 2 === 0 ? place.board : other, reservation(`s${index}`, 30), limit, 1_000),
    ),
  );
  other.close();
  expect(results.filter(Boolean).length).toBe(3);
});

test("an orphan is one whose attempt does not run any more, until somebody has ended it", async () => {
  using place = temporaryBoard();
  const orphans = () => place.board.read((tx) => orphanSandboxes(tx, "e2b"));
  const make = (id: string, jobId: string, attempt: number) =>
    reserveSandbox(
      place.board,
      { ...reservation(id, 1), jobId, attempt },
      { dayStart: 0, microUsd: Number.MAX_SAFE_INTEGER },
      1_000,
    );
  await addJob(place.board, "a");
  await claimOne(place);
  await make("first", "a", 1);
  await nameSandbox(place.board, "first", "box");
  await make("deleted", "gone", 1);
  expect(orphans()).toMatchObject([{ id: "deleted", sandboxId: null }]);
  expect(place.board.read((tx) => isAttemptRunning(tx, "a", 1))).toBe(true);
  await loseWorkers(place);
  await claimOne(place);
  await make("second", "a", 2);
  expect(orphans().toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
    { id: "deleted", jobId: "gone", attempt: 1, sandboxId: null },
    { id: "first", jobId: "a", attempt: 1, sandboxId: "box" },
  ]);
  expect(place.board.read((tx) => isAttemptRunning(tx, "a", 1))).toBe(false);
  await closeSandbox(place.board, "first", 2_000);
  await closeSandbox(place.board, "deleted", 2_000);
  await closeSandbox(place.board, "deleted", 9_000);
  expect(orphans()).toEqual([]);
  // Nobody knows what the killed one cost, so the reservation stands.
  expect(place.rows("SELECT ended_at, cost_micro_usd FROM sandboxes WHERE id = 'deleted'")).toEqual([
    { ended_at: 2_000, cost_micro_usd: null },
  ]);
  expect(place.board.read((tx) => orphanSandboxes(tx, "local"))).toEqual([]);
});
