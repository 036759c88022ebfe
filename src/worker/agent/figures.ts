// Figures in an answer that no output of the job shows: the person is told which ones they are.

/** What a figure looks like in prose: grouped digits, decimals, a sign, a unit of size or percent behind it. */
const FIGURE =
  /(?<![\w.#/-])([-−–]?)([$€£¥]?)(\d{1,3}(?:[,  ’']\d{3})+|\d+)(?:\.(\d+))?\s?(%|percent|k|K|M|bn|million|billion|thousand)?(?![\w/-]|\.\d)/gu;
const SCALES: Readonly<Record<string, number>> = {
  k: 1e3,
  K: 1e3,
  thousand: 1e3,
  M: 1e6,
  million: 1e6,
  bn: 1e9,
  billion: 1e9,
};
const NUMBERS = /-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
/** Outputs longer than this are read from both ends. */
const MAX_SOURCE = 400_000;
const MAX_TOLD = 12;

/** As they stand in the answer. `sources` are outputs, the person's words, the files' cards. */
export function unverifiedFigures(answer: string, sources: readonly string[]): readonly string[] {
  const known = numbersOf(
    sources.map((source) => (source.length > MAX_SOURCE ? source.slice(0, MAX_SOURCE) : source)).join("\n"),
  );
  const found = [...proseOf(answer).matchAll(FIGURE)]
    .filter((match) => !isKnown(match, known))
    .map(([whole]) => whole.trim());
  return [...new Set(found)];
}

/** One line for the end of the answer; empty where there is nothing to say. */
export function figuresNote(figures: readonly string[]): string {
  if (figures.length === 0) return "";
  const more = figures.length > MAX_TOLD ? ` and ${figures.length - MAX_TOLD} more` : "";
  return `⚠ Unverified, in no output of this job: ${figures.slice(0, MAX_TOLD).join("; ")}${more}.`;
}

/** Without code, and without the numbers of lists, headings and links. */
function proseOf(markdown: string): string {
  return markdown
    .replace(/```[\s\S]*?(?:```|$)/g, " ")
    .replace(/`[^`\n]*`/g, " ")
    .replace(/^\s*(?:\d+[.)]|#+|[-*])\s/gm, " ")
    .replace(/\]\([^)]*\)/g, "]")
    .replace(/https?:\/\/\S+/g, " ");
}

function numbersOf(text: string): readonly number[] {
  const all = [...text.matchAll(NUMBERS)].map(([whole]) => Number(whole.replaceAll(",", "")));
  return [...new Set(all.filter(Number.isFinite).map(Math.abs))].sort((a, b) => a - b);
}

function isKnown(match: RegExpMatchArray, known: readonly number[]): boolean {
  const [, , , whole = "", decimals = "", unit = ""] = match;
  const value = Number(`${whole.replace(/[^\d]/g, "")}.${decimals || "0"}`);
  const half = 0.5 * 10 ** -decimals.length;
  const scale = SCALES[unit] ?? 1;
  // Rounded as the answer rounds; a share may be told in percent.
  const readings = unit === "%" || unit === "percent" ? [1, 0.01] : [scale];
  return readings.some((by) => hasNear(known, value * by, half * by * 1.000001));
}

function hasNear(sorted: readonly number[], value: number, within: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value - within) low = middle + 1;
    else high = middle;
  }
  const next = sorted[low];
  return next !== undefined && next <= value + within;
}
