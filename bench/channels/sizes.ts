// How much of everything is measured.

export type ChaosSizes = {
  readonly messages: number;
  /** Of core, and of the worker. */
  readonly kills: number;
  /** Jobs that ran in a worker at the moment of its kill, all kills together; with fewer the run proves nothing. */
  readonly runningWhenKilled: number;
  /** The last start has this long to bring everything to its end. */
  readonly drainMs: number;
};

export type Sizes = {
  readonly webhooks: number;
  /** Messages one at a time, on each channel. */
  readonly latency: number;
  readonly starts: number;
  /** How long a core is left alone before it is weighed. */
  readonly settleMs: number;
  readonly chaos: ChaosSizes;
};

export const FULL: Sizes = {
  webhooks: 2_000,
  latency: 200,
  starts: 3,
  settleMs: 20_000,
  chaos: { messages: 400, kills: 14, runningWhenKilled: 30, drainMs: 180_000 },
};

export const QUICK: Sizes = {
  webhooks: 2_000,
  latency: 60,
  starts: 3,
  settleMs: 6_000,
  chaos: { messages: 60, kills: 4, runningWhenKilled: 6, drainMs: 90_000 },
};

/** For a test: whether it holds at all. */
export const SMALL: ChaosSizes = { messages: 24, kills: 2, runningWhenKilled: 1, drainMs: 60_000 };
