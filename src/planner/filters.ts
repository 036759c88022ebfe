// Conditions in a request: "price over 50", "in 2023", "only north", "excluding X", "between 3 and 5 or …".
import { mentionAt, columnAt, take, type Scan } from "./scan.ts";
import type { Mention } from "./mentions.ts";
import type { Condition, Filters, Operator } from "./plan.ts";
import type { ColumnProfile, FileProfile } from "./profile.ts";
import { nameWords } from "./words.ts";

const BE = "(?:(?:is|are|was|were|being|be|has|have|had|that|which|whose|value|values|do|does|did|number) ){0,6}";
const NOT = "(?:not |no |n't |isn |aren |doesn |don |didn )";
const COMPARISONS: readonly (readonly [string, Operator])[] = [
  [
    "(?:>=|≥|at least|no less than|not less than|greater than or equal to|more than or equal to|minimum of|not under|not below|from)",
    ">=",
  ],
  ["(?:<=|≤|at most|no more than|not more than|less than or equal to|maximum of|up to|not over|not above)", "<="],
  [
    "(?:>|above|over|greater than|more than|higher than|larger than|bigger than|older than|longer than|exceeding|exceeds|exceed|greater|after|heavier than)",
    ">",
  ],
  ["(?:<|below|under|less than|fewer than|lower than|smaller than|younger than|shorter than|before|lighter than)", "<"],
  ["(?:!=|<>|≠|not equal to|not equals|not equal|not the same as|other than|different from)", "!="],
  ["(?:==|=|equal to|equals|equal|exactly)", "="],
];
const ANY = "[NTVQ]\\d+";

type Found = { readonly at: number; readonly condition: Condition };

/** Takes every condition out of the request. `file` supplies the column where the words leave it open. */
export function readFilters(scan: Scan, file: FileProfile): Filters {
  const found: Found[] = [];
  const original = scan.text;
  const add = (mark: string | undefined, condition: Condition | null): boolean => {
    if (condition === null) return false;
    const at = mark === undefined ? original.length : original.indexOf(` ${mark} `);
    found.push({ at: at < 0 ? original.length : at, condition });
    return true;
  };
  const open: Context = { scan, file, add };
  readEmptiness(open);
  readRanges(open);
  readComparisons(open);
  readTexts(open);
  readPeriods(open);
  readValues(open);
  return inGroups(
    original,
    found.toSorted((a, b) => a.at - b.at),
  );
}

type Context = {
  readonly scan: Scan;
  readonly file: FileProfile;
  readonly add: (mark: string | undefined, condition: Condition | null) => boolean;
};

/** AND binds tighter than OR; neighbouring values of one column are alternatives. */
function inGroups(text: string, found: readonly Found[]): Filters {
  const groups: Condition[][] = [];
  let last: Found | null = null;
  for (const next of found) {
    const between = last === null ? "" : text.slice(last.at, next.at);
    const group = groups.at(-1);
    const previous = group?.at(-1);
    const isShort = between.length < 160;
    if (group === undefined || previous === undefined) groups.push([next.condition]);
    else if (isAlternative(previous, next.condition) || continuesExclusion(previous, next.condition, between)) {
      const operator = previous.operator === "!=" || previous.operator === "not-in" ? "not-in" : "in";
      group[group.length - 1] = {
        ...previous,
        operator,
        values: [...new Set([...previous.values, ...next.condition.values])],
      };
    } else if (
      isShort &&
      / or /.test(between) &&
      !/ and [^.]* or /.test(between.replace(/[NTVQ]\d+ and [NTVQ]\d+/g, ""))
    )
      groups.push([next.condition]);
    else group.push(next.condition);
    last = next;
  }
  return groups;
}

const POSITIVE: readonly Operator[] = ["=", "in"];
const NEGATIVE: readonly Operator[] = ["!=", "not-in"];

/** "Without South and West": the second value is left out as well. */
function continuesExclusion(a: Condition, b: Condition, between: string): boolean {
  const isList = /^\s*[VQ]\d+(?: (?:and|or|nor|,))+\s*$/.test(between);
  return isList && a.column === b.column && NEGATIVE.includes(a.operator) && b.operator === "=";
}

function isAlternative(a: Condition, b: Condition): boolean {
  const isBoth = (operators: readonly Operator[]): boolean =>
    operators.includes(a.operator) && operators.includes(b.operator);
  return a.column === b.column && (isBoth(POSITIVE) || isBoth(NEGATIVE));
}

function readEmptiness({ scan, add }: Context): void {
  const empty = "(?:null|empty|missing|blank|na|nan|unknown value)";
  take(scan, new RegExp(` (C\\d+) ${BE}(${NOT})?(?:equal to )?["']?${empty}["']?(?= )`, "g"), ([, mark, not]) => {
    const column = columnAt(scan, mark);
    const isNot = not !== undefined;
    return add(mark, column && { column: column.name, operator: isNot ? "is-not-empty" : "is-empty", values: [] });
  });
  take(
    scan,
    new RegExp(` (?:with|where|having) (?:a )?(?:non )(?:null|empty|missing) (C\\d+)(?= )`, "g"),
    ([, mark]) => {
      const column = columnAt(scan, mark);
      return add(mark, column && { column: column.name, operator: "is-not-empty", values: [] });
    },
  );
}

