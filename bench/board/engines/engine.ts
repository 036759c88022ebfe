// What all queues of the comparison look like from outside, and the one payload they carry.

export type Queue = {
  /** One job; on the disk when it resolves. */
  readonly add: () => unknown;
  /** As many as the engine's own way of adding in bulk takes at a time. */
  readonly addMany: (count: number) => unknown;
  readonly close: () => unknown;
};

export const JOB_TYPE = "code_exec";

/** About 180 bytes as JSON. */
export const INPUT = {
  prompt: "Graph this CSV file: monthly sales by region, as lines, newest month on the right",
  code: "import pandas as pd; pd.read_csv('sales.csv').plot()",
  files: ["sales.csv"],
};

/** Runs `add` so many times, never more than `inFlight` at once; how long each took (ms). */
export async function addAll(add: Queue["add"], count: number, inFlight: number): Promise<number[]> {
  const waits: number[] = [];
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedAt = performance.now();
      await add();
      waits.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return waits;
}
