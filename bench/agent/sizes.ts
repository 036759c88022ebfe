// How much of everything is measured. Scenarios and attacks are always all of them.

export type Sizes = {
  /** Requests of eight jobs at once against one day's limit. */
  readonly spends: number;
  /** Random runs against the ledger, and kills among them. */
  readonly runs: number;
  readonly kills: number;
  /** Sandboxes whose Sandpiper is killed. */
  readonly abandoned: number;
  /** Jobs whose steps are timed, and answers whose first word is. */
  readonly timed: number;
  readonly tokens: number;
  readonly conversations: number;
  readonly turns: number;
};

export const FULL: Sizes = {
  spends: 200,
  runs: 1_000,
  kills: 20,
  abandoned: 5,
  timed: 40,
  tokens: 200,
  conversations: 60,
  turns: 500,
};

export const QUICK: Sizes = {
  spends: 60,
  runs: 200,
  kills: 5,
  abandoned: 2,
  timed: 30,
  tokens: 60,
  conversations: 50,
  turns: 120,
};
