// How every benchmark ends: a table for people, then one JSON object on the last line.

export type Row = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
  readonly met: boolean;
  /** Figures of others in the same run; in words what could not be had. */
  readonly peers: Readonly<Record<string, number | string>>;
};

export type Peers = Row["peers"];

/** A row whose goal is an upper bound. */
export function atMost(name: string, value: number, unit: string, limit: number, peers: Peers = {}): Row {
  return { name, value: rounded(value), unit, goal: `≤ ${limit}`, met: value <= limit, peers: roundedAll(peers) };
}

/** A row whose goal is an upper bound that itself is too much. */
export function below(name: string, value: number, unit: string, limit: number, peers: Peers = {}): Row {
  return { name, value: rounded(value), unit, goal: `< ${limit}`, met: value < limit, peers: roundedAll(peers) };
}

/** A row whose goal is a lower bound. */
export function atLeast(name: string, value: number, unit: string, limit: number, peers: Peers = {}): Row {
  return { name, value: rounded(value), unit, goal: `≥ ${limit}`, met: value >= limit, peers: roundedAll(peers) };
}

/** Three digits that matter, or all before the point. */
const rounded = (value: number): number => (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

const roundedAll = (peers: Peers): Peers =>
  Object.fromEntries(
    Object.entries(peers).map(([name, value]) => [name, typeof value === "number" ? rounded(value) : value]),
  );

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]];
  return (low + high) / 2;
};

/** The smallest of the values that `percent` of them do not exceed; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

export function printResults(bench: string, results: readonly Row[]): void {
  for (const row of results)
    console.log(`${row.met ? "✓" : "✗"} ${row.name.padEnd(28)} ${row.value} ${row.unit} (goal ${row.goal})`);
  console.log(JSON.stringify({ bench, results }));
}
