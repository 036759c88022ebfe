// The ledger: what may be spent is written down before it is, and no limit is passed, whoever spends.
import { describe, expect, test } from "bun:test";
import { decideApproval, requestApproval } from "../../src/shared/approvals.ts";
import { settleJob } from "../../src/shared/claims.ts";
import { openBoard } from "../../src/shared/db.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import * as ledger from "../../src/shared/spend.ts";
import { claimOne, DONE, loseWorkers } from "./claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 4, 15, 12);
const WIDE: ledger.Limits = { job: 1_000_000, day: 1_000_000, month: 1_000_000 };

const reservation = (id: string, reservedMicroUsd: number): ledger.Reservation => ({
  id,
  jobId: "job",
  attempt: 1,
  workerId: "1-a",
  kind: "model",
  provider: "openai",
  subject: "gpt-5-mini",
  reservedMicroUsd,
});
const settled = (costMicroUsd: number): ledger.Settlement => ({ costMicroUsd, isEstimate: false, units: {} });

/** Whether it was written. */
async function reserve(
  place: TemporaryBoard,
  wanted: ledger.Reservation,
  limits: Partial<ledger.Limits> = {},
  now = NOON,
): Promise<boolean> {
  return (await ledger.reserveSpend(place.board, wanted, { ...WIDE, ...limits }, now)).refused === null;
}

describe("a reservation", () => {
  for (const scope of ledger.SCOPES)
    test(`is made up to the limit of a ${scope} and not beyond it, and says which limit that was`, async () => {
      using place = temporaryBoard();
      const limits = { [scope]: 100 };
      expect(await reserve(place, reservation("a", 60), limits)).toBe(true);
      const { refused } = await ledger.reserveSpend(place.board, reservation("b", 41), { ...WIDE, ...limits }, NOON);
      expect(refused).toEqual({ scope, spentMicroUsd: 60, limitMicroUsd: 100 });
      expect(await reserve(place, reservation("c", 40), limits)).toBe(true);
      expect(await reserve(place, reservation("d", 1), limits)).toBe(false);
      expect(place.rows("SELECT id FROM spend ORDER BY id")).toEqual([{ id: "a" }, { id: "c" }]);
    });

  test("of what costs nothing is never refused", async () => {
    using place = temporaryBoard();
    expect(await reserve(place, reservation("a", 0), { job: 0, day: 0, month: 0 })).toBe(true);
  });

  test("of another job, day or month counts only where it belongs", async () => {
    using place = temporaryBoard();
    await reserve(place, { ...reservation("other", 90), jobId: "other" });
    expect(await reserve(place, reservation("a", 90), { job: 100 })).toBe(true);
    expect(await reserve(place, reservation("b", 1), { day: 180 })).toBe(false);
    expect(await reserve(place, reservation("c", 100), { job: 300, day: 100 }, NOON + DAY_MS)).toBe(true);
    expect(await reserve(place, reservation("d", 1), { month: 280 }, NOON + 2 * DAY_MS)).toBe(false);
    expect(await reserve(place, reservation("e", 1), { month: 280 }, NOON + 20 * DAY_MS)).toBe(true);
  });

  test("that nobody settled keeps counting", async () => {
    using place = temporaryBoard();
    await reserve(place, reservation("crashed", 100), { day: 100 });
    expect(await reserve(place, reservation("b", 1), { day: 100 })).toBe(false);
  });

  test("warns once when four fifths are used", async () => {
    using place = temporaryBoard();
    const warned = async (id: string, cost: number) =>
      (await ledger.reserveSpend(place.board, reservation(id, cost), { ...WIDE, day: 100 }, NOON)).warned;
    expect(await warned("a", 79)).toEqual([]);
    expect(await warned("b", 1)).toEqual([{ scope: "day", spentMicroUsd: 80, limitMicroUsd: 100 }]);
    expect(await warned("c", 5)).toEqual([]);
    // Below the line again, and above it: nothing that anybody has to be told twice.
    await ledger.settleSpend(place.board, "a", settled(0), NOON);
    expect(await warned("d", 75)).toEqual([]);
    const next = { ...reservation("next", 90), jobId: "other" };
    const tomorrow = await ledger.reserveSpend(place.board, next, { ...WIDE, day: 100 }, NOON + DAY_MS);
    expect(tomorrow.warned).toEqual([{ scope: "day", spentMicroUsd: 90, limitMicroUsd: 100 }]);
  });

  test("warns of each limit that comes near, and of a job's for each job", async () => {
    using place = temporaryBoard();
    const limits = { job: 10, day: 20, month: 1_000 };
    const scopes = async (id: string, jobId: string) =>
      (await ledger.reserveSpend(place.board, { ...reservation(id, 8), jobId }, limits, NOON)).warned.map(
        ({ scope }) => scope,
      );
    expect(await scopes("a", "one")).toEqual(["job"]);
    expect(await scopes("b", "two")).toEqual(["job", "day"]);
  });

  test("of eight workers at once never passes the limit", async () => {
    using place = temporaryBoard();
    const others = Array.from({ length: 7 }, () => openBoard(place.file));
    const boards = [place.board, ...others];
    const results = await Promise.all(
      Array.from({ length: 80 }, (_, index) =>
        ledger.reserveSpend(
          boards[index % boards.length] ?? place.board,
          { ...reservation(`s${index}`, 30), jobId: `job-${index % 8}` },
          { ...WIDE, day: 1_000 },
          NOON,
        ),
      ),
    );
    for (const other of others) other.close();
    expect(results.filter(({ refused }) => refused === null).length).toBe(33);
  });
});

