// The hourly round: what nobody needs is forgotten, what is nobody's is swept away, and the reserve is there.
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import type { Reserve } from "../shared/disk.ts";
import type { Log } from "../shared/log.ts";
import { maintain } from "../shared/retention.ts";
import { pause } from "../shared/stop.ts";
import { sweepStorage } from "../shared/sweep.ts";

/** Not in the way of the start, but also done where Sandpiper never runs for an hour. */
const FIRST_ROUND_MS = 60_000;
const ROUND_MS = 3_600_000;

export type Estate = {
  readonly board: Board;
  readonly config: Pick<Config, "dataDir" | "storageDir" | "keepDays">;
  readonly reserve: Reserve;
  readonly clock: Clock;
  readonly log: Log;
  /** Followers have something to hear. */
  readonly onPruned: () => void;
};

/** A round soon after the start and then every hour, until the signal aborts. */
export async function takeCare(estate: Estate, signal: AbortSignal): Promise<void> {
  await pause(FIRST_ROUND_MS, signal);
  while (!signal.aborted) {
    try {
      await tidyUp(estate, signal);
    } catch (error) {
      estate.log.error("round-failed", { error });
    }
    await pause(ROUND_MS, signal);
  }
}

export async function tidyUp(estate: Estate, signal: AbortSignal): Promise<void> {
  const { board, config, clock, log } = estate;
  const forgotten = await maintain(board, config, clock.now(), signal);
  const { missing, ...swept } = await sweepStorage(board, config.storageDir, clock.now());
  const hasReserve = await estate.reserve.keep();
  log.info("round-done", { ...forgotten, ...swept, hasReserve });
  if (missing.length > 0) log.warn("files-missing", { count: missing.length });
  if (forgotten.jobs > 0) estate.onPruned();
}
