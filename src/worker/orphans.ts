// Sandboxes that nobody wants any more: their worker died, or their attempt was lost. None is left to run and to cost.
import type { Clock } from "../shared/clock.ts";
import type { Board } from "../shared/db.ts";
import { toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import {
  closeLeaked,
  isAttemptRunning,
  orphanSandboxes,
  settleAbandonedCalls,
  settleSpend,
  type Orphan,
} from "../shared/spend.ts";
import { pause } from "../shared/stop.ts";
import { killOrphans, killSandbox, type Metadata, type SandboxProvider } from "./e2b_client.ts";

const NOTHING = { costMicroUsd: 0, isEstimate: false, units: {} };

const REAP_MS = 10_000;
/** One that was being made when its worker died may appear this much later: the SDK waits so long for an answer. */
const MAKING_MS = 60_000;

/** Kills orphans at once and then every now and then until the signal aborts. `owner` is in the metadata of all of ours. */
export function createReap(
  provider: SandboxProvider,
  owner: Metadata,
  board: Board,
  log: Log,
  clock: Clock,
): (signal: AbortSignal) => Promise<void> {
  /** Since when ledger rows without a name have been looked for, on our own clock. */
  const lookedFor = new Map<string, { readonly since: number; readonly wasFound: boolean }>();

  /** By name where the name was written down, else by what the server says of whose they are. */
  const reapOnce = async (signal: AbortSignal): Promise<number> => {
    await settleAbandonedCalls(board, clock.now());
    const orphans = board.read((tx) => orphanSandboxes(tx, provider.kind));
    let killed = 0;
    for (const { id, sandboxId } of orphans) {
      if (sandboxId === null) continue;
      if (!(await kill(sandboxId, signal))) continue;
      await closeLeaked(board, id, clock.now());
      killed += 1;
    }
    const nameless = orphans.filter(({ sandboxId }) => sandboxId === null);
    return killed + (nameless.length === 0 ? 0 : await reapNameless(nameless, signal));
  };

  /** One that cannot be killed now is tried again in the next round, and does not keep the others alive. */
  const kill = async (sandboxId: string, signal: AbortSignal): Promise<boolean> => {
    try {
      await killSandbox(provider, sandboxId, signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      log.warn("orphan-not-killed", { sandbox: sandboxId, error: toAppError(error) });
      return false;
    }
  };

  /** These stay in the ledger until nothing can appear any more. */
  const reapNameless = async (orphans: readonly Orphan[], signal: AbortSignal): Promise<number> => {
    const now = clock.monotonic();
    const killed = await killOrphans(provider, owner, isWanted, signal);
    for (const { id, jobId, attempt } of orphans) {
      const known = lookedFor.get(id) ?? { since: now, wasFound: false };
      const isFound = killed.some((one) => one["job"] === jobId && one["attempt"] === String(attempt));
      const wasFound = known.wasFound || isFound;
      lookedFor.set(id, { ...known, wasFound });
      if (now - known.since < MAKING_MS) continue;
      await (wasFound ? closeLeaked(board, id, clock.now()) : settleSpend(board, id, NOTHING, clock.now()));
      lookedFor.delete(id);
    }
    return killed.length;
  };

  const isWanted = ({ job = "", attempt }: Metadata): boolean =>
    board.read((tx) => isAttemptRunning(tx, job, Number(attempt)));

  return async (signal) => {
    while (!signal.aborted) {
      try {
        const count = await reapOnce(signal);
        if (count > 0) log.warn("orphans-killed", { count });
      } catch (error) {
        if (!signal.aborted) log.warn("orphans-unknown", { error: toAppError(error) });
      }
      await pause(REAP_MS, signal);
    }
  };
}
