// Order, number and time steps: "sorted by price descending", "top 10", "per month".
import type { Ask } from "./ask.ts";
import type { Grain } from "./plan.ts";
import type { ColumnProfile } from "./profile.ts";
import { columnAt, has, take, type Scan } from "./scan.ts";

const UP =
  "(?:ascending|asc|increasing|low to high|smallest first|lowest first|small to large|a to z|alphabetical|alphabetically|from a to z|up)";
const DOWN =
  "(?:descending|desc|decreasing|high to low|largest first|highest first|biggest first|large to small|z to a|from z to a|reverse|down)";

export function readSort(scan: Scan, ask: Ask): void {
  const verb =
    "(?:sort(?:ed|ing)?|order(?:ed|ing)?|rank(?:ed|ing)?|arrange(?:d)?|list(?:ed)?|display(?:ed)?|organi[sz]ed?|show|put|from|in|by|with|could you|can you|please|and|the|an?|bars?|it|them|i want to|show|of|total|number|values?|names?|order|axis)";
  const filler = `(?:${verb} |[,;] ){0,6}`;
  const axis = "(?:(x|y)(?: axis)?|(C\\d+))";
  const direction = `(?:(${UP})|(${DOWN}))(?: orders?)?`;
  const set = (by: "x" | "y" | ColumnProfile, up: string | undefined): void =>
    void (ask.sort = { by, order: up === undefined ? "descending" : "ascending" });
  const place = (letter: string | undefined, mark: string | undefined): "x" | "y" | ColumnProfile =>
    letter === "x" || letter === "y" ? letter : (columnAt(scan, mark) ?? "y");
  const start =
    "(?:sort(?:ed|ing)?|order(?:ed|ing)?|rank(?:ed|ing)?|arrange(?:d)?|list(?:ed)?|display(?:ed)?|organi[sz]ed?|show|put)";
  take(
    scan,
    new RegExp(` ${start} ${filler}${axis} ?${filler}(?:from |in )?${direction}(?= )`, "g"),
    ([, letter, mark, up]) => set(place(letter, mark), up),
  );
  take(
    scan,
    new RegExp(
      ` ${start} ${filler}${direction} ${filler}(?:by|of|on|for|according to|based on|along) ${filler}${axis}(?= )`,
      "g",
    ),
    ([, up, , letter, mark]) => set(place(letter, mark), up),
  );
  take(
    scan,
    new RegExp(` ${start} (?:[a-z]+ ){0,2}?(?:by|on|according to|based on) ${filler}${axis}(?= )`, "g"),
    ([, letter, mark]) => void (ask.sort = { by: place(letter, mark), order: "ascending" }),
  );
  take(
    scan,
    new RegExp(
      ` (?:in |from |with |by )?(?:an? |the )?${direction} (?:by|of|on|for|according to|based on|along) ${filler}${axis}(?= )`,
      "g",
    ),
    ([, up, , letter, mark]) => set(place(letter, mark), up),
  );
  take(scan, new RegExp(` (?:the )?(x|y)(?: axis)? ${filler}(?:from |in )?${direction}(?= )`, "g"), ([, letter, up]) =>
    set(letter === "x" ? "x" : "y", up),
  );
  take(
    scan,
    new RegExp(` (?:${start} ${filler})?(?:from |in |by )?(?:an? |the )?${direction}(?= )`, "g"),
    ([whole, up]) => {
      if (/ (?:up|down|reverse) ?$/.test(whole ?? "")) return false;
      const isName = /alphabet|a to z|z to a/.test(whole ?? "");
      ask.sort ??= { by: isName ? "x" : "y", order: up === undefined ? "descending" : "ascending" };
      return true;
    },
  );
}

export function readLimit(scan: Scan, ask: Ask): void {
  const low = /^(?:bottom|lowest|smallest|least|worst|fewest|last|cheapest|minimum)$/;
  const numbers: Readonly<Record<string, number>> = {
    two: 2,
    three: 3,
    four: 4,
    five: 5,
    six: 6,
    seven: 7,
    eight: 8,
    nine: 9,
    ten: 10,
    twenty: 20,
  };
  const set = (word: string | undefined, count: number | null): boolean => {
    if (count === null || count < 1 || count > 1e6 || !Number.isInteger(count)) return false;
    ask.limit = count;
    if (word !== "first") ask.sort ??= { by: "y", order: low.test(word ?? "") ? "ascending" : "descending" };
    return true;
  };
  const rank =
    "(top|bottom|highest|lowest|largest|smallest|biggest|most|least|best|worst|greatest|first|last|fewest|cheapest|[a-z]{3,}est)";
  const count = `(N\\d+|${Object.keys(numbers).join("|")})`;
  const value = (mark: string | undefined): number | null => {
    const mention = /^N\d/.test(mark ?? "") ? scan.mentions[Number(mark?.slice(1))] : undefined;
    return mention?.mark === "N" ? mention.value : (numbers[mark ?? ""] ?? null);
  };

  take(scan, new RegExp(` ${rank} ${count}(?: most| largest| highest| biggest| rows)?(?= )`, "g"), ([, word, mark]) =>
    set(word, value(mark)),
  );
  take(scan, new RegExp(` ${count} (?:of the )?${rank}(?= )`, "g"), ([, mark, word]) => set(word, value(mark)));
}

