// What the words ask for: chart, aggregate, groups, time steps, order, limit, target. Columns stay marks until here.
import { readFilters } from "./filters.ts";
import type { Aggregate, Chart, Filters, Grain, Target } from "./plan.ts";
import type { ColumnProfile, FileProfile } from "./profile.ts";
import { columnAt, columnsLeft, has, take, type Scan } from "./scan.ts";

export type Ask = {
  target: Target | null;
  isSummary: boolean;
  /** Facts about the columns were asked for by name: "summarise", "describe". */
  isFacts: boolean;
  isDrawing: boolean;
  chart: Chart | null;
  isStacked: boolean;
  isShare: boolean;
  isOverTime: boolean;
  isReversed: boolean;
  grain: Grain | null;
  sort: { readonly by: "x" | "y" | ColumnProfile; readonly order: "ascending" | "descending" } | null;
  limit: number | null;
  filters: Filters;
  measures: { readonly column: ColumnProfile | null; readonly aggregate: Aggregate }[];
  groups: ColumnProfile[];
  x: ColumnProfile | null;
  y: ColumnProfile | null;
  /** Columns named without a role, in order. */
  others: readonly ColumnProfile[];
  /** Words that no rule took. */
  unknown: readonly string[];
};

export function readAsk(scan: Scan, file: FileProfile): Ask {
  const ask: Ask = {
    target: null,
    isSummary: false,
    isFacts: false,
    isDrawing: false,
    chart: null,
    isStacked: false,
    isShare: false,
    isOverTime: false,
    isReversed: false,
    grain: null,
    sort: null,
    limit: null,
    filters: [],
    measures: [],
    groups: [],
    x: null,
    y: null,
    others: [],
    unknown: [],
  };
  readTarget(scan, ask);
  readSort(scan, ask);
  readLimit(scan, ask);
  ask.filters = readFilters(scan, file);
  readGrain(scan, ask);
  readChart(scan, ask);
  readAxes(scan, ask);
  readGroups(scan, ask);
  readMeasures(scan, ask);
  ask.isFacts = has(scan, / (?:summari[sz]e|summary|describe|description|statistics|stats|facts)(?: of)?(?= )/g);
  ask.isSummary = has(
    scan,
    / (?:explore|overview|analy[sz]e|analysis|profile|insights?|what (?:is|s) (?:in|inside)|what (?:is|are)|how (?:many|much)|what does|tell me(?: about)?|look at|explain)(?= )/g,
  );
  ask.isDrawing = has(
    scan,
    / (?:graphs?|plots?|plotted|charts?|draw|drawn|visuali[sz]e|visuali[sz]ation|diagram|figure|picture|show(?: me)?|display|compare|comparison)(?= )/g,
  );
  ask.others = columnsLeft(scan).filter((column) => !ask.groups.includes(column));
  ask.unknown = unknownWords(scan.text);
  return ask;
}

const TARGETS: Readonly<Record<string, Target>> = {
  excel: "xlsx",
  xlsx: "xlsx",
  xls: "xlsx",
  spreadsheet: "xlsx",
  csv: "csv",
  tsv: "tsv",
  json: "json",
  parquet: "parquet",
  markdown: "markdown",
  md: "markdown",
};

function readTarget(scan: Scan, ask: Ask): void {
  const names = "(excel|xlsx|xls|spreadsheet|csv|tsv|json|parquet|markdown|md)";
  const set = ([, name]: readonly (string | undefined)[]): void => void (ask.target = TARGETS[name ?? ""] ?? null);
  take(
    scan,
    new RegExp(
      ` (?:convert|converted|export|save|transform|change|turn|rewrite|translate|download|write|give|make|output|get|store)\\b[^.]{0,80}? (?:in|into|to|as|a|an) (?:(?:a|an|the|new|good|clean) )?${names}(?: (?:file|table|format|document|sheet))?(?= )`,
      "g",
    ),
    set,
  );
  take(
    scan,
    new RegExp(
      ` (?:to|as|into|in) (?:(?:a|an|the) )?${names}(?: (?:file|table|format|document|sheet))?(?: please)? $`,
      "g",
    ),
    set,
  );
  take(
    scan,
    new RegExp(
      ` (?:make|create|produce|generate) (?:(?:a|an|the|me) )*${names}(?: (?:file|table|sheet|document))?(?= )`,
      "g",
    ),
    set,
  );
}

const UP =
  "(?:ascending|asc|increasing|low to high|smallest first|lowest first|small to large|a to z|alphabetical|alphabetically|from a to z|up)";
const DOWN =
  "(?:descending|desc|decreasing|high to low|largest first|highest first|biggest first|large to small|z to a|from z to a|reverse|down)";

