// Tables made by chance from a seed, and what their charts must show, computed here and nowhere else.
import { z } from "zod";

export type Cell = string | number;
export type Table = { readonly columns: readonly string[]; readonly rows: readonly (readonly Cell[])[] };
export type Chance = { readonly next: () => number; readonly pick: <T>(values: readonly T[]) => T };

/** SANDPIPER_TEST_SEED repeats a run. */
export function newSeed(): number {
  return Number(process.env["SANDPIPER_TEST_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** Mulberry32: small, and good enough to make tables. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const pick = <T>(values: readonly T[]): T => {
    const value = values[Math.floor(next() * values.length)];
    if (value === undefined) throw new Error("Nothing to pick from.");
    return value;
  };
  return { next, pick };
}

export const DELIMITERS = [",", ";", "\t", "|"] as const;

// Quantities that add up, so that "the value of a group" is their sum.
const MEASURES = ["Umsatz größe", "items sold", "販売数", "visitors, all doors", "Продажи; всего", "naïve “quota”"];
const GROUPS = ["région", "Shop name", "部門", "kind of | thing", "Straße"];
const DAYS = ["day", "sold on", "Datum", "Tag der Messung"];
const NAMES = [
  "Zürich",
  "Łódź",
  "東京",
  "São Paulo",
  "O'Hare",
  "Back\\slash",
  "North, far",
  "Tab; bar",
  "näher",
  "x|y",
];

/** Three to eight named groups, several rows each, with amounts of two decimals. */
export function groupedTable(chance: Chance): Table {
  const columns = [chance.pick(GROUPS), chance.pick(MEASURES)];
  const names = NAMES.toSorted(() => chance.next() - 0.5).slice(0, 3 + Math.floor(chance.next() * 6));
  const rows = Array.from({ length: 60 + Math.floor(chance.next() * 200) }, (_, at) => [
    // Each group at least once.
    names[at] ?? chance.pick(names),
    amount(chance),
  ]);
  return { columns, rows };
}

/** One amount a day, the days in no order. */
export function datedTable(chance: Chance): Table {
  const first = Date.UTC(1990 + Math.floor(chance.next() * 35), Math.floor(chance.next() * 12), 1);
  const count = 20 + Math.floor(chance.next() * 100);
  const rows = Array.from({ length: count }, (_, at) => [
    new Date(first + at * 86_400_000).toISOString().slice(0, 10),
    amount(chance),
  ]);
  return { columns: [chance.pick(DAYS), chance.pick(MEASURES)], rows: rows.toSorted(() => chance.next() - 0.5) };
}

/** Two columns of numbers. */
export function pairedTable(chance: Chance): Table {
  const [first = "", second = ""] = MEASURES.toSorted(() => chance.next() - 0.5);
  const rows = Array.from({ length: 30 + Math.floor(chance.next() * 100) }, () => [amount(chance), amount(chance)]);
  return { columns: [first, second], rows };
}

const amount = (chance: Chance): number => Math.round(chance.next() * 100_000) / 100;

export function toText(table: Table, delimiter: string): string {
  const quote = (cell: Cell): string => {
    const text = String(cell);
    return /["\n\r]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [table.columns, ...table.rows].map((row) => `${row.map(quote).join(delimiter)}\n`).join("");
}

/** The sum of the second column for each value of the first, the largest first. */
export function sumsOf(table: Table): [string, number][] {
  const sums = new Map<string, number>();
  for (const [name, value] of table.rows) sums.set(String(name), (sums.get(String(name)) ?? 0) + Number(value));
  return [...sums].toSorted((a, b) => b[1] - a[1]);
}

/** Number for number up to what is lost in adding in another order. */
export function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-7 * Math.max(1, Math.abs(a), Math.abs(b));
}

const Value = z.union([z.string(), z.number()]);

/** The charts of E2B's code interpreter, as far as they are looked at. */
export const Bars = z.object({
  type: z.literal("bar"),
  x_label: z.string(),
  y_label: z.string(),
  elements: z.array(z.object({ label: z.string(), group: z.string(), value: z.number() })),
});
export const Points = z.object({
  type: z.enum(["line", "scatter"]),
  x_label: z.string(),
  y_label: z.string(),
  elements: z.array(z.object({ label: z.string(), points: z.array(z.tuple([Value, z.number()])) })),
});
export const Pie = z.object({
  type: z.literal("pie"),
  elements: z.array(z.object({ label: z.string(), angle: z.number() })),
});
