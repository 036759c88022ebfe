// How much of everything is measured.

export type Sizes = {
  readonly rounds: number;
  /** Jobs a round, one in flight and 64 in flight. */
  readonly enqueueOne: number;
  readonly enqueueMany: number;
  /** Jobs that one worker drains, for every engine. */
  readonly drainJobs: number;
  /** Pick-ups a round: ours, and of each peer. */
  readonly pickups: number;
  readonly peerPickups: number;
  readonly foreignPickups: number;
  /** Foreign rows after more than 70 s of quiet. */
  readonly quietPickups: number;
  readonly idleMs: number;
  readonly finishedJobs: number;
  readonly pendingJobs: number;
  readonly claims: number;
  readonly kills: number;
  /** How long events come at a steady pace. */
  readonly steadyMs: number;
  readonly floodEvents: number;
  readonly foreignWriterMs: number;
  readonly lagMs: number;
};

export const FULL: Sizes = {
  rounds: 3,
  enqueueOne: 10_000,
  enqueueMany: 60_000,
  drainJobs: 10_000,
  pickups: 120,
  peerPickups: 60,
  foreignPickups: 300,
  quietPickups: 3,
  idleMs: 60_000,
  finishedJobs: 1_000_000,
  pendingJobs: 10_000,
  claims: 4_000,
  kills: 60,
  steadyMs: 20_000,
  floodEvents: 200_000,
  foreignWriterMs: 20_000,
  lagMs: 20_000,
};

export const QUICK: Sizes = {
  rounds: 3,
  enqueueOne: 1_500,
  enqueueMany: 10_000,
  drainJobs: 3_000,
  pickups: 50,
  peerPickups: 15,
  foreignPickups: 100,
  quietPickups: 1,
  idleMs: 15_000,
  finishedJobs: 100_000,
  pendingJobs: 4_000,
  claims: 2_000,
  kills: 10,
  steadyMs: 5_000,
  floodEvents: 40_000,
  foreignWriterMs: 5_000,
  lagMs: 5_000,
};
