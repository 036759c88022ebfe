// The ledger over whole lives: random ones against a bill, workers that are killed, processes that spend at once, old boards.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { join } from "node:path";
import { claimJobs, retryJob, settleJob, type Claim } from "../../src/shared/claims.ts";
import { openBoard } from "../../src/shared/db.ts";
import { attemptsOf, readRun } from "../../src/shared/jobs.ts";
import { reclaimJobs } from "../../src/shared/recovery.ts";
import * as ledger from "../../src/shared/spend.ts";
import { DONE, loseWorkers, retry } from "./claiming.ts";
import { makeOldBoard, OLD_VERSIONS } from "./old_boards.ts";
import { addJob, temporaryBoard, temporaryFolder, type TemporaryBoard } from "./temporary.ts";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 4, 15, 12);
const WIDE: ledger.Limits = { job: 1e9, day: 1e9, month: 1e9 };

type Bill = { readonly jobId: string; readonly attempt: number; readonly at: number; cost: number };
type Open = { readonly id: string; readonly line: Bill; readonly isSandbox: boolean };

const number = (max: number) => fc.nat({ max });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("begin" as const), job: number(3) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("reserve" as const),
      job: number(3),
      cost: number(60),
      isSandbox: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const), which: number(9), percent: number(100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("end" as const), job: number(3), isRetried: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), job: number(3) }) },
  { weight: 2, arbitrary: fc.constant({ do: "reap" as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), hours: number(30) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const LIMITS = { job: 150, day: 200, month: 400 };
const TIMEOUT = 60;

/** One life: jobs 0 to 3, each in the hands of a worker of its own, and beside the ledger what is really to be paid. */
class Life {
  now = NOON;
  readonly bill: Bill[] = [];
  readonly #place: TemporaryBoard;
  readonly #claims = new Map<string, Claim>();
  readonly #attempts = new Map<string, number>();
  #open: Open[] = [];

  constructor(place: TemporaryBoard) {
    this.#place = place;
  }

  async take(one: Step): Promise<void> {
    const { board } = this.#place;
    if (one.do === "pass") this.now += one.hours * 3_600_000;
    else if (one.do === "begin") await this.#begin();
    else if (one.do === "reserve") await this.#reserve(`job-${one.job}`, one.cost, one.isSandbox);
    else if (one.do === "settle") await this.#settle(one.which, one.percent);
    else if (one.do === "reap") await this.#reap();
    else {
      const id = `job-${one.job}`;
      const claim = this.#claims.get(id);
      if (claim === undefined) return;
      this.#claims.delete(id);
      if (one.do === "kill") await reclaimJobs(board, (_tx, worker) => worker === claim.workerId, this.now);
      else if (one.isRetried) await retryJob(board, claim, retry(this.now, { isCounted: false }), this.now);
      else await settleJob(board, claim, DONE, this.now);
    }
  }

  async #begin(): Promise<void> {
    const worker = `1-${Bun.randomUUIDv7()}`;
    for (const claim of await claimJobs(this.#place.board, worker, () => 1, this.now)) {
      this.#claims.set(claim.jobId, claim);
      this.#attempts.set(claim.jobId, claim.attempt);
    }
  }

  /** Also by a worker that does not know yet that its attempt is over. */
  async #reserve(jobId: string, cost: number, isSandbox: boolean): Promise<void> {
    const attempt = this.#attempts.get(jobId);
    if (attempt === undefined) return;
    const id = Bun.randomUUIDv7();
    const row = { id, jobId, attempt, workerId: "1-a", provider: isSandbox ? "e2b" : "openai", subject: "x" } as const;
    const more = isSandbox ? ({ kind: "sandbox", timeoutSeconds: TIMEOUT } as const) : ({ kind: "model" } as const);
    const wanted = { ...row, ...more, reservedMicroUsd: cost };
    const { refused } = await ledger.reserveSpend(this.#place.board, wanted, LIMITS, this.now);
    if (refused !== null) return;
    const line = { jobId, attempt, at: this.now, cost };
    this.bill.push(line);
    this.#open.push({ id, line, isSandbox });
  }

  /** Twice: the second time is one too many. */
  async #settle(which: number, percent: number): Promise<void> {
    const one = this.#open[which % Math.max(1, this.#open.length)];
    if (one === undefined) return;
    one.line.cost = Math.floor((one.line.cost * percent) / 100);
    const end = { costMicroUsd: one.line.cost, isEstimate: false, units: {} };
    await ledger.settleSpend(this.#place.board, one.id, end, this.now);
    await ledger.settleSpend(this.#place.board, one.id, { ...end, costMicroUsd: 1_000 }, this.now);
    this.#open = this.#open.filter((other) => other !== one);
  }

  /** Models whose worker is gone cost all that was reserved, sandboxes what their time cost until now. */
  async #reap(): Promise<void> {
    const { board } = this.#place;
    await ledger.settleAbandonedCalls(board, this.now);
    const orphans = board.read((tx) => ledger.orphanSandboxes(tx, "e2b"));
    for (const { id, createdAt } of orphans) {
      const one = this.#open.find((other) => other.id === id);
      if (one === undefined) throw new Error(`${id} is not open.`);
      const seconds = (this.now - createdAt) / 1_000;
      const share = seconds < 1 ? 1 : Math.min(1, seconds / TIMEOUT);
      one.line.cost = Math.ceil(one.line.cost * share);
      await ledger.closeLeaked(board, id, this.now);
    }
    const open = new Set(this.#place.rows("SELECT id FROM spend WHERE ended_at IS NULL").map((row) => row["id"]));
    this.#open = this.#open.filter(({ id }) => open.has(id));
  }

  /** Killed, lost and reaped: nothing is open any more. */
  async endAll(): Promise<void> {
    await loseWorkers(this.#place, this.now);
    await this.#reap();
    expect(this.#open).toEqual([]);
  }

  check(): void {
    const { board } = this.#place;
    const sum = (is: (one: Bill) => boolean) => this.bill.filter(is).reduce((total, { cost }) => total + cost, 0);
    expect(board.read((tx) => ledger.spentSince(tx, 0))).toBe(sum(() => true));
    for (const id of ["job-0", "job-1", "job-2", "job-3"]) {
      expect(board.read((tx) => readRun(tx, id))?.costMicroUsd).toBe(sum(({ jobId }) => jobId === id));
      for (const { attempt, costMicroUsd } of board.read((tx) => attemptsOf(tx, id)))
        expect(costMicroUsd).toBe(sum((one) => one.jobId === id && one.attempt === attempt));
    }
    for (const { jobId, at } of this.bill) {
      expect(sum((one) => one.jobId === jobId)).toBeLessThanOrEqual(LIMITS.job);
      for (const scope of ["day", "month"] as const) {
        const start = ledger.startOf(scope, at);
        expect(sum((one) => ledger.startOf(scope, one.at) === start)).toBeLessThanOrEqual(LIMITS[scope]);
      }
    }
  }
}

test("over a thousand random lives with kills, the ledger is the bill, jobs cost what it says, and no limit is passed", async () => {
  let reserved = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      using place = temporaryBoard();
      for (const index of [0, 1, 2, 3]) await addJob(place.board, `job-${index}`);
      const life = new Life(place);
      for (const one of [{ do: "begin" } as const, ...steps]) {
        await life.take(one.do === "begin" ? { do: "begin", job: 0 } : one);
        life.check();
      }
      await life.endAll();
      life.check();
      reserved += life.bill.length;
    }),
    { numRuns: 1_000 },
  );
  expect(reserved).toBeGreaterThan(1_000);
}, 240_000);

const SPENDER = Bun.fileURLToPath(import.meta.resolve("./spender.ts"));
const start = (...args: string[]) =>
  Bun.spawn([process.execPath, SPENDER, ...args], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value).trim();
}

describe("processes that share one board", () => {
  test("never pass the day's limit together, with eight jobs at once", async () => {
    using place = temporaryBoard();
    const limit = 1_000;
    const spenders = [0, 1, 2, 3].map((index) => start("spend", place.file, String(index), String(limit)));
    for (const one of spenders) expect(await firstLine(one.stdout)).toBe("ready");
    // All of them begin now.
    for (const one of spenders) await one.stdin.end();
    expect(await Promise.all(spenders.map((one) => one.exited))).toEqual([0, 0, 0, 0]);
    const peak = place.value("SELECT sum(coalesce(cost_micro_usd, reserved_micro_usd)) FROM spend");
    expect(Number(peak)).toBeLessThanOrEqual(limit);
    // Whoever was refused was so because there was no room for another thirty.
    expect(Number(peak)).toBeGreaterThan(limit - 30);
    expect(place.value("SELECT count(DISTINCT job_id) FROM spend")).toBe(8);
  });

  test("lose nothing of what one had reserved that is killed before it settles", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const spender = start("hold", place.file);
    expect(await firstLine(spender.stdout)).toBe("reserved");
    spender.kill("SIGKILL");
    await spender.exited;
    const spent = () => place.board.read((tx) => ledger.spentSince(tx, 0));
    expect(spent()).toBe(700);
    await loseWorkers(place, NOON);
    expect(place.rows("SELECT cost_micro_usd FROM job_attempts")).toEqual([{ cost_micro_usd: 700 }]);
    expect(await ledger.settleAbandonedCalls(place.board, NOON)).toBe(1);
    expect(place.rows("SELECT kind, cost_micro_usd, is_estimate FROM spend ORDER BY kind")).toEqual([
      { kind: "model", cost_micro_usd: 100, is_estimate: 1 },
      { kind: "sandbox", cost_micro_usd: null, is_estimate: 0 },
    ]);
    const [orphan] = place.board.read((tx) => ledger.orphanSandboxes(tx, "e2b"));
    await ledger.closeLeaked(place.board, orphan?.id ?? "", (orphan?.createdAt ?? 0) + 30_000);
    expect([spent(), place.value("SELECT cost_micro_usd FROM job_run WHERE job_id = 'a'")]).toEqual([400, 400]);
  });
});

