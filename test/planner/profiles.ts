// Hand-made profiles for planner tests: what the profiler would say about tables that everybody can picture.
import type { ColumnProfile, FileProfile } from "../../src/planner/profile.ts";

type Some = Partial<ColumnProfile> & { readonly name: string };

function column(some: Some, position: number): ColumnProfile {
  return {
    position,
    kind: "category",
    number: null,
    time: null,
    nulls: 0,
    distinct: 5,
    distinctCapped: false,
    integer: false,
    min: null,
    max: null,
    mean: null,
    from: null,
    to: null,
    grain: null,
    top: [],
    ...some,
  };
}

export const measure = (name: string, min = 0, max = 1_000): Some => ({
  name,
  kind: "measure",
  number: "plain",
  min,
  max,
  mean: (min + max) / 2,
  distinct: 500,
});
export const category = (name: string, ...values: readonly string[]): Some => ({
  name,
  kind: "category",
  distinct: Math.max(2, values.length),
  top: values.map((value) => ({ value, count: 10 })),
});
export const time = (name: string, from: string, to: string, grain: ColumnProfile["grain"], distinct = 300): Some => ({
  name,
  kind: "time",
  time: "%Y-%m-%d",
  from,
  to,
  grain,
  distinct,
});

export function profile(name: string, columns: readonly Some[], rows = 1_200): FileProfile {
  return {
    path: `/home/user/${name}`,
    name,
    bytes: 10_000,
    problem: null,
    reading: {
      format: "csv",
      encoding: "utf-8",
      delimiter: ",",
      quote: true,
      headerRow: 0,
      skipRows: 1,
      compression: "none",
      sheet: null,
      records: [],
    },
    rows,
    rowsExact: true,
    sampled: rows,
    columnCount: columns.length,
    columns: columns.map(column),
    sheets: [],
    notes: [],
  };
}

export function broken(name: string, code: string, message: string): FileProfile {
  return { ...profile(name, [], 0), reading: null, problem: { code, message } };
}

export const sales = profile("sales.csv", [
  time("Date", "2021-01-01T00:00:00", "2023-12-31T00:00:00", "day", 700),
  category("Region", "North", "South", "East", "West"),
  category("Product", "Chair", "Table", "Lamp", "Desk lamp"),
  measure("Revenue"),
  measure("Unit Price", 1, 90),
  measure("quantity_sold", 1, 40),
  { name: "order_id", kind: "id", number: "plain", integer: true, distinct: 1_200 },
  {
    name: "Returned",
    kind: "boolean",
    distinct: 2,
    top: [
      { value: "yes", count: 100 },
      { value: "no", count: 1_100 },
    ],
  },
]);

export const countries = profile(
  "countries.csv",
  [
    { ...category("Country", "France", "Germany", "United States", "Brazil"), distinct: 180 },
    category("Continent", "Europe", "Asia", "Africa", "South America"),
    measure("Population", 10_000, 1_400_000_000),
    measure("gdpPerCapita", 200, 110_000),
    measure("life_expectancy", 50, 86),
  ],
  180,
);

export const people = profile("people.json", [
  { ...category("name", "Ann", "Bob"), distinct: 1_200 },
  category("gender", "female", "male"),
  measure("age", 0, 99),
  measure("height_cm", 90, 210),
  measure("weight_kg", 20, 160),
]);
