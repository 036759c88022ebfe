// Sandboxes for jobs: a ledger row before each create, the real cost after, and nothing left over from a crash.
import { hostname } from "node:os";
import type { Claim } from "../shared/claims.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { nameSandbox, type Settlement } from "../shared/spend.ts";
import { OverBudget, type Budget, type Reserve } from "./budget.ts";
import { DEFAULT_PRICE_MICRO_USD, openSandbox, type JobSandbox, type SandboxProvider } from "./e2b_client.ts";
import { createReap } from "./orphans.ts";

export type OpenedSandbox = JobSandbox & {
  /** Ends the sandbox and writes down what it cost. */
  readonly close: () => Promise<void>;
};

export type Sandboxes = {
  readonly kind: "local" | "e2b";
  /** One for this attempt; its server ends it after `timeoutMs` if nobody else does. */
  readonly open: (claim: Claim, timeoutMs: number, signal: AbortSignal, budget: Budget) => Promise<OpenedSandbox>;
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

  /** Micro-dollars a second: E2B's usual machine, until one of ours says what it really has. */
  let price = provider.kind === "local" ? 0 : DEFAULT_PRICE_MICRO_USD;

  async function open(claim: Claim, wantedMs: number, signal: AbortSignal, budget: Budget): Promise<OpenedSandbox> {
    const timeoutMs = price === 0 ? wantedMs : affordable(wantedMs, budget, price);
    const timeoutSeconds = Math.ceil(timeoutMs / 1_000);
    const microUsd = Math.ceil(timeoutSeconds * price);
    const reserved = await budget.reserve({
      kind: "sandbox",
      provider: provider.kind,
      subject: null,
      microUsd,
      timeoutSeconds,
    });
    const startedAt = clock.monotonic();
    const sandbox = await openSandbox(provider, {
      timeoutMs: timeoutMs + (price === 0 ? GRACE_MS : 0),
      metadata: { ...owner, worker: workerId, job: claim.jobId, attempt: String(claim.attempt) },
      signal,
    }).catch(async (error: unknown) => {
      // A line that was cut, a gateway's error, a job that was stopped meanwhile: it may be there all the same, so it stays in
      // the ledger to be looked for.
      if (!signal.aborted && UNMADE.has(toAppError(error).code)) await reserved.settle(NOTHING);
      throw error;
    });
    await nameSandbox(board, reserved.id, sandbox.id).catch(async (error: unknown) => {
      await sandbox.kill();
      throw error;
    });
    const held = { ...reserved, microUsd, timeoutSeconds, startedAt };
    return opened(sandbox, held, askPrice(sandbox, held), clock);
  }

  /** Of this one, and from now on of those that follow; null: nobody said. */
  async function askPrice(sandbox: JobSandbox, { microUsd, timeoutSeconds, startedAt }: Held): Promise<number | null> {
    try {
      const real = await sandbox.price();
      price = real;
      // What was reserved pays for less time of a larger machine.
      const leftMs = Math.floor((microUsd / real) * 1_000 - (clock.monotonic() - startedAt));
      if (real * timeoutSeconds > microUsd) await sandbox.endIn(Math.max(1_000, leftMs));
      return real;
    } catch (error) {
      log.warn("sandbox-price-unknown", { error });
      return null;
    }
  }

  return { kind: provider.kind, open, reap: createReap(provider, owner, board, log, clock) };
}

/** `known`: micro-dollars a second, null where nobody said. */
function opened(sandbox: JobSandbox, reserved: Held, known: Promise<number | null>, clock: Clock): OpenedSandbox {
  /** One that could not be killed stays in the ledger, where it is found once its attempt has ended. */
  const settle = async ([isGone, real]: readonly [boolean, number | null]): Promise<void> => {
    // Its server has ended it by then, also where this machine slept in between.
    const seconds = Math.min((clock.monotonic() - reserved.startedAt) / 1_000, reserved.timeoutSeconds);
    const price = real ?? reserved.microUsd / reserved.timeoutSeconds;
    if (isGone) await reserved.settle(paid(seconds, price, real !== null));
  };
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= Promise.all([sandbox.kill(), known]).then(settle));
  return { ...sandbox, close, [Symbol.asyncDispose]: close };
}

type Held = Reserve & { readonly microUsd: number; readonly timeoutSeconds: number; readonly startedAt: number };

/** Answers after which nothing was made. */
const UNMADE: ReadonlySet<string> = new Set(["config", "unavailable"]);

/** What costs nothing saves what E2B would have taken. */
function paid(seconds: number, price: number, isCertain: boolean): Settlement {
  const units = { seconds: Math.round(seconds * 1_000) / 1_000 };
  const saved = price === 0 ? { savedMicroUsd: Math.ceil(seconds * DEFAULT_PRICE_MICRO_USD) } : {};
  return { costMicroUsd: Math.ceil(seconds * price), ...saved, isEstimate: !isCertain, units };
}

const NOTHING = { costMicroUsd: 0, isEstimate: false, units: {} };

/** As long as the budget lasts, so that E2B ends it even if we are gone by then. Throws OverBudget where that is too short. */
function affordable(wantedMs: number, budget: Budget, price: number): number {
  const affordableMs = Math.floor(budget.remainingMicroUsd() / price) * 1_000;
  if (affordableMs < Math.min(wantedMs, MIN_SANDBOX_MS)) throw new OverBudget(budget.nearest());
  return Math.min(wantedMs, affordableMs);
}
