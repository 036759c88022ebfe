// Which columns and which of their values a request names, and the request rewritten with marks in their places.
import type { ColumnProfile, FileProfile } from "./profile.ts";
import { likeness, nameWords, stem, tokenize, type Token } from "./words.ts";

/** What a mark in the rewritten request stands for: C a column, V a value of a column, N a number, T a period, Q a quoted text. */
export type Mention =
  | { readonly mark: "C"; readonly column: ColumnProfile; readonly score: number; readonly text: string }
  | { readonly mark: "V"; readonly column: ColumnProfile; readonly value: string }
  | { readonly mark: "N"; readonly value: number; readonly text: string }
  | { readonly mark: "T"; readonly period: string }
  | { readonly mark: "Q"; readonly text: string };

export type Reading = {
  /** Lower-case words with marks such as `C0`, `V3`; words are parted by one space. */
  readonly text: string;
  readonly mentions: readonly Mention[];
};

type Span = { readonly start: number; readonly end: number; readonly mention: Mention; readonly weight: number };

/** Words of the request's grammar: they name a column only as its whole name. */
const GRAMMAR = new Set(
  (
    "a an the of by per for each in on at to from and or with without is are was were be as than that which what who how many much show plot graph " +
    "draw chart bar pie line scatter box area histogram count number total sum average mean median min max minimum maximum highest lowest top bottom " +
    "first last all any every me my this it its list find give return display visualize compare trend distribution order sort rank ascending " +
    "descending asc desc axis x y between over under above below more less greater group grouped only not no different type kind name date year " +
    "month day week quarter hour time value values data file table column row rows csv excel json share percent proportion code key id"
  )
    .split(" ")
    .map(stem),
);
/** Those of them that may stand for the only column that holds them: "name" for "cust_name". */
const PARTIAL = new Set("name code date year type month day time percent".split(" ").map(stem));
/** Units at the end of names: "max_temperature_c" is meant by "maximum temperature". */
const UNITS = new Set(
  "c f k m s ms km kg g mg l h usd eur gbp pct percent knots gwh kwh mwh mm cm in ft lb mph kmh id no num nr".split(
    " ",
  ),
);

export function readRequest(prompt: string, file: FileProfile): Reading {
  const tokens = tokenize(prompt);
  const spans = choose([
    ...columnSpans(tokens, file.columns),
    ...valueSpans(tokens, file.columns),
    ...periodSpans(tokens),
    ...plainSpans(tokens),
  ]);
  const starts = new Map(spans.map((span) => [span.start, span]));
  const parts: string[] = [];
  const mentions: Mention[] = [];
  for (let index = 0; index < tokens.length;) {
    const span = starts.get(index);
    parts.push(span === undefined ? (tokens[index]?.lower ?? "") : `${span.mention.mark}${mentions.length}`);
    if (span !== undefined) mentions.push(span.mention);
    index = span?.end ?? index + 1;
  }
  return { text: parts.join(" "), mentions };
}

/** The heaviest spans that do not overlap. */
function choose(spans: readonly Span[]): readonly Span[] {
  const taken = new Set<number>();
  const chosen: Span[] = [];
  for (const span of spans.toSorted((a, b) => b.weight - a.weight)) {
    const places = Array.from({ length: span.end - span.start }, (_, index) => span.start + index);
    if (places.some((place) => taken.has(place))) continue;
    for (const place of places) taken.add(place);
    chosen.push(span);
  }
  return chosen;
}

type Name = {
  readonly column: ColumnProfile;
  readonly stems: readonly string[];
  readonly weights: readonly number[];
  readonly joined: string;
};

