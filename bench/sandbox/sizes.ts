// How much of everything is measured.

export type Sizes = {
  /** Sandboxes made one after the other, for each way. */
  readonly creates: number;
  readonly plots: number;
  /** Of ten sandboxes at once. */
  readonly bursts: number;
  readonly starts: number;
  /** Fork bombs. */
  readonly kills: number;
  /** Rooms that are weighed. */
  readonly weighed: number;
  readonly throughput: number;
  readonly idle: number;
  /** Of each kind of memory bomb. */
  readonly bombs: number;
  readonly cycles: number;
  /** Cycles in which a part of the room is killed. */
  readonly murders: number;
  /** Runs of each program that is no sandbox. */
  readonly peers: number;
  readonly requests: number;
  readonly megabytes: number;
};

export const FULL: Sizes = {
  creates: 200,
  plots: 100,
  bursts: 10,
  starts: 30,
  kills: 40,
  weighed: 30,
  throughput: 300,
  idle: 100,
  bombs: 8,
  cycles: 1_000,
  murders: 50,
  peers: 30,
  requests: 500,
  megabytes: 512,
};

export const QUICK: Sizes = {
  creates: 30,
  plots: 30,
  bursts: 3,
  starts: 6,
  kills: 12,
  weighed: 6,
  throughput: 90,
  idle: 100,
  bombs: 2,
  cycles: 300,
  murders: 20,
  peers: 6,
  requests: 200,
  megabytes: 128,
};
