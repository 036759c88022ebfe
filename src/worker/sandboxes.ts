// Sandboxes for jobs: a ledger row before each create, the real cost after, and nothing left over from a crash.
import { hostname } from "node:os";
import type { Claim } from "../shared/claims.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { AppError, toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { nameSandbox, reserveSandbox, settleSandbox } from "../shared/sandboxes.ts";
import { DEFAULT_PRICE_MICRO_USD, openSandbox, type JobSandbox, type SandboxProvider } from "./e2b_client.ts";
import { createReap } from "./orphans.ts";

export type OpenedSandbox = JobSandbox & {
  /** Ends the sandbox and tells what it cost, in micro-dollars. */
  readonly close: () => Promise<number>;
};

export type Sandboxes = {
  readonly kind: "local" | "e2b";
  /** One for this attempt; its server ends it after `timeoutMs` if nobody else does. */
  readonly open: (claim: Claim, timeoutMs: number, signal: AbortSignal) => Promise<OpenedSandbox>;
  /** Kills what dead workers and lost attempts left behind, at once and then every now and then until the signal aborts. */
  readonly reap: (signal: AbortSignal) => Promise<void>;
};

const DAY_MS = 86_400_000;
/** The server's own timeout comes this much after ours, so that ours gets to say why. */
const GRACE_MS = 5_000;

export function createSandboxes(
  provider: SandboxProvider,
  workerId: string,
  config: Config,
  board: Board,
  log: Log,
  clock: Clock,
): Sandboxes {
  // Two installations may share a key, on two machines even the same folder; neither may kill the other's sandboxes.
  const owner = { app: "sandpiper", install: Bun.hash(`${hostname()}\n${config.home}`).toString(36) };

  async function open(claim: Claim, timeoutMs: number, signal: AbortSignal): Promise<OpenedSandbox> {
    const ledgerId = Bun.randomUUIDv7();
    const seconds = Math.ceil(timeoutMs / 1_000);
    const isFree = provider.kind === "local";
    const now = clock.now();
    const isAllowed = await reserveSandbox(
      board,
      {
        id: ledgerId,
        jobId: claim.jobId,
        attempt: claim.attempt,
        workerId,
        provider: provider.kind,
        reservedMicroUsd: isFree ? 0 : Math.ceil(seconds * DEFAULT_PRICE_MICRO_USD),
      },
      { dayStart: now - (now % DAY_MS), microUsd: isFree ? Number.MAX_SAFE_INTEGER : config.e2bDailyUsd * 1e6 },
      now,
    );
    if (!isAllowed) throw overBudget(config);
    const startedAt = clock.monotonic();
    /** One that could not be killed stays in the ledger, where it is found once its attempt has ended. */
    const settle = async (price: number, isGone: boolean) => {
      const cost = Math.ceil(((clock.monotonic() - startedAt) / 1_000) * price);
      if (isGone) await settleSandbox(board, ledgerId, cost, clock.now());
      return cost;
    };
    const sandbox = await openSandbox(provider, {
      timeoutMs: timeoutMs + (isFree ? GRACE_MS : 0),
      metadata: { ...owner, worker: workerId, job: claim.jobId, attempt: String(claim.attempt) },
      signal,
    }).catch(async (error: unknown) => {
      // A line that was cut, or a gateway's error: it may be there all the same, so it stays in the ledger to be looked for.
      if (toAppError(error).code !== "sandbox") await settle(0, true);
      throw error;
    });
    await nameSandbox(board, ledgerId, sandbox.id).catch(async (error: unknown) => {
      await sandbox.kill();
      throw error;
    });
    return opened(sandbox, settle);
  }

  function opened(sandbox: JobSandbox, settle: (price: number, isGone: boolean) => Promise<number>): OpenedSandbox {
    let price = provider.kind === "local" ? 0 : DEFAULT_PRICE_MICRO_USD;
    const known = sandbox.price().then(
      (value) => void (price = value),
      (error: unknown) => log.warn("sandbox-price-unknown", { error }),
    );
    let closing: Promise<number> | null = null;
    const close = () => (closing ??= Promise.all([sandbox.kill(), known]).then(([isGone]) => settle(price, isGone)));
    return { ...sandbox, close, [Symbol.asyncDispose]: async () => void (await close()) };
  }

  return { kind: provider.kind, open, reap: createReap(provider, owner, board, log, clock) };
}

const overBudget = (config: Config) =>
  new AppError(
    "budget",
    `Today's E2B budget of $${config.e2bDailyUsd} is used up, so no sandbox was started. Raise SANDPIPER_E2B_DAILY_USD, or wait for tomorrow (UTC).`,
  );
