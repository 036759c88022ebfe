// Nothing is left over at the provider: what the dead and the late had made is found, also when it comes late.
import { expect, test } from "bun:test";
import { identityOf } from "../../src/shared/alive.ts";
import { settleJob, type Claim } from "../../src/shared/claims.ts";
import { systemClock, type Clock } from "../../src/shared/clock.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { createLog } from "../../src/shared/log.ts";
import { reserveSpend } from "../../src/shared/spend.ts";
import { registerWorker } from "../../src/shared/workers.ts";
import { createBudget } from "../../src/worker/budget.ts";
import { createSandboxes } from "../../src/worker/sandboxes.ts";
import { until } from "../e2e/until.ts";
import { claimOne, DONE, loseWorkers } from "../shared/claiming.ts";
import { addJob, rejectionOf, temporaryBoard } from "../shared/temporary.ts";
import { openProvider, type Provider } from "./fake_provider.ts";

/** A worker's sandboxes at `provider`, on a board of its own. */
function worker(provider: Provider) {
  const place = temporaryBoard();
  const time = { monotonic: 0, lateMs: 0 };
  const config = loadConfig({ SANDPIPER_HOME: place.folder });
  const clock: Clock = { now: () => systemClock.now() + time.lateMs, monotonic: () => time.monotonic };
  const sandboxes = createSandboxes(
    { kind: "e2b", apiKey: provider.key, apiUrl: provider.url, sandboxUrl: provider.url, domain: null },
    "2-b",
    config,
    place.board,
    createLog("worker", "error", () => undefined),
    clock,
  );
  /** One look at everything. */
  const reapOnce = async (): Promise<void> => {
    const stop = new AbortController();
    const isOver = provider.nextList();
    const reaping = sandboxes.reap(stop.signal);
    await isOver;
    stop.abort();
    await reaping;
  };
  /** Without a list to wait for. */
  const reapUntil = async (isOver: () => boolean): Promise<void> => {
    const stop = new AbortController();
    const reaping = sandboxes.reap(stop.signal);
    await until(isOver, 4_000);
    stop.abort();
    await reaping;
  };
  /** A worker that is about to make a sandbox for this attempt and has it in its ledger. */
  const reserve = (jobId: string, attempt: number) =>
    reserveSpend(
      place.board,
      {
        id: `${jobId} ${attempt}`,
        jobId,
        attempt,
        workerId: "1-a",
        kind: "sandbox",
        provider: "e2b",
        subject: null,
        reservedMicroUsd: 1,
        timeoutSeconds: 60,
      },
      { job: 1_000_000, day: 1_000_000, month: 1_000_000 },
      systemClock.now(),
    );
  const budgetOf = (claim: Claim) => createBudget(place.board, config, claim, clock, null);
  const openRows = () => place.value("SELECT count(*) FROM spend WHERE ended_at IS NULL");
  return { ...place, sandboxes, time, reapOnce, reapUntil, reserve, budgetOf, openRows };
}

/** As if its worker had died before the answer came: the provider has it, and nobody knows its name. */
async function makeNameless(place: ReturnType<typeof worker>, claim: Claim): Promise<string> {
  const sandbox = await place.sandboxes.open(claim, 60_000, new AbortController().signal, place.budgetOf(claim));
  const { id } = sandbox;
  await place.board.write((tx) => {
    tx.run("DELETE FROM spend WHERE subject = ?", id);
    tx.run("UPDATE job_run SET cost_micro_usd = 0 WHERE job_id = ?", claim.jobId);
  });
  return id;
}

const idsAt = (provider: Provider) => provider.alive().map((one) => one.id);

test("a sandbox that was being made when its worker died is killed, although it appears after the first look", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  await addJob(place.board, "a");
  const claim = await claimOne(place);
  await place.reserve("a", 1);
  await loseWorkers(place);
  await place.reapOnce();
  const late = await makeNameless(place, claim);
  expect(idsAt(provider)).toEqual([late]);
  await place.reapOnce();
  expect(idsAt(provider)).toEqual([]);
  expect(place.openRows()).toBe(1);
  place.time.monotonic += 60_000;
  await place.reapOnce();
  expect(place.openRows()).toBe(0);
});

