// How every benchmark ends: a table for people, then one JSON object on the last line.

export type Row = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
  readonly met: boolean;
  readonly peers: Readonly<Record<string, number>>;
};

/** A row whose goal is an upper bound. */
export function atMost(name: string, value: number, unit: string, limit: number): Row {
  return { name, value: Math.round(value * 100) / 100, unit, goal: `≤ ${limit}`, met: value <= limit, peers: {} };
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]];
  return (low + high) / 2;
};

export function printResults(bench: string, results: readonly Row[]): void {
  for (const row of results)
    console.log(`${row.met ? "✓" : "✗"} ${row.name.padEnd(28)} ${row.value} ${row.unit} (goal ${row.goal})`);
  console.log(JSON.stringify({ bench, results }));
}
