// What one job may still spend. Everything that costs something is reserved here first.
import type { Claim } from "../shared/claims.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import { reserveSpend, settleSpend, standingsOf, type Scope, type Settlement, type Standing } from "../shared/spend.ts";
import type { Report } from "./report.ts";

export type Item = {
  readonly kind: "model" | "sandbox";
  readonly provider: string;
  readonly subject: string | null;
  readonly microUsd: number;
  readonly timeoutSeconds?: number;
};

export type Reserve = {
  /** Of its row in the ledger. */
  readonly id: string;
  readonly settle: (end: Settlement) => Promise<void>;
};

export type Budget = {
  /** Throws OverBudget, and then nothing is reserved. */
  readonly reserve: (item: Item) => Promise<Reserve>;
  /** Until the nearest limit. */
  readonly remainingMicroUsd: () => number;
  /** Of the limit that is nearest: for whoever has to say why something cannot be had. */
  readonly nearest: () => Standing;
};

/** A limit would be passed. Its words are for people. */
export class OverBudget extends AppError {
  readonly scope: Scope;
  readonly limitMicroUsd: number;

  constructor({ scope, spentMicroUsd, limitMicroUsd }: Standing) {
    const budget = `${WHOSE[scope]} budget`;
    const why =
      limitMicroUsd === 0
        ? `${budget} is $0.00, so nothing that costs money was begun.`
        : `${budget} of ${dollars(limitMicroUsd)} has no room for this (${dollars(spentMicroUsd)} spent or set aside), so nothing more was begun.`;
    super("budget", `${why} ${SETTINGS[scope]} in .env raises it.`);
    this.scope = scope;
    this.limitMicroUsd = limitMicroUsd;
  }
}

const WHOSE = { job: "This request's", day: "Today's", month: "This month's" } as const;
const SETTINGS = { job: "SANDPIPER_JOB_USD", day: "SANDPIPER_DAY_USD", month: "SANDPIPER_MONTH_USD" } as const;

const dollars = (microUsd: number): string => `$${(microUsd / 1e6).toFixed(microUsd % 10_000 === 0 ? 2 : 4)}`;

const left = ({ spentMicroUsd, limitMicroUsd }: Standing): number => Math.max(0, limitMicroUsd - spentMicroUsd);

export function createBudget(
  board: Board,
  config: Pick<Config, "budget">,
  claim: Claim,
  clock: Clock,
  report: Pick<Report, "emit"> | null,
): Budget {
  const limits = config.budget;
  const standings = () => board.read((tx) => standingsOf(tx, claim.jobId, limits, clock.now()));
  const nearest = (): Standing => standings().reduce((one, other) => (left(other) < left(one) ? other : one));
  return {
    reserve: async (item) => {
      const id = Bun.randomUUIDv7();
      const { jobId, attempt, workerId } = claim;
      const { microUsd, ...rest } = item;
      const wanted = { id, jobId, attempt, workerId, reservedMicroUsd: microUsd, ...rest };
      const { refused, warned } = await reserveSpend(board, wanted, limits, clock.now());
      if (refused !== null) throw new OverBudget(refused);
      for (const { scope, spentMicroUsd, limitMicroUsd } of warned)
        report?.emit({ kind: "budget-warned", scope, spentUsd: spentMicroUsd / 1e6, limitUsd: limitMicroUsd / 1e6 });
      return { id, settle: (end) => settleSpend(board, id, end, clock.now()) };
    },
    remainingMicroUsd: () => left(nearest()),
    nearest,
  };
}
