// Sandboxes that nobody wants any more: their worker died, or their attempt was lost. None is left to run and to cost.
import type { Clock } from "../shared/clock.ts";
import type { Board } from "../shared/db.ts";
import { toAppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import {
  closeLeaked,
  isAttemptRunning,
  orphanSandboxes,
  recordLeaked,
  settleAbandonedCalls,
  settleSpend,
  type Orphan,
} from "../shared/spend.ts";
import { pause } from "../shared/stop.ts";
import { killOrphans, killSandbox, type Found, type Metadata, type SandboxProvider } from "./e2b_client.ts";

const NOTHING = { costMicroUsd: 0, isEstimate: false, units: {} };

const REAP_MS = 10_000;
/** All that carry our name are looked at so often, also those that are in no ledger (one that was restored, say). */
const SWEEP_MS = 60_000;
/** One that was being made when its worker died may appear this much later: the SDK waits so long for an answer. */
const MAKING_MS = 60_000;

/** `goneAt`: when it was killed; null as long as nothing was found. */
type Search = { readonly since: number; readonly goneAt: number | null };

/** Kills orphans at once and then every now and then until the signal aborts. `owner` is in the metadata of all of ours. */
export function createReap(
  provider: SandboxProvider,
  owner: Metadata,
  board: Board,
  log: Log,
  clock: Clock,
): (signal: AbortSignal) => Promise<void> {
  /** Ledger rows without a name, by their id; `since` on our own clock. */
  const searches = new Map<string, Search>();
  let sweptAt = Number.NEGATIVE_INFINITY;

  /** By name where the name was written down, else by what the server says of whose they are. */
  const reapOnce = async (signal: AbortSignal): Promise<number> => {
    await settleAbandonedCalls(board, clock.now());
    const orphans = board.read((tx) => orphanSandboxes(tx, provider.kind));
    let killed = 0;
    for (const { id, sandboxId } of orphans) {
      if (sandboxId === null || !(await kill(sandboxId, signal))) continue;
      await closeLeaked(board, id, clock.now());
      killed += 1;
    }
    const nameless = orphans.filter(({ sandboxId }) => sandboxId === null);
    if (nameless.length === 0 && clock.monotonic() - sweptAt < SWEEP_MS) return killed;
    sweptAt = clock.monotonic();
    const found = await sweep(nameless, signal);
    for (const orphan of nameless) await search(orphan, found);
    return killed + found.length;
  };

  /** One that cannot be killed now is tried again in the next round, and does not keep the others alive. */
  const kill = async (sandboxId: string, signal: AbortSignal): Promise<boolean> => {
    try {
      await killSandbox(provider, sandboxId, signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      onStuck(sandboxId, error);
      return false;
    }
  };

  const onStuck = (sandboxId: string, error: unknown): void =>
    log.warn("orphan-not-killed", { sandbox: sandboxId, error: toAppError(error) });

  /** Kills all of ours that no running attempt has; what no row of the ledger stands for gets one. */
  const sweep = async (nameless: readonly Orphan[], signal: AbortSignal): Promise<Found[]> => {
    const killed = await killOrphans(provider, owner, isWanted, onStuck, signal);
    for (const one of killed)
      if (provider.kind === "e2b" && !nameless.some((orphan) => isOf(orphan, one)))
        await recordLeaked(board, leakOf(one), clock.now());
    return killed;
  };

  /** Stays in the ledger until nothing can appear any more. */
  const search = async (orphan: Orphan, found: readonly Found[]): Promise<void> => {
    const { id } = orphan;
    const now = clock.monotonic();
    const known = searches.get(id) ?? { since: now, goneAt: endedUnseen(orphan, clock.now()) };
    const goneAt = known.goneAt ?? (found.some((one) => isOf(orphan, one)) ? clock.now() : null);
    searches.set(id, { ...known, goneAt });
    if (now - known.since < MAKING_MS) return;
    await (goneAt === null ? settleSpend(board, id, NOTHING, clock.now()) : closeLeaked(board, id, goneAt));
    searches.delete(id);
  };

  const isWanted = ({ job = "", attempt }: Metadata): boolean =>
    board.read((tx) => isAttemptRunning(tx, job, Number(attempt)));

  return repeat(reapOnce, log);
}

const repeat =
  (reapOnce: (signal: AbortSignal) => Promise<number>, log: Log) =>
  async (signal: AbortSignal): Promise<void> => {
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

/** It may have lived to its end before anybody looked, so it counts as if it had. */
function endedUnseen({ createdAt, timeoutSeconds }: Orphan, now: number): number | null {
  const endAt = createdAt + (timeoutSeconds ?? 0) * 1_000;
  return endAt < now ? endAt : null;
}

const isOf = ({ jobId, attempt }: Orphan, { metadata }: Found): boolean =>
  metadata["job"] === jobId && metadata["attempt"] === String(attempt);

function leakOf({ sandboxId, metadata, startedAt, price }: Found): Parameters<typeof recordLeaked>[1] {
  const attempt = Number(metadata["attempt"]);
  return {
    jobId: metadata["job"] ?? "",
    attempt: Number.isSafeInteger(attempt) ? attempt : null,
    workerId: metadata["worker"] ?? null,
    sandboxId,
    startedAt,
    price,
  };
}
