// The budget: no sandbox without its reservation, and no reservation that outlives what it was for.
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import type { Claim } from "../../src/shared/claims.ts";
import type { Clock } from "../../src/shared/clock.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { AppError } from "../../src/shared/errors.ts";
import { createLog } from "../../src/shared/log.ts";
import type { SandboxProvider } from "../../src/worker/e2b_client.ts";
import { createBudget } from "../../src/worker/budget.ts";
import { createSandboxes } from "../../src/worker/sandboxes.ts";
import { rejectionOf, temporaryBoard } from "../shared/temporary.ts";

const CLAIM: Claim = {
  jobId: "job",
  attempt: 1,
  maxAttempts: 3,
  workerId: "1-w",
  type: "code_exec",
  input: {},
  conversationId: null,
  startedAt: 0,
  deadlineAt: null,
};
const DAY_MS = 86_400_000;
/** 2 vCPU and 512 MiB at E2B's list price, a second. */
const PRICE = 30.25;

const Created = z.object({ timeout: z.number() });

/** E2B's control plane, as far as a ledger sees it: every request is refused with `status` or answered. */
function controlPlane(status: number) {
  const asked: string[] = [];
  const timeouts: number[] = [];
  const shortened: number[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      asked.push(`${request.method} ${pathname}`);
      const isTimeout = pathname.endsWith("/timeout");
      if (request.method === "POST")
        (isTimeout ? shortened : timeouts).push(Created.parse(await request.json()).timeout);
      if (status !== 200) return Response.json({ code: status, message: "no" }, { status });
      if (request.method === "DELETE" || isTimeout) return new Response(null, { status: 204 });
      return Response.json(
        {
          sandboxID: "box",
          templateID: "code",
          clientID: "c",
          envdVersion: "0.4.0",
          cpuCount: 4,
          memoryMB: 1_024,
          diskSizeMB: 1,
          state: "running",
          metadata: {},
          startedAt: "2026-11-22T00:00:00Z",
          endAt: "2026-11-22T01:00:00Z",
        },
        { status: request.method === "POST" ? 201 : 200 },
      );
    },
  });
  return {
    asked,
    timeouts,
    shortened,
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function ledger(kind: "local" | "e2b", url: string, dailyUsd = "1") {
  const place = temporaryBoard();
  const time = { now: 5 * DAY_MS + 1_000, monotonic: 0 };
  const clock: Clock = { now: () => time.now, monotonic: () => time.monotonic };
  const provider: SandboxProvider = {
    kind,
    apiKey: `e2b_${"0".repeat(40)}`,
    apiUrl: url,
    sandboxUrl: url,
    domain: null,
  };
  const config = loadConfig({ SANDPIPER_HOME: place.folder, SANDPIPER_DAY_USD: dailyUsd });
  const told = Promise.withResolvers<void>();
  const log = createLog("worker", "warn", (line) => void (line.includes("orphans-") && told.resolve()));
  const sandboxes = createSandboxes(provider, "1-w", config, place.board, log, clock);
  /** Until it has told what it found. */
  const reapOnce = async () => {
    const stop = new AbortController();
    const reaping = sandboxes.reap(stop.signal);
    await told.promise;
    stop.abort();
    await reaping;
  };
  const budget = createBudget(place.board, config, CLAIM, clock, null);
  const open = (timeoutMs: number, signal = new AbortController().signal) =>
    sandboxes.open(CLAIM, timeoutMs, signal, budget);
  const entries = () =>
    place.rows("SELECT provider, reserved_micro_usd, cost_micro_usd, saved_micro_usd, ended_at FROM spend");
  return { ...place, open, entries, time, reapOnce };
}

describe("a sandbox of E2B", () => {
  test("is reserved for its whole time, and then costs what it had", async () => {
    await using plane = controlPlane(200);
    using place = ledger("e2b", plane.url);
    const sandbox = await place.open(100_000);
    expect(place.entries()).toEqual([
      { provider: "e2b", reserved_micro_usd: 100 * PRICE, cost_micro_usd: null, saved_micro_usd: 0, ended_at: null },
    ]);
    place.time.monotonic += 10_000;
    // 4 vCPU and 1 GiB for ten seconds.
    await sandbox.close();
    await sandbox.close();
    expect(place.entries()).toMatchObject([{ cost_micro_usd: 605, ended_at: place.time.now }]);
    expect(plane.asked).toContain("DELETE /sandboxes/box");
  });

  test("beyond today's budget is refused before anybody is asked, and the refusal is not on the bill", async () => {
    await using plane = controlPlane(200);
    using place = ledger("e2b", plane.url, "0.0033");
    await using first = await place.open(100_000);
    expect(first.id).toBe("box");
    const asked = plane.asked.filter((one) => one.startsWith("POST")).length;
    const refusal = await rejectionOf(place.open(100_000));
    expect(refusal).toMatchObject({ code: "budget" });
    expect(String(refusal)).toContain("SANDPIPER_DAY_USD");
    expect(plane.asked.filter((one) => one.startsWith("POST")).length).toBe(asked);
    expect(place.entries().length).toBe(1);
    place.time.now += DAY_MS;
    await using tomorrow = await place.open(100_000);
    expect(tomorrow.id).toBe("box");
  });

  test("lives no longer than the budget lasts, so that E2B ends it even if we are gone", async () => {
    await using plane = controlPlane(200);
    using place = ledger("e2b", plane.url, "0.001");
    await using sandbox = await place.open(100_000);
    expect(sandbox.id).toBe("box");
    // 33 s at 30.25 a second are the most that 1,000 micro-dollars pay.
    expect(place.entries()).toMatchObject([{ reserved_micro_usd: Math.ceil(33 * PRICE) }]);
    expect(plane.timeouts).toEqual([33]);
  });

  test("that is larger than usual lives as long as what was reserved pays for, and the next is reserved at its price", async () => {
    await using plane = controlPlane(200);
    using place = ledger("e2b", plane.url);
    const first = await place.open(100_000);
    await first.close();
    // 4 vCPU and 1 GiB cost twice as much a second.
    expect([plane.timeouts, plane.shortened]).toEqual([[100], [50]]);
    const second = await place.open(100_000);
    await second.close();
    expect(place.entries()).toMatchObject([{ reserved_micro_usd: 100 * PRICE }, { reserved_micro_usd: 200 * PRICE }]);
    expect(plane.shortened).toEqual([50]);
  });

  test("costs nothing after its timeout, whenever this machine wakes up again", async () => {
    await using plane = controlPlane(200);
    using place = ledger("e2b", plane.url);
    await (await place.open(100_000)).close();
    const sandbox = await place.open(10_000);
    place.time.monotonic += 3_600_000;
    await sandbox.close();
    expect(place.entries().at(-1)).toMatchObject({ cost_micro_usd: 2 * 10 * PRICE });
  });

  test("that was being made when its job was stopped may be there, so it stays in the ledger", async () => {
    const stop = new AbortController();
    const isAsked = Promise.withResolvers<void>();
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        isAsked.resolve();
        return new Promise<Response>(() => undefined);
      },
    });
    await using _ = { [Symbol.asyncDispose]: () => server.stop(true) };
    using place = ledger("e2b", `http://127.0.0.1:${server.port}`);
    const refused = rejectionOf(place.open(100_000, stop.signal));
    await isAsked.promise;
    stop.abort(new AppError("cancelled", "You stopped this."));
    expect(await refused).toMatchObject({ code: "cancelled" });
    expect(place.entries()).toMatchObject([{ cost_micro_usd: null, ended_at: null }]);
  });

  test("with a budget of nothing is never opened", async () => {
    await using plane = controlPlane(200);
    using place = ledger("e2b", plane.url, "0");
    expect(await rejectionOf(place.open(1))).toMatchObject({ code: "budget" });
    expect(plane.asked).toEqual([]);
  });

  test("that could not be made costs nothing", async () => {
    await using plane = controlPlane(401);
    using place = ledger("e2b", plane.url);
    expect(await rejectionOf(place.open(100_000))).toMatchObject({ code: "config" });
    expect(place.entries()).toMatchObject([{ cost_micro_usd: 0, ended_at: place.time.now }]);
  });
});

