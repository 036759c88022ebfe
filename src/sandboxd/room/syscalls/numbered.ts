// How a table of system calls is written down: names in the order of their numbers.

export type Table = ReadonlyMap<string, number>;

/** Each key is the number of the first name of its text; the names after it count on. */
export function numbered(runs: Readonly<Record<number, string>>): Table {
  return new Map(
    Object.entries(runs).flatMap(([first, names]) =>
      words(names).map((name, index): [string, number] => [name, Number(first) + index]),
    ),
  );
}

export function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