function readRanges({ scan, file, add }: Context): void {
  const link = "(?:in |within )?(?:the )?(?:range |interval )?(?:of |from |between )";
  const range = `([NTQ]\\d+) (?:and|to|until|till|through|-) (?:the year )?([NTQ]\\d+)`;
  take(
    scan,
    new RegExp(` (?:(C\\d+) ${BE}(${NOT})?)?${link}(?:the years? )?${range}(?= )`, "g"),
    ([, mark, not, low, high]) => {
      const from = mentionAt(scan, low);
      const to = mentionAt(scan, high);
      const named = columnAt(scan, mark);
      const isTime = named !== null && isYear(from) && isYear(to) && isBeyond(named, from);
      const column = isTime ? timeColumn(file) : (named ?? implied(from, file));
      if (column === null || from === null || to === null) return false;
      const values = [valueFor(column, from), valueFor(column, to)].filter((value) => value !== null);
      if (values.length < 2 || (column.kind === "category" && mark === undefined)) return false;
      if (not !== undefined) {
        const [first, last] = values;
        if (typeof first !== "number" || typeof last !== "number") return false;
        return add(mark, { column: column.name, operator: "<", values: [first] });
      }
      const added = add(mark ?? low, { column: column.name, operator: "between", values });
      return isTime && mark !== undefined ? `${mark} .` : added;
    },
  );
}

function readComparisons({ scan, file, add }: Context): void {
  for (const [words, operator] of COMPARISONS) {
    const pattern = new RegExp(
      ` (?:(C\\d+) ${BE}|(?:since ))?(${words}) (?:the )?(?:year |month )?(${ANY})(?: (C\\d+))?(?= )`,
      "g",
    );
    take(scan, pattern, ([, mark, word, operand, after]) => {
      const mention = mentionAt(scan, operand);
      if (mark === undefined && word === "from" && mention?.mark !== "T" && !isYear(mention)) return false;
      if (mark === undefined && (operator === "=" || operator === "!=") && mention?.mark !== "V") return false;
      const isTime = /after|before/.test(word ?? "") || mention?.mark === "T";
      const near = columnAt(scan, mark) ?? (after === undefined ? null : columnAt(scan, after));
      const column =
        near ??
        (isTime || isYear(mention) ? timeColumn(file) : null) ??
        nearestMeasure(scan, operand, file, word) ??
        implied(mention, file);
      const value = column === null || mention === null ? null : valueFor(column, mention);
      return add(
        mark ?? operand,
        column === null || value === null ? null : { column: column.name, operator, values: [value] },
      );
    });
  }
  take(scan, / since (?:the )?(?:year )?([NT]\d+)(?= )/g, ([, operand]) => {
    const mention = mentionAt(scan, operand);
    const column = timeColumn(file);
    const value = column === null || mention === null ? null : valueFor(column, mention);
    return add(
      operand,
      column === null || value === null ? null : { column: column.name, operator: ">=", values: [value] },
    );
  });
}

/** "over 50" without a column means the measure that is named, or the only one there is. */
function nearestMeasure(
  scan: Scan,
  operand: string | undefined,
  file: FileProfile,
  word: string | undefined,
): ColumnProfile | null {
  const measures = file.columns.filter((column) => column.kind === "measure");
  if (mentionAt(scan, operand)?.mark !== "N") return null;
  const columns = scan.mentions.map((mention) =>
    mention.mark === "C" && mention.column.kind === "measure" ? mention.column : null,
  );
  const [only, other] = measures;
  if (/old|young/.test(word ?? "")) return measures.find((column) => nameWords(column.name).includes("age")) ?? null;
  return columns.find((column) => column !== null) ?? (other === undefined ? (only ?? null) : null);
}

function readTexts({ scan, add }: Context): void {
  const tests: readonly (readonly [string, Operator])[] = [
    [
      "(?:contains?|containing|includes?|including|like|has the (?:substring|letter|word)|contain the letter)",
      "contains",
    ],
    ["(?:starts? with|starting with|begins? with|beginning with|initial with)", "starts-with"],
    ["(?:ends? with|ending with)", "ends-with"],
  ];
  for (const [words, operator] of tests) {
    const pattern = new RegExp(
      ` (C\\d+) ${BE}(${NOT})?${words} (?:the )?(?:letters? |word |substring )?(?:([VQN]\\d+)|([a-z0-9]+))(?: or ([a-z]))?(?= )`,
      "g",
    );
    take(scan, pattern, ([, mark, not, quoted, word, other]) => {
      const column = columnAt(scan, mark);
      const mention = mentionAt(scan, quoted);
      const text =
        mention === null
          ? word
          : mention.mark === "Q" || mention.mark === "N"
            ? mention.text
            : mention.mark === "V"
              ? mention.value
              : "";
      if (column === null || text === undefined || text === "") return false;
      const isNot = not !== undefined && operator === "contains";
      if (other !== undefined) add(mark, { column: column.name, operator, values: [other] });
      return add(mark, { column: column.name, operator: isNot ? "not-contains" : operator, values: [text] });
    });
  }
}

