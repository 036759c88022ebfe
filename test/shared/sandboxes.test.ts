// The ledger: what sandboxes may cost is written down before they cost it.
import { expect, test } from "bun:test";
import { openBoard } from "../../src/shared/db.ts";
import { reserveSandbox, settleSandbox, type Reservation } from "../../src/shared/sandboxes.ts";
import { temporaryBoard, type TemporaryBoard } from "./temporary.ts";

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
