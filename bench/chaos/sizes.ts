// How much a run does. Full is the proof; small is what every change must pass.

export type Sizes = {
  readonly kills: number;
  /** Stops that last longer than the lease. */
  readonly stops: number;
  /** Jobs that somebody was told are safe. */
  readonly jobs: number;
  readonly leaseMs: number;
  /** Jobs that wait while there is killing. */
  readonly backlog: number;
  /** The last start has this long to bring everything to its end. */
  readonly drainMs: number;
};

export const FULL: Sizes = { kills: 250, stops: 20, jobs: 4_000, leaseMs: 2_000, backlog: 150, drainMs: 60_000 };
export const SMALL: Sizes = { kills: 14, stops: 2, jobs: 200, leaseMs: 1_000, backlog: 100, drainMs: 20_000 };