function readSort(scan: Scan, ask: Ask): void {
  const verb =
    "(?:sort(?:ed|ing)?|order(?:ed|ing)?|rank(?:ed|ing)?|arrange(?:d)?|list(?:ed)?|display(?:ed)?|organi[sz]ed?|show|put|from|in|by|with|could you|can you|please|and|the|an?|bars?|it|them|i want to|show|of|total|number|values?|names?|order|axis)";
  const filler = `(?:${verb} |[,;] )*`;
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

function readLimit(scan: Scan, ask: Ask): void {
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
    "(top|bottom|highest|lowest|largest|smallest|biggest|most|least|best|worst|greatest|first|last|fewest|cheapest)";
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

function readGrain(scan: Scan, ask: Ask): void {
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

const CHARTS: readonly (readonly [RegExp, Chart])[] = [
  [/ (?:histogram|frequency distribution|distribution plot)s?(?: chart| plot| graph)?(?= )/g, "histogram"],
  [/ (?:box ?plot|box and whisker|boxplot|box chart|whisker plot|box plot|box)s?(?= )/g, "box"],
  [
    / (?:scatter ?plots?|scattergram|scatter(?: (?:chart|plot|graph|diagram)s?)?|point chart|dot plot|bubble chart)(?= )/g,
    "scatter",
  ],
  [/ (?:pie(?: (?:chart|graph|plot|diagram)s?)?|do(?:ugh)?nut(?: chart)?|ring chart)(?= )/g, "pie"],
  [/ (?:stacked )?area(?: (?:chart|graph|plot)s?)?(?= )/g, "area"],
  [/ (?:horizontal bar(?:s)?(?: (?:chart|graph|plot)s?)?|barh|lying bars)(?= )/g, "horizontal-bar"],
  [/ (?:(?:multi(?:ple)? )?line(?:s)?(?: (?:chart|graph|plot|diagram)s?)|line|curve)(?= )/g, "line"],
  [
    / (?:(?:vertical )?bar(?:s)?(?: (?:chart|graph|plot|diagram)s?)?|column (?:chart|graph)s?|barchart|bargraph)(?= )/g,
    "bar",
  ],
];

function readChart(scan: Scan, ask: Ask): void {
  ask.isStacked = has(scan, / (?:stacked|grouped|clustered|side by side)(?= )/g);
  for (const [pattern, chart] of CHARTS) if (has(scan, pattern)) ask.chart ??= chart;
  ask.isShare = has(
    scan,
    / (?:shares?|proportions?|percentages?|percent|breakdown|fraction|ratio|%)(?: of)?(?: the)?(?= )/g,
  );
  take(
    scan,
    / (?:correlation|correlated|correlate|relationship|relation|association|dependence|dependency)s?(?: (?:between|of|with))?(?= )/g,
    () => {
      ask.chart ??= "scatter";
    },
  );
  take(
    scan,
    / (C\d+) (?:vs|versus|against|as a function of|depending on) (?:the )?(C\d+)(?= )/g,
    ([, first, second]) => {
      const [y, x] = [columnAt(scan, first), columnAt(scan, second)];
      if (x === null || y === null) return false;
      const bothNumbers = x.kind === "measure" && y.kind === "measure";
      if (!bothNumbers && x.kind !== "time") {
        ask.groups.push(y.kind === "measure" ? x : y);
        ask.y = y.kind === "measure" ? y : x.kind === "measure" ? x : null;
        return true;
      }
      [ask.x, ask.y] = [x, y];
      if (bothNumbers) ask.chart ??= "scatter";
      return true;
    },
  );
}

function readAxes(scan: Scan, ask: Ask): void {
  const is = "(?: axis)?(?: (?:is|as|shows?|being|representing|represents|to be|for|with|:|=|be))*(?: the)?";
  take(scan, new RegExp(` (?:the )?x${is} (C\\d+)(?= )`, "g"), ([, mark]) => void (ask.x ??= columnAt(scan, mark)));
  take(
    scan,
    / (C\d+) (?:on|as|in|along|for) (?:the )?x(?: axis)?(?= )/g,
    ([, mark]) => void (ask.x ??= columnAt(scan, mark)),
  );
  take(scan, new RegExp(` (?:the )?y${is} (C\\d+)(?= )`, "g"), ([, mark]) => void (ask.y ??= columnAt(scan, mark)));
  take(
    scan,
    / (C\d+) (?:on|as|in|along|for) (?:the )?y(?: axis)?(?= )/g,
    ([, mark]) => void (ask.y ??= columnAt(scan, mark)),
  );
  has(scan, / (?:(?:on|as|in|along|for|is|the) )*(?:the )?(?:x|y) axis(?= )/g);
}

function readGroups(scan: Scan, ask: Ask): void {
  const push = (mark: string | undefined): void => {
    const column = columnAt(scan, mark);
    if (column !== null && !ask.groups.includes(column)) ask.groups.push(column);
  };
  const filler =
    "(?:(?:the|different|distinct|attribute|type of|kind of|types of|name of|its|their|each|every|unique) )*";
  const link =
    "(?:by|per|for each|for every|of each|of every|in each|in every|from each|to each|at each|on each|with each|each|every|across|among|amongst|group by|grouped by|grouping by|broken down by|split by|split into|colou?red by|colou?r by|stacked by|segmented by|depending on|according to|along with their|over|under each|for all|for different|of different|for the different|belong to each|belonging to each|corresponding to each|that each|against)";
  take(
    scan,
    new RegExp(` ${link} ${filler}(C\\d+)(?: (?:and|,|and by|, by|, and|& )+ ?${filler}(C\\d+))?(?= )`, "g"),
    ([whole, first, second]) => {
      const column = columnAt(scan, first);
      if (column?.kind === "measure" && /^ (?:over|for all|against|according)/.test(whole ?? "")) return false;
      if (column?.kind === "measure" && column.distinct > 12 && ask.limit !== null && /^ (?:by|per) /.test(whole ?? "")) {
        ask.y ??= column;
        return second ?? true;
      }
      push(first);
      const other = columnAt(scan, second);
      if (other !== null && other.kind === "measure" && other.distinct > 20) {
        ask.measures.push({ column: other, aggregate: "none" });
      } else push(second);
      return true;
    },
  );
}

const AGGREGATES: readonly (readonly [string, Aggregate])[] = [
  [
    "(?:number|count|counts|total number|amount) of (?:distinct|different|unique)|(?:how many|count|counting) (?:distinct|different|unique)",
    "count-distinct",
  ],
  [
    "number of|numbers of|count of|counts of|count|counting|how many|frequency of|amount of|total number of|total number",
    "count",
  ],
  ["sum of|sum|total of|total|totals|overall|combined|cumulative|summed|accumulated|add up", "sum"],
  ["average of|average|averaged|mean of|mean|avg of|avg|typical", "mean"],
  ["median of|median", "median"],
  ["minimum of|minimum|minimal|min of|min|lowest|smallest|least|cheapest|shortest|youngest|earliest", "min"],
  ["maximum of|maximum|maximal|max of|max|highest|largest|biggest|greatest|most|longest|oldest|latest", "max"],
];

function readMeasures(scan: Scan, ask: Ask): void {
  const filler = "(?:(?:of|the|all|each|total|value|values|their|its|a|an|that|in|number) )*";
  for (const [words, aggregate] of AGGREGATES) {
    take(
      scan,
      new RegExp(` (?:the )?(?:${words}) ${filler}(C\\d+)(?: (?:and|,|as well as) (?:the )?(C\\d+))?(?= )`, "g"),
      ([, first, second]) => {
        for (const mark of [first, second]) addMeasure(ask, columnAt(scan, mark), aggregate);
      },
    );
  }
  take(scan, / (C\d+) (?:count|counts|frequency|frequencies)(?= )/g, ([, mark]) =>
    addMeasure(ask, columnAt(scan, mark), "count"),
  );
  const counts =
    "(?:number|numbers|count|counts|counting|how many|frequency|frequencies|tally|amount|total number|occurrences?|how often|the most)";
  take(
    scan,
    new RegExp(
      ` (?:the )?(?:${counts})(?: of)?(?: (?!by|per|for|in|each|across|and|over|with|of|from|on|to|that|who|which|are|is|the|in)[a-z]{3,})?(?= )`,
      "g",
    ),
    () => {
      if (ask.measures.every((measure) => measure.aggregate !== "count"))
        ask.measures.push({ column: null, aggregate: "count" });
    },
  );
  for (const [words, aggregate] of AGGREGATES.slice(2)) {
    take(scan, new RegExp(` (?:the |their |its )?(?:${words})(?= )`, "g"), () => {
      const open = columnsLeft(scan).find((column) => column.kind === "measure" && !ask.groups.includes(column));
      if (open === undefined || ask.measures.length > 0) return false;
      addMeasure(ask, open, aggregate);
      return true;
    });
  }
}

/** Counting a thing means counting its rows. */
function addMeasure(ask: Ask, column: ColumnProfile | null, aggregate: Aggregate): void {
  if (column === null) return;
  const known = ask.measures.some((measure) => measure.column === column && measure.aggregate === aggregate);
  if (!known) ask.measures.push({ column, aggregate });
}

const SILENT = new Set(
  (
    "a an the of for in on at to from by with and or as is are was were be it its this that these those their them there me my i we you your our us " +
    "please can could would will want like need give make create get find return list use using via let see do does did what which who when where how " +
    "all any each every some chart graph plot visualization file csv tsv excel json table data dataset sheet spreadsheet values value columns column rows row " +
    "only into per about also well just then than more most between across over respectively corresponding attribute field fields name names result results x y axis " +
    "one two here up out if so but not no have has had s t show display having whose such type types different chart. nice good simple quick new report using title " +
    "against versus vs bar line pie hi hello hey thanks thank . , ; : ? =" +
    " group grouped bin order total number"
  ).split(" "),
);

function unknownWords(text: string): readonly string[] {
  return text.split(" ").filter((word) => word !== "" && !SILENT.has(word) && !/^[CVNTQ]\d+$/.test(word));
}