test("a sandbox of a lost attempt is killed although its worker lives, and that of the attempt that runs is not", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  const self = { id: "2-b", pid: process.pid, pidStarted: identityOf(process.pid) };
  await registerWorker(place.board, self, 0);
  await addJob(place.board, "a");
  const lost = await claimOne(place);
  await place.reserve("a", 1);
  await makeNameless(place, lost);
  await loseWorkers(place);
  const running = await claimOne(place, "2-b");
  const kept = await place.sandboxes.open(running, 60_000, new AbortController().signal, place.budgetOf(running));
  await place.reapOnce();
  expect(idsAt(provider)).toEqual([kept.id]);
  expect(place.value("SELECT ended_at FROM spend WHERE subject = ?", kept.id)).toBe(null);
});

test("a sandbox whose name cannot be written down is killed at once", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  await addJob(place.board, "a");
  const claim = await claimOne(place);
  await place.board.write((tx) =>
    tx.run("CREATE TRIGGER refuse BEFORE UPDATE OF subject ON spend BEGIN SELECT raise(ABORT, 'no'); END"),
  );
  await rejectionOf(place.sandboxes.open(claim, 60_000, new AbortController().signal, place.budgetOf(claim)));
  expect(provider.created()).toBe(1);
  expect(idsAt(provider)).toEqual([]);
});

test("a sandbox whose making was answered by a broken gateway is found and killed", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  await addJob(place.board, "a");
  const claim = await claimOne(place);
  provider.cutNext();
  const failure = await rejectionOf(
    place.sandboxes.open(claim, 60_000, new AbortController().signal, place.budgetOf(claim)),
  );
  expect(failure).toMatchObject({ code: "sandbox" });
  expect(idsAt(provider)).toHaveLength(1);
  await loseWorkers(place);
  await place.reapOnce();
  expect(idsAt(provider)).toEqual([]);
  place.time.monotonic += 60_000;
  await place.reapOnce();
  // It was there, for how long nobody saw: until now.
  const rows = place.rows("SELECT cost_micro_usd > 0 AS isPaid, is_estimate FROM spend WHERE ended_at IS NOT NULL");
  expect(rows).toEqual([{ isPaid: 1, is_estimate: 1 }]);
});

test("a reservation for which nothing ever appeared is given back in the end", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  await place.reserve("a", 1);
  await place.reapOnce();
  place.time.monotonic += 59_999;
  await place.reapOnce();
  expect(place.openRows()).toBe(1);
  place.time.monotonic += 1;
  await place.reapOnce();
  expect(place.rows("SELECT ended_at IS NULL AS open, cost_micro_usd FROM spend")).toEqual([
    { open: 0, cost_micro_usd: 0 },
  ]);
});

test("a reservation whose sandbox may have lived to its end before anybody looked counts in full", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  await place.reserve("a", 1);
  place.time.lateMs = 61_000;
  await place.reapOnce();
  place.time.monotonic += 60_000;
  await place.reapOnce();
  expect(place.rows("SELECT cost_micro_usd, is_estimate, units FROM spend")).toEqual([
    { cost_micro_usd: 1, is_estimate: 1, units: '{"leakedSeconds":60}' },
  ]);
});

test("a sandbox that stands in no ledger is found by its metadata, killed and put on the bill", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  // Nothing to do yet: the next look at everything is due in a minute.
  await place.reapOnce();
  await addJob(place.board, "a");
  const claim = await claimOne(place);
  const id = await makeNameless(place, claim);
  await settleJob(place.board, claim, DONE, 3_000);
  place.time.monotonic += 60_000;
  await place.reapOnce();
  expect(idsAt(provider)).toEqual([]);
  expect(place.rows("SELECT subject, job_id, attempt, is_estimate, cost_micro_usd > 0 AS paid FROM spend")).toEqual([
    { subject: id, job_id: "a", attempt: 1, is_estimate: 1, paid: 1 },
  ]);
  const cost = place.value("SELECT cost_micro_usd FROM spend");
  expect(place.value("SELECT cost_micro_usd FROM job_attempts WHERE job_id = 'a'")).toBe(cost);
});

test("a sandbox that could not be killed at its end stays in the ledger, and is killed later by its name", async () => {
  await using provider = openProvider();
  using place = worker(provider);
  await addJob(place.board, "a");
  const claim = await claimOne(place);
  const sandbox = await place.sandboxes.open(claim, 60_000, new AbortController().signal, place.budgetOf(claim));
  provider.refuseNextKill();
  await sandbox.close();
  expect(idsAt(provider)).toEqual([sandbox.id]);
  expect(place.openRows()).toBe(1);
  await settleJob(place.board, claim, DONE, 3_000);
  await place.reapUntil(() => provider.alive().length === 0 && place.openRows() === 0);
  expect(idsAt(provider)).toEqual([]);
});