test("a sandbox of this machine is in the ledger and costs nothing, whatever the budget", async () => {
  await using plane = controlPlane(200);
  using place = ledger("local", plane.url, "0");
  const sandbox = await place.open(100_000);
  place.time.monotonic += 10_000;
  await sandbox.close();
  const costs = { reserved_micro_usd: 0, cost_micro_usd: 0, saved_micro_usd: Math.ceil(10 * PRICE) };
  expect(place.entries()).toMatchObject([{ provider: "local", ...costs }]);
});

// Each round ends at the first one that cannot be killed, and the next begins with it again.
test("an orphan that cannot be killed does not keep the others alive", async () => {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      asked.push(`${request.method} ${pathname}`);
      return pathname.endsWith("stuck") ? new Response("no", { status: 500 }) : new Response(null, { status: 204 });
    },
  });
  await using _ = { [Symbol.asyncDispose]: () => server.stop(true) };
  using place = ledger("e2b", `http://127.0.0.1:${server.port}`);
  for (const [index, name] of ["stuck", "other"].entries())
    await place.board.write((tx) =>
      tx.run(
        `INSERT INTO spend (id, job_id, attempt, worker_id, kind, subject, provider, created_at, reserved_micro_usd)
         VALUES (?, 'job', 1, '1-gone', 'sandbox', ?, 'e2b', ?, 0)`,
        String(index),
        name,
        index,
      ),
    );
  await place.reapOnce();
  expect(asked).toContain("DELETE /sandboxes/stuck");
  expect(asked).toContain("DELETE /sandboxes/other");
  expect(place.rows("SELECT subject FROM spend WHERE ended_at IS NULL")).toEqual([{ subject: "stuck" }]);
});