function columnSpans(tokens: readonly Token[], columns: readonly ColumnProfile[]): readonly Span[] {
  const names = columns.map((column): Name => {
    const words = nameWords(column.name);
    return {
      column,
      stems: words.map(stem),
      weights: words.map((word, index) => (index > 0 && column.kind !== "id" && UNITS.has(word) ? 0.15 : 1)),
      joined: words.join(""),
    };
  });
  const holders = (word: string): number => names.filter((name) => name.stems.includes(word)).length;
  const close = new Map<string, readonly Name[]>();
  const spans: Span[] = [];
  for (const [start, token] of tokens.entries()) {
    if (token.kind === "symbol" || (token.kind === "number" && token.text.length < 4)) continue;
    if (token.kind === "quoted") {
      spans.push(...names.flatMap((name) => quotedSpan(start, token, name)));
      continue;
    }
    spans.push(
      ...names
        .filter((name) => name.joined === token.lower && name.stems.length > 1)
        .map((name) => wholeSpan(start, token, name)),
    );
    const near =
      close.get(token.stem) ?? names.filter((name) => name.stems.some((word) => likeness(word, token.stem) > 0));
    close.set(token.stem, near);
    for (const name of near) {
      const span = alignName(tokens, start, name, holders);
      if (span !== null) spans.push(span);
    }
  }
  return spans;
}

function quotedSpan(start: number, token: Token, name: Name): readonly Span[] {
  return token.lower === name.column.name.toLowerCase().trim() ? [wholeSpan(start, token, name)] : [];
}

/** One token that is the whole name: quoted, or its words written as one. */
function wholeSpan(start: number, token: Token, { column }: Name): Span {
  return { start, end: start + 1, mention: { mark: "C", column, score: 1, text: token.text }, weight: 20 };
}

