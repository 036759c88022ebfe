// How much of an attempt is done: only ever more, told twice a second at most, and never of one that is over in a moment.
import type { Clock } from "../shared/clock.ts";

export type Progress = {
  /** 0 to 1; what is not more than before is passed over. */
  readonly reach: (fraction: number) => void;
  /** What is to be told now, if anything. What is not due yet waits for the next `reach`. */
  readonly take: () => number | null;
};

const TELL_MS = 500;

/** `onDue`: there is something to take. */
export function createProgress(clock: Clock, onDue: () => void): Progress {
  let reached = 0;
  let told = 0;
  let dueAt = clock.monotonic() + TELL_MS;
  let timer: ReturnType<typeof setTimeout> | null = null;

  const reach = (fraction: number): void => {
    const percent = Math.round(Math.min(fraction, 1) * 100) / 100;
    if (!(percent > reached)) return;
    reached = percent;
    timer ??= setTimeout(wake, Math.max(0, dueAt - clock.monotonic()));
  };

  const wake = (): void => {
    // Timers may be a moment early.
    dueAt = Math.min(dueAt, clock.monotonic());
    onDue();
  };

  const take = (): number | null => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (reached === told || clock.monotonic() < dueAt) return null;
    told = reached;
    dueAt = clock.monotonic() + TELL_MS;
    return told;
  };

  return { reach, take };
}
