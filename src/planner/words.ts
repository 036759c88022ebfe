// Words of a request and of column names: cut, stemmed, compared.

export type Token = {
  /** As written, without quotation marks. */
  readonly text: string;
  readonly lower: string;
  readonly stem: string;
  readonly kind: "word" | "number" | "symbol" | "quoted";
  readonly value: number | null;
};

const MAX_TOKENS = 1_500;
const QUOTED = `["“”«„]([^"“”«»„]{1,120})["“”»]|(?<![\\p{L}\\p{N}])['‘]([^'‘’]{1,120})['’](?![\\p{L}])`;
const DATE = `\\d{4}-\\d{1,2}(?:-\\d{1,2})?(?!\\d)`;
const NUMBER = `[-−]?\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|[-−]?\\d+(?:\\.\\d+)?(?:[kK]|[mM](?:illion)?\\b)?(?![\\p{L}\\p{N}])`;
const TOKEN = new RegExp(
  `${QUOTED}|(${DATE})|(${NUMBER})|([\\p{L}\\p{N}][\\p{L}\\p{N}\\p{M}’']*)|([<>=!≤≥≠]{1,2})|([,;:?])`,
  "gu",
);

/** At most the first 1,500 tokens: more is not a request but a text. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    if (tokens.length >= MAX_TOKENS) break;
    tokens.push(tokenOf(match));
  }
  return tokens;
}

function tokenOf(match: RegExpMatchArray): Token {
  const quoted = match[1] ?? match[2];
  if (quoted !== undefined) return token(quoted.trim(), "quoted", null);
  if (match[4] !== undefined) return token(match[4], "number", numberOf(match[4]));
  const text = match[0];
  if (match[6] !== undefined || match[7] !== undefined) return token(text, "symbol", null);
  return token(text.replace(/['’](?:s)?$/u, ""), "word", null);
}

function token(text: string, kind: Token["kind"], value: number | null): Token {
  const lower = text.toLowerCase();
  return { text, lower, stem: stem(lower), kind, value };
}

function numberOf(text: string): number {
  const plain = text.replaceAll(",", "").replace("−", "-");
  const scale = /k$/i.test(plain) ? 1e3 : /m(illion)?$/i.test(plain) ? 1e6 : 1;
  return Number.parseFloat(plain) * scale;
}

/** The words of a column name: "maxTemperature_c" → max, temperature, c. */
export function nameWords(name: string): readonly string[] {
  return name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .replace(/(\p{L})(\d)/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== "");
}

const ALIASES: Readonly<Record<string, string>> = {
  maximum: "max",
  maximal: "max",
  minimum: "min",
  minimal: "min",
  average: "avg",
  mean: "avg",
  quantity: "qty",
  number: "num",
  no: "num",
  nr: "num",
  amount: "amt",
  temperature: "temp",
  department: "dept",
  percentage: "percent",
  pct: "percent",
  population: "pop",
  identifier: "id",
  telephone: "phone",
  longitude: "lon",
  lng: "lon",
  long: "lon",
  latitude: "lat",
  colour: "color",
  country: "country",
  countries: "country",
  people: "person",
  children: "child",
  men: "man",
  women: "woman",
  titled: "title",
  old: "age",
  cost: "pric",
};

/** One form for singular, plural and common spellings; crude on purpose: both sides are cut the same way. */
export function stem(word: string): string {
  const known = ALIASES[word];
  if (known !== undefined) return known;
  const cut = word
    .replace(/ies$/, "y")
    .replace(/(ss|sh|ch|x|z)es$/, "$1")
    .replace(/([^su])s$/, "$1")
    .replace(/^(.{4,})(?:ing|ed)$/, "$1")
    .replace(/^(.{3,})e$/, "$1");
  return ALIASES[cut] ?? ALIASES[`${cut}e`] ?? cut;
}

/** 1 for equal words, less for near ones, 0 for strangers. Arguments are stems. */
export function likeness(a: string, b: string): number {
  if (a === b) return 1;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  if (short.length >= 4 && long.startsWith(short)) return short.length >= long.length - 3 ? 0.9 : 0.75;
  if (short.length >= 3 && long.length >= 5 && long.startsWith(short)) return 0.6;
  if (short.length >= 5 && long.length - short.length <= 1 && distance(a, b) <= 1) return 0.85;
  if (short.length >= 8 && long.length - short.length <= 2 && distance(a, b) <= 2) return 0.8;
  return 0;
}

/** Edit distance in which two swapped neighbours count once. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}