test("the real figure takes the reservation's place, once", async () => {
  using place = temporaryBoard();
  await reserve(place, reservation("a", 100), { day: 100 });
  await ledger.settleSpend(place.board, "a", { ...settled(10), savedMicroUsd: 3, units: { inputTokens: 7 } }, NOON + 1);
  await ledger.settleSpend(place.board, "a", settled(99), NOON + 2);
  expect(place.rows("SELECT cost_micro_usd, saved_micro_usd, is_estimate, units, ended_at FROM spend")).toEqual([
    { cost_micro_usd: 10, saved_micro_usd: 3, is_estimate: 0, units: '{"inputTokens":7}', ended_at: NOON + 1 },
  ]);
  expect(await reserve(place, reservation("b", 90), { day: 100 })).toBe(true);
  expect(place.board.read((tx) => ledger.savedSince(tx, 0))).toBe(3);
});

describe("what a job and its attempts cost", () => {
  const figures = (place: TemporaryBoard) => [
    place.value("SELECT cost_micro_usd FROM job_run WHERE job_id = 'a'"),
    ...place.rows("SELECT cost_micro_usd FROM job_attempts ORDER BY attempt").map((row) => row["cost_micro_usd"]),
  ];
  const call = (id: string, attempt: number) => ({ ...reservation(id, 100), jobId: "a", attempt });

  test("is what the ledger says, also of what is settled when the attempt is over", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await reserve(place, call("killed", 1));
    await loseWorkers(place);
    expect(figures(place)).toEqual([100, 100]);
    const second = await claimOne(place);
    await reserve(place, call("late", 2));
    await settleJob(place.board, second, DONE, NOON);
    expect(place.board.read((tx) => eventsAfter(tx, 0, 99)).at(-1)).toMatchObject({ costUsd: 0.0002 });
    await ledger.settleSpend(place.board, "killed", settled(7), NOON);
    await ledger.settleSpend(place.board, "late", settled(30), NOON);
    expect(figures(place)).toEqual([37, 7, 30]);
  });

  test("counts what a worker spends that does not know yet that it has lost its claim", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await loseWorkers(place);
    await reserve(place, call("late", 1));
    expect(figures(place)).toEqual([100, 100]);
  });

  test("is the same when another program ends the job", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await reserve(place, call("one", 1));
    await place.board.write((tx) => tx.run("UPDATE jobs SET status = 'completed' WHERE id = 'a'"));
    expect(figures(place)).toEqual([100, 100]);
  });
});

