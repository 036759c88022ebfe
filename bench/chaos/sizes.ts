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
  /** How long the provider takes for the sandboxes that are being made at the last kill. */
  readonly makingMs: number;
  /** The last start has this long to bring everything to its end. */
  readonly drainMs: number;
};

export const FULL: Sizes = {
  kills: 250,
  stops: 20,
  jobs: 4_000,
  leaseMs: 2_000,
  backlog: 150,
  makingMs: 15_000,
  drainMs: 60_000,
};
export const SMALL: Sizes = {
  kills: 14,
  stops: 2,
  jobs: 200,
  leaseMs: 1_000,
  backlog: 100,
  makingMs: 3_000,
  drainMs: 20_000,
};