describe.each(OLD_VERSIONS)("a board of version $version with sandboxes", (old) => {
  test("brings their costs along, counts them, and lets jobs cost what they say", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "data/jobs.db");
    makeOldBoard(file, old, 1);
    const before = new Database(file, { readwrite: true, create: false });
    const rows = [
      ["paid", "talk-0-0", "e2b", NOON, NOON + 1, 500, 90],
      ["unsettled", "talk-0-0", "e2b", NOON, NOON + 1, 500, null],
      ["nobody's", null, "e2b", NOON, NOON + 1, 500, 7],
      ["free", "talk-0-0", "local", NOON, NOON + 1, 0, 0],
    ];
    for (const row of rows)
      before.run(
        `INSERT INTO sandboxes (id, job_id, provider, created_at, ended_at, reserved_micro_usd, cost_micro_usd)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        row,
      );
    before.close(true);
    const board = openBoard(file);
    try {
      expect(board.read((tx) => ledger.spentSince(tx, NOON))).toBe(597);
      expect(board.read((tx) => ledger.spentByJob(tx, "talk-0-0"))).toBe(590);
      expect(board.read((tx) => readRun(tx, "talk-0-0"))?.costMicroUsd).toBe(590);
      expect(board.read((tx) => tx.get("SELECT 1 FROM sqlite_master WHERE name = 'sandboxes'"))).toBeNull();
      expect(board.read((tx) => tx.all("SELECT DISTINCT kind FROM spend"))).toEqual([{ kind: "sandbox" }]);
      const call = { id: "new", jobId: "j", attempt: 1, workerId: "1-a", kind: "model", provider: "openai" } as const;
      const wanted = { ...call, subject: "m", reservedMicroUsd: 4 };
      const reserve = (limits: Partial<ledger.Limits>) =>
        ledger.reserveSpend(board, wanted, { ...WIDE, ...limits }, NOON + DAY_MS / 4);
      expect((await reserve({ day: 600 })).refused).toEqual({ scope: "day", spentMicroUsd: 597, limitMicroUsd: 600 });
      expect((await reserve({ day: 601 })).refused).toBeNull();
    } finally {
      board.close();
    }
  });
});