describe("a person's yes to spend more", () => {
  async function approved(place: TemporaryBoard, scope: ledger.Scope, microUsd: number): Promise<string> {
    const asker = { jobId: "job", conversationId: null, attempt: 1 };
    const wish = { kind: "spend", title: "More?", subject: { scope, microUsd } };
    const { id, sha256 } = await requestApproval(place.board, asker, wish, NOON);
    const decided = await decideApproval(place.board, id, sha256, "approved", NOON);
    return decided.outcome === "decided" ? (decided.jobId ?? "") : "";
  }

  test("raises the day's limit on that day only", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "job");
    await reserve(place, reservation("a", 100), { day: 100 });
    await approved(place, "day", 50);
    expect(await reserve(place, reservation("b", 51), { day: 100 })).toBe(false);
    expect(await reserve(place, reservation("c", 50), { day: 100 })).toBe(true);
    expect(await reserve(place, reservation("d", 101), { day: 100 }, NOON + DAY_MS)).toBe(false);
  });

  test("for one job raises that of the job that goes on with it and of no other", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "job");
    const next = await approved(place, "job", 50);
    expect(await reserve(place, reservation("a", 101), { job: 100 })).toBe(false);
    expect(await reserve(place, { ...reservation("b", 150), jobId: next }, { job: 100 })).toBe(true);
    expect(await reserve(place, { ...reservation("c", 1), jobId: next }, { job: 100 })).toBe(false);
  });

  test("that was asked for and not given raises nothing", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "job");
    const asker = { jobId: "job", conversationId: null, attempt: 1 };
    await requestApproval(
      place.board,
      asker,
      { kind: "spend", title: "?", subject: { scope: "day", microUsd: 50 } },
      NOON,
    );
    expect(await reserve(place, reservation("a", 101), { day: 100 })).toBe(false);
  });
});

describe("what a dead worker left open", () => {
  test("is an orphan until somebody has ended it, and costs its time until then, as an estimate", async () => {
    using place = temporaryBoard();
    const orphans = () => place.board.read((tx) => ledger.orphanSandboxes(tx, "e2b"));
    const make = (id: string, jobId: string, attempt: number) =>
      reserve(place, {
        ...reservation(id, 600),
        kind: "sandbox",
        provider: "e2b",
        subject: null,
        timeoutSeconds: 60,
        jobId,
        attempt,
      });
    await addJob(place.board, "a");
    await claimOne(place);
    await make("first", "a", 1);
    await ledger.nameSandbox(place.board, "first", "box");
    await make("deleted", "gone", 1);
    expect(orphans()).toMatchObject([{ id: "deleted", sandboxId: null }]);
    expect(place.board.read((tx) => ledger.isAttemptRunning(tx, "a", 1))).toBe(true);
    await loseWorkers(place);
    expect(place.value("SELECT cost_micro_usd FROM job_run WHERE job_id = 'a'")).toBe(600);
    await claimOne(place);
    await make("second", "a", 2);
    const kept = { attempt: 1, createdAt: NOON, timeoutSeconds: 60 };
    expect(orphans().toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: "deleted", jobId: "gone", sandboxId: null, ...kept },
      { id: "first", jobId: "a", sandboxId: "box", ...kept },
    ]);
    await ledger.closeLeaked(place.board, "first", NOON + 12_000);
    await ledger.closeLeaked(place.board, "deleted", NOON + 90_000);
    await ledger.closeLeaked(place.board, "deleted", NOON + 900_000);
    expect(orphans()).toEqual([]);
    expect(
      place.rows("SELECT id, cost_micro_usd, is_estimate FROM spend WHERE ended_at IS NOT NULL ORDER BY id"),
    ).toEqual([
      { id: "deleted", cost_micro_usd: 600, is_estimate: 1 },
      { id: "first", cost_micro_usd: 120, is_estimate: 1 },
    ]);
    // The job's own figure follows; its second attempt has 600 set aside.
    expect(place.value("SELECT cost_micro_usd FROM job_run WHERE job_id = 'a'")).toBe(720);
  });

  test("at a model costs what was reserved, as nobody knows better", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await reserve(place, { ...reservation("call", 40), jobId: "a" });
    expect(await ledger.settleAbandonedCalls(place.board, NOON)).toBe(0);
    await loseWorkers(place);
    expect(await ledger.settleAbandonedCalls(place.board, NOON)).toBe(1);
    expect(place.rows("SELECT cost_micro_usd, is_estimate FROM spend")).toEqual([
      { cost_micro_usd: 40, is_estimate: 1 },
    ]);
    expect(place.value("SELECT cost_micro_usd FROM job_run WHERE job_id = 'a'")).toBe(40);
  });
});
