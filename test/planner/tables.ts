// Files of many shapes for the profiler and the rendered programs, made on the spot.
import { gzipSync } from "node:zlib";

export type Table = { readonly name: string; readonly bytes: Uint8Array };

function text(name: string, content: string): Table {
  return { name, bytes: new TextEncoder().encode(content) };
}

function lines(header: string, count: number, row: (index: number) => string): string {
  return `${[header, ...Array.from({ length: count }, (_, index) => row(index))].join("\n")}\n`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const two = (number: number): string => String(number).padStart(2, "0");

export const HOSTILE = [
  `"); import os; os.system("touch pwned") #`,
  "line\nbreak",
  "a'b\"c",
  "back\\slash\\",
  "_under",
  "$x^2$",
  "😀 naïve",
  "数量",
  "x".repeat(200),
] as const;

const quoted = (cells: readonly string[]): string => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");

export const plainCsv = text(
  "sales.csv",
  lines(
    "date,region,revenue",
    60,
    (n) => `2023-${two((n % 12) + 1)}-01,${["North", "South", "East"][n % 3]},${100 + n}`,
  ),
);
export const semicolons = {
  name: "preise.csv",
  bytes: Uint8Array.from(
    lines("Größe;Preis;Datum", 28, (n) => `${n % 2 === 0 ? "groß" : "klein"};1.${200 + n},50 €;${two(n + 1)}.03.2024`),
    (letter) => (letter === "€" ? 0x80 : letter.charCodeAt(0)),
  ),
};
export const tabs = text(
  "jobs.tsv",
  lines(
    "month\tjobs\tquits",
    24,
    (n) => `${2006 + Math.floor(n / 12)}-${two((n % 12) + 1)}-01\t${1000 + n}\t${50 + n}`,
  ),
);
export const stocks = text(
  "stocks.csv",
  lines(
    "symbol,date,price",
    48,
    (n) => `${n % 2 === 0 ? "MSFT" : "AMZN"},${MONTHS[(n >> 1) % 12]} 1 ${2000 + Math.floor(n / 24)},${20 + n}.5`,
  ),
);
export const records = text(
  "people.json",
  JSON.stringify(
    Array.from({ length: 30 }, (_, n) => ({ name: `P${n}`, body: { height: 150 + n, weight: 50 + (n % 9) } })),
  ),
);
export const columnsJson = text("columns.json", JSON.stringify({ a: [1, 2, 3], b: ["x", "y", "y"] }));
export const jsonLines = text(
  "log.jsonl",
  lines('{"level":"info","ms":1}', 20, (n) => JSON.stringify({ level: n % 4 === 0 ? "warn" : "info", ms: n * 3 })),
);
export const zipped = { name: "small.csv.gz", bytes: new Uint8Array(gzipSync("kind,count\nx,1\ny,2\nx,3\n")) };
export const utf16 = {
  name: "wide.csv",
  bytes: new Uint8Array(Buffer.from("\ufeffname\tamount\nä\t1\nö\t2\nä\t5\n", "utf16le")),
};
export const hostile = text(
  "hostile.csv",
  lines(quoted(HOSTILE), 12, (n) =>
    quoted(HOSTILE.map((_, at) => (at === 0 ? `v ${n % 3} $a_b$` : String(n * (at + 1))))),
  ),
);
export const noHeader = text(
  "raw.csv",
  lines("1,2.5,x", 20, (n) => `${n},${n * 1.5},${n % 2 === 0 ? "x" : "y"}`),
);
export const titled = text(
  "report.csv",
  'Sales report 2023,,\n\nproduct,units,note\nA,1,"two\nlines"\nB,2,x\nC,"1,200",y\n',
);
export const trailing = text("trailing.csv", "a,b,\nx,1,\ny,2,\nz,3,extra\n");
export const american = text(
  "visits.csv",
  lines("day,visits", 40, (n) => `${(n % 12) + 1}/${(n % 28) + 1}/2023,${n}`),
);

/** What is wrong with a file, and a word of the sentence that says so. */
export const BROKEN: readonly (readonly [Table, string, RegExp])[] = [
  [text("empty.csv", ""), "empty", /empty/],
  [text("blank.csv", "\n\n  \n"), "empty", /empty/],
  [text("header.csv", "a,b,c\n"), "no_rows", /no rows/],
  [
    { name: "binary.csv", bytes: Uint8Array.from({ length: 5000 }, (_, n) => (n * 7919) % 256) },
    "not_a_table",
    /binary/,
  ],
  [text("broken.json", '[{"a": 1}, {"a":'), "broken_json", /broken at line 1/],
  [text("nothing.json", "[]"), "empty", /no records/],
  [text("page.csv", "<!doctype html><html></html>"), "unsupported", /web page/],
  [text("paper.csv", "%PDF-1.7 and so on"), "unsupported", /PDF/],
  [{ name: "cut.csv.gz", bytes: zipped.bytes.slice(0, 20) }, "damaged", /gzip/],
  [{ name: "archive.xlsx", bytes: Uint8Array.from([0x50, 0x4b, 3, 4, 9, 9, 9, 9]) }, "unsupported", /archive/],
  [text("fake.parquet", "PAR1 not really PAR1"), "damaged", /Parquet/],
];

/** Python that writes the formats that need a library; prints the names of those it could write. */
export const LIBRARY_TABLES = `
import pandas as pd
frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=20), "city": ["Ulm", "Köln"] * 10, "rain": range(20)})
for name, write in (("book.xlsx", lambda: frame.to_excel("book.xlsx", index=False)), ("data.parquet", lambda: frame.to_parquet("data.parquet"))):
    try:
        write()
        print(name)
    except ImportError:
        pass
`;
