// Sandboxes for jobs: a ledger row before each create, the real cost after, and nothing left over from a crash.
import { hostname } from "node:os";
import type { Claim } from "../shared/claims.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { nameSandbox, type Settlement } from "../shared/spend.ts";
import { createBudget, OverBudget, type Budget } from "./budget.ts";
import { DEFAULT_PRICE_MICRO_USD, openSandbox, type JobSandbox, type SandboxProvider } from "./e2b_client.ts";
import { createReap } from "./orphans.ts";
import type { Report } from "./report.ts";

export type OpenedSandbox = JobSandbox & {
  /** Ends the sandbox and writes down what it cost. */
  readonly close: () => Promise<void>;
};

export type Sandboxes = {
  readonly kind: "local" | "e2b";
  /** One for this attempt; its server ends it after `timeoutMs` if nobody else does. */
  readonly open: (
    claim: Claim,
    timeoutMs: number,
    signal: AbortSignal,
    report: Report | null,
  ) => Promise<OpenedSandbox>;
  /** Kills what dead workers and lost attempts left behind, at once and then every now and then until the signal aborts. */
  readonly reap: (signal: AbortSignal) => Promise<void>;
};

/** With less time than that nothing is worth beginning. */
const MIN_SANDBOX_MS = 10_000;
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

  async function open(
    claim: Claim,
    wantedMs: number,
    signal: AbortSignal,
    report: Report | null,
  ): Promise<OpenedSandbox> {
    const isFree = provider.kind === "local";
    const budget = createBudget(board, config, claim, clock, report);
    const timeoutMs = isFree ? wantedMs : affordable(wantedMs, budget);
    const timeoutSeconds = Math.ceil(timeoutMs / 1_000);
    const reserved = await budget.reserve({
      kind: "sandbox",
      provider: provider.kind,
      subject: null,
      microUsd: isFree ? 0 : Math.ceil(timeoutSeconds * DEFAULT_PRICE_MICRO_USD),
      timeoutSeconds,
    });
    const startedAt = clock.monotonic();
    /** One that could not be killed stays in the ledger, where it is found once its attempt has ended. */
    const settle = async (price: number, isGone: boolean): Promise<void> => {
      if (isGone) await reserved.settle(paid((clock.monotonic() - startedAt) / 1_000, price));
    };
    const sandbox = await openSandbox(provider, {
      timeoutMs: timeoutMs + (isFree ? GRACE_MS : 0),
      metadata: { ...owner, worker: workerId, job: claim.jobId, attempt: String(claim.attempt) },
      signal,
    }).catch(async (error: unknown) => {
      // A line that was cut, or a gateway's error: it may be there all the same, so it stays in the ledger to be looked for.
      if (toAppError(error).code !== "sandbox") await reserved.settle(NOTHING);
      throw error;
    });
    await nameSandbox(board, reserved.id, sandbox.id).catch(async (error: unknown) => {
      await sandbox.kill();
      throw error;
    });
    return opened(sandbox, settle);
  }

  function opened(sandbox: JobSandbox, settle: (price: number, isGone: boolean) => Promise<void>): OpenedSandbox {
    let price = provider.kind === "local" ? 0 : DEFAULT_PRICE_MICRO_USD;
    const known = sandbox.price().then(
      (value) => void (price = value),
      (error: unknown) => log.warn("sandbox-price-unknown", { error }),
    );
    let closing: Promise<void> | null = null;
    const close = () => (closing ??= Promise.all([sandbox.kill(), known]).then(([isGone]) => settle(price, isGone)));
    return { ...sandbox, close, [Symbol.asyncDispose]: close };
  }

  return { kind: provider.kind, open, reap: createReap(provider, owner, board, log, clock) };
}

/** What costs nothing saves what E2B would have taken. */
function paid(seconds: number, price: number): Settlement {
  const units = { seconds: Math.round(seconds * 1_000) / 1_000 };
  const saved = price === 0 ? { savedMicroUsd: Math.ceil(seconds * DEFAULT_PRICE_MICRO_USD) } : {};
  return { costMicroUsd: Math.ceil(seconds * price), ...saved, isEstimate: false, units };
}

const NOTHING = { costMicroUsd: 0, isEstimate: false, units: {} };

/** As long as the budget lasts, so that E2B ends it even if we are gone by then. Throws OverBudget where that is too short. */
function affordable(wantedMs: number, budget: Budget): number {
  const affordableMs = Math.floor(budget.remainingMicroUsd() / DEFAULT_PRICE_MICRO_USD) * 1_000;
  if (affordableMs < Math.min(wantedMs, MIN_SANDBOX_MS)) throw new OverBudget(budget.nearest());
  return Math.min(wantedMs, affordableMs);
}
