// No job is begun while the disk is nearly full: it could not be brought to its end.
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import { diskLowSentence, isDiskLow } from "../shared/disk.ts";
import type { Log } from "../shared/log.ts";

const LOOK_MS = 1_000;

/** Whether a job may be begun; looks at the disk once a second at most, and says so in the log when it changes. */
export function createFloor(
  config: Pick<Config, "dataDir" | "storageDir" | "minFreeBytes">,
  clock: Clock,
  log: Log,
): () => boolean {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let isLow = false;
  return () => {
    const now = clock.monotonic();
    if (now - lookedAt < LOOK_MS) return !isLow;
    lookedAt = now;
    const was = isLow;
    isLow = isDiskLow(config);
    if (isLow && !was) log.warn("disk-low", { message: diskLowSentence(config) });
    if (was && !isLow) log.info("disk-has-room");
    return !isLow;
  };
}