/** "Which product has the highest revenue", "rank the regions by revenue": groups in the order of a measure. */
export function readWhich(scan: Scan, ask: Ask): void {
  const set = (group: ColumnProfile | null, measured: ColumnProfile | null, isLow: boolean): boolean => {
    if (group === null || group.kind === "measure" || (measured !== null && measured.number === null)) return false;
    ask.groups.push(group);
    ask.y ??= measured;
    if (measured === null) ask.measures.push({ column: null, aggregate: "count" });
    ask.sort ??= { by: "y", order: isLow ? "ascending" : "descending" };
    ask.isDrawing = true;
    return true;
  };
  const rank =
    "(?:(highest|most|largest|biggest|greatest|best|max|maximum)|(lowest|least|smallest|fewest|worst|min|minimum))";
  const which = new RegExp(
    ` (?:which|what|who|whose|where) (C\\d+) (?:(?:is|are|was|were|has|have|had|with|by|the|got|made|sold|earned|of) ){0,6}${rank} (?:total |number of |average )?(?:(C\\d+)|[a-z]+)(?= )`,
    "g",
  );
  take(scan, which, ([, group, , low, measured]) =>
    set(columnAt(scan, group), columnAt(scan, measured), low !== undefined),
  );
  const ranked =
    / (?:rank|sort|order) (?:the |all ){0,6}(C\d+) (?:by|according to) (?:their |the |total ){0,6}(C\d+)(?= )/g;
  take(
    scan,
    ranked,
    ([, group, measured]) =>
      columnAt(scan, measured) !== null && set(columnAt(scan, group), columnAt(scan, measured), false),
  );
}

const GRAIN_WORDS: Readonly<Record<string, Grain>> = {
  year: "year",
  years: "year",
  yearly: "year",
  annual: "year",
  annually: "year",
  month: "month",
  months: "month",
  monthly: "month",
  quarter: "quarter",
  quarters: "quarter",
  quarterly: "quarter",
  week: "week",
  weeks: "week",
  weekly: "week",
  day: "day",
  days: "day",
  daily: "day",
  date: "day",
  hour: "hour",
  hours: "hour",
  hourly: "hour",
  weekday: "weekday",
  weekdays: "weekday",
  "day of the week": "weekday",
  "day of week": "weekday",
};

export function readGrain(scan: Scan, ask: Ask): void {
  const unit = "(day of the week|day of week|weekdays?|years?|months?|quarters?|weeks?|days?|hours?)";
  const set = ([, word]: readonly (string | undefined)[]): void => void (ask.grain ??= GRAIN_WORDS[word ?? ""] ?? null);
  take(
    scan,
    new RegExp(
      ` (?:bin(?:ned|ning)?|group(?:ed|ing)?|aggregated?)[^.]{0,60}? (?:by|into|with) (?:the |each |every )?${unit}(?: (?:interval|intervals|bins?))?(?= )`,
      "g",
    ),
    (match) => {
      set(match);
      const columns = (match[0] ?? "").match(/C\d+/g) ?? [];
      for (const mark of columns) {
        const column = columnAt(scan, mark);
        if (column !== null && !ask.groups.includes(column)) ask.groups.push(column);
      }
    },
  );
  take(
    scan,
    new RegExp(
      ` (?:by|per|each|every|for each|for every|in each|over the|over|across the|across|of each|of the|by the|on each|in) ${unit}(?= )(?! of N| N\\d)`,
      "g",
    ),
    set,
  );
  take(scan, / (yearly|annual|annually|monthly|quarterly|weekly|daily|hourly)(?= )/g, set);
  ask.isOverTime =
    has(
      scan,
      / (?:over (?:the )?time|through time|time series|timeline|over the (?:years|months|days)|across time|evolution(?: of)?|trend(?:s|ed)?(?: of| over time)?|develop(?:ment|ed)?(?: of)?|history(?: of)?|changed?s?|changing)(?= )/g,
    ) || ask.grain !== null;
}