/** As many words of the name as stand together from `start` on. */
function alignName(
  tokens: readonly Token[],
  start: number,
  { column, stems, weights }: Name,
  holders: (word: string) => number,
): Span | null {
  const used = new Set<number>();
  let end = start;
  let matched = 0;
  let quality = 0;
  for (let index = start; index < Math.min(tokens.length, start + stems.length + 2); index++) {
    const word = tokens[index]?.stem ?? "";
    if (used.size > 0 && /^(?:of|th|the|in|'?s)$/.test(word) && index + 1 < tokens.length) continue;
    const found = stems
      .map((each, place) => ({ place, like: used.has(place) ? 0 : likeness(each, word) }))
      .reduce((best, each) => (each.like > best.like ? each : best), { place: -1, like: 0 });
    if (found.like === 0) break;
    used.add(found.place);
    matched += weights[found.place] ?? 1;
    quality += found.like;
    end = index + 1;
  }
  if (used.size === 0) return null;
  const coverage = matched / weights.reduce((sum, weight) => sum + weight, 0);
  const like = quality / used.size;
  const words = tokens.slice(start, end).map((token) => token.stem);
  const isGrammar = words.every((word) => GRAMMAR.has(word));
  const isOnly = words.length === 1 && PARTIAL.has(words[0] ?? "") && holders(words[0] ?? "") === 1;
  if (isGrammar && (like < 1 || (coverage < 0.85 && !isOnly))) return null;
  if (coverage < 0.3 || (like < 0.7 && (coverage < 0.85 || stems.length < 2))) return null;
  if (words[0] === "num" && (stems[0] !== "num" || words.length === 1) && tokens[start]?.text !== column.name)
    return null;
  if (column.kind === "id" && coverage < 0.85 && !isOnly) return null;
  const score = coverage * like;
  const text = tokens
    .slice(start, end)
    .map((token) => token.text)
    .join(" ");
  return {
    start,
    end,
    mention: { mark: "C", column, score, text },
    weight: used.size * like + score + (isGrammar ? -0.6 : 0),
  };
}

function valueSpans(tokens: readonly Token[], columns: readonly ColumnProfile[]): readonly Span[] {
  const index = valueIndex(columns);
  const spans: Span[] = [];
  for (let start = 0; start < tokens.length; start++) {
    for (let end = start + 1; end <= Math.min(tokens.length, start + 6); end++) {
      const words = tokens.slice(start, end);
      if (words.some((word) => word.kind === "symbol")) break;
      const found = index.get(words.map((word) => word.stem).join(" "));
      if (found === undefined) continue;
      const quoted = words[0]?.kind === "quoted";
      const text = words.map((word) => word.text).join(" ");
      const isShort = text.length < 3 && !quoted && text !== found.value;
      const isName = start > 0 && text === found.value && /^\p{Lu}/u.test(text);
      const isWeak =
        (!isName && words.every((word) => GRAMMAR.has(word.stem) || word.kind === "number")) || text.length < 2;
      if (!quoted && (isShort || isWeak)) continue;
      const mention: Mention = { mark: "V", column: found.column, value: found.value };
      spans.push({ start, end, mention, weight: words.length * (quoted ? 10 : 1.05) });
    }
  }
  return spans;
}

type ValueIndex = ReadonlyMap<string, { readonly column: ColumnProfile; readonly value: string }>;

function valueIndex(columns: readonly ColumnProfile[]): ValueIndex {
  const index = new Map<string, { column: ColumnProfile; value: string }>();
  for (const column of columns) {
    if (column.kind === "measure" || column.kind === "time" || (column.kind === "boolean" && column.number !== null))
      continue;
    for (const { value } of column.top) {
      const key = tokenize(value)
        .filter((token) => token.kind !== "symbol")
        .map((token) => token.stem)
        .join(" ");
      for (const each of [key, stem(value.toLowerCase())])
        if (each !== "" && !index.has(each)) index.set(each, { column, value });
    }
  }
  return index;
}

const MONTHS = "january february march april may june july august september october november december".split(" ");

function monthOf(token: Token | undefined): number {
  if (token === undefined || token.kind !== "word") return 0;
  if (token.lower === "may" && token.text !== "May") return 0;
  return token.lower.length < 3
    ? 0
    : MONTHS.findIndex(
        (month) =>
          month === token.lower || month.slice(0, 3) === token.lower || token.lower === `${month.slice(0, 3)}t`,
      ) + 1;
}

function periodSpans(tokens: readonly Token[]): readonly Span[] {
  const spans: Span[] = [];
  const push = (start: number, length: number, period: string): void =>
    void spans.push({ start, end: start + length, mention: { mark: "T", period }, weight: 2 * length });
  for (const [start, token] of tokens.entries()) {
    const date = /^(\d{4})-(\d{1,2})(?:-(\d{1,2}))?$/.exec(token.text);
    if (date !== null)
      push(
        start,
        1,
        [
          date[1],
          ...date
            .slice(2)
            .filter((part) => part !== undefined)
            .map((part) => part.padStart(2, "0")),
        ].join("-"),
      );
    const next = tokens[start + 1];
    const quarter = /^q([1-4])$/.exec(token.lower);
    if (quarter !== null && next !== undefined && isYear(next)) push(start, 2, `${next.text}Q${quarter[1]}`);
    const month = monthOf(token);
    if (month === 0) continue;
    const two = String(month).padStart(2, "0");
    const day =
      next?.kind === "number" && next.value !== null && next.value >= 1 && next.value <= 31 ? next.value : null;
    const after = tokens[tokens[start + 2]?.text === "," ? start + 3 : start + 2];
    if (next !== undefined && isYear(next)) push(start, 2, `${next.text}-${two}`);
    else if (day !== null && after !== undefined && isYear(after))
      push(start, tokens.indexOf(after) - start + 1, `${after.text}-${two}-${String(day).padStart(2, "0")}`);
    else push(start, 1, `*-${two}`);
  }
  return spans;
}

function isYear(token: Token): boolean {
  return token.kind === "number" && /^(?:1[5-9]|20)\d\d$/.test(token.text);
}

const SCALES = new Map([
  ["thousand", 1e3],
  ["million", 1e6],
  ["billion", 1e9],
]);

function plainSpans(tokens: readonly Token[]): readonly Span[] {
  return tokens.flatMap((token, start): readonly Span[] => {
    if (token.kind === "quoted")
      return [{ start, end: start + 1, mention: { mark: "Q", text: token.text }, weight: 0.2 }];
    if (token.value === null) return [];
    const next = tokens[start + 1];
    const scale = SCALES.get(next?.lower ?? "");
    const value = token.value * (scale ?? 1);
    const text = scale === undefined ? token.text : `${token.text} ${next?.text}`;
    const length = scale === undefined ? 1 : 2;
    return [{ start, end: start + length, mention: { mark: "N", value, text }, weight: 0.2 * length }];
  });
}