function readPeriods({ scan, file, add }: Context): void {
  const column = timeColumn(file);
  if (column === null) return;
  take(
    scan,
    / (?:(not|except|excluding) )?(?:(?:in|for|during|of|from|on|only|year|the) )+([NT]\d+)(?= )/g,
    ([, not, operand]) => {
      const mention = mentionAt(scan, operand);
      if (mention === null || (mention.mark === "N" && !isYear(mention))) return false;
      const value = valueFor(column, mention);
      return add(
        operand,
        value === null ? null : { column: column.name, operator: not === undefined ? "=" : "!=", values: [value] },
      );
    },
  );
  take(scan, / (?:and |or )?([NT]\d+)(?= )/g, ([, operand]) => {
    const mention = mentionAt(scan, operand);
    if (mention === null || (mention.mark === "N" && !isYear(mention))) return false;
    const value = valueFor(column, mention);
    return add(operand, value === null ? null : { column: column.name, operator: "=", values: [value] });
  });
}

function readValues({ scan, add }: Context): void {
  const not =
    "(?:not in|not include|not including|not|n't|isn|aren|doesn|don|excluding|exclude|except for|except|without|other than|but not|ignoring|ignore|leave out|leaving out|omit|!=|minus) (?:for |the |have |has |be |any ){0,6}";
  const pattern = new RegExp(
    ` (?:(C\\d+) )?${BE}(${not})?(?:=|:|equal to|equals|named|called|in|of|for|from|only|the|a|just|either|with| ){0,6}([VQ]\\d+|N\\d+)(?: (C\\d+))?(?= )`,
    "g",
  );
  take(scan, pattern, (match) => {
    const [whole, before, no, operand, after] = match;
    const mention = mentionAt(scan, operand);
    const near = columnAt(scan, before);
    const isLinked =
      near !== null &&
      /\b(?:is|are|was|were|=|:|equal|equals|in|of|named|called)\b|[=:]/.test((whole ?? "").replace(/[CVQN]\d+/g, ""));
    if (mention?.mark === "N") {
      if (!isLinked || near?.kind === "time") return false;
      const value = near === null ? null : valueFor(near, mention);
      return add(
        operand,
        near === null || value === null
          ? null
          : { column: near.name, operator: no === undefined ? "=" : "!=", values: [value] },
      );
    }
    const column = mention?.mark === "V" ? mention.column : near;
    const value = mention?.mark === "V" ? mention.value : mention?.mark === "Q" ? mention.text : null;
    if (column === null || value === null) return false;
    if (!add(operand, textCondition(column, value, no !== undefined))) return false;
    const isKept = (mark: string | undefined, isSaid: boolean): boolean =>
      mark !== undefined && (isSaid || columnAt(scan, mark)?.name !== column.name);
    return [isKept(before, !isLinked) ? before : "", ".", isKept(after, false) ? after : ""].join(" ").trim();
  });
}

/** Values that the profile cut short are compared by their beginning. */
function textCondition(column: ColumnProfile, value: string, isNot: boolean): Condition {
  if (value.endsWith("…")) return { column: column.name, operator: "starts-with", values: [value.slice(0, -1)] };
  return { column: column.name, operator: isNot ? "!=" : "=", values: [value] };
}

function isYear(mention: Mention | null): boolean {
  return mention?.mark === "N" && Number.isInteger(mention.value) && mention.value >= 1500 && mention.value <= 2100;
}

/** A year that the measure never reaches is a year, not an amount. */
function isBeyond(column: ColumnProfile, mention: Mention | null): boolean {
  return column.kind === "measure" && mention?.mark === "N" && column.max !== null && mention.value > column.max;
}

function implied(mention: Mention | null, file: FileProfile): ColumnProfile | null {
  if (mention?.mark === "V") return mention.column;
  if (mention?.mark === "T" || isYear(mention)) return timeColumn(file);
  return null;
}

export function timeColumn(file: FileProfile): ColumnProfile | null {
  return file.columns.find((column) => column.kind === "time") ?? null;
}

/** The value in the column's own terms; null when the two do not go together. */
function valueFor(column: ColumnProfile, mention: Mention): string | number | null {
  if (mention.mark === "C") return null;
  if (mention.mark === "V") return mention.value;
  if (mention.mark === "T") return column.kind === "time" ? mention.period : null;
  if (mention.mark === "Q")
    return column.kind === "measure" && Number.isFinite(Number(mention.text)) ? Number(mention.text) : mention.text;
  if (column.kind === "time") return isYear(mention) ? mention.text : null;
  return column.kind === "measure" ? mention.value : mention.text;
}
