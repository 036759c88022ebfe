// What the words ask for: chart, aggregate, groups, target. Columns stay marks until here.
import type { Ask } from "./ask.ts";
import { readFilters } from "./filters.ts";
import { readGrain, readLimit, readSort, readWhich } from "./order.ts";
import type { Aggregate, Chart, Target } from "./plan.ts";
import type { ColumnProfile, FileProfile } from "./profile.ts";
import { columnAt, columnsLeft, has, mentionAt, take, type Scan } from "./scan.ts";

export function readAsk(scan: Scan, file: FileProfile): Ask {
  const ask: Ask = {
    target: null,
    isSummary: false,
    isFacts: false,
    isDistribution: false,
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
  readWhich(scan, ask);
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
  const numbers = scan.text.match(/\bN\d+\b/g) ?? [];
  ask.unknown = [...unknownWords(scan.text), ...numbers.map((mark) => numberText(scan, mark))];
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
      ` (?:convert|converted|export|save|transform|change|turn|rewrite|translate|download|write|give|make|output|get|store)\\b([^.]{0,80}?) (?:in|into|to|as|a|an) (?:(?:a|an|the|new|good|clean) )?${names}(?: (?:file|table|format|document|sheet))?(?= )`,
      "g",
    ),
    ([, middle, name]) => {
      set([name, name]);
      return `. ${(middle ?? "").trim()} .`;
    },
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
      ` (?:make|create|produce|generate) (?:(?:a|an|the|me) ){0,6}${names}(?: (?:file|table|sheet|document))?(?= )`,
      "g",
    ),
    set,
  );
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
  ask.isDistribution = has(scan, / (?:distribution|spread)s?(?: of)?(?: the)?(?= )/g);
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
  const is = "(?: axis)?(?: (?:is|as|shows?|being|representing|represents|to be|for|with|:|=|be)){0,4}(?: the)?";
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
  has(scan, / (?:(?:on|as|in|along|for|is|the) ){0,6}(?:the )?(?:x|y) axis(?= )/g);
}

function readGroups(scan: Scan, ask: Ask): void {
  const push = (mark: string | undefined): void => {
    const column = columnAt(scan, mark);
    if (column !== null && !ask.groups.includes(column)) ask.groups.push(column);
  };
  const filler =
    "(?:(?:the|different|distinct|attribute|type of|kind of|types of|name of|its|their|each|every|unique) ){0,6}";
  const link =
    "(?:by|per|for each|for every|of each|of every|in each|in every|from each|to each|at each|on each|with each|each|every|across|among|amongst|group by|grouped by|grouping by|broken down by|split by|split into|colou?red by|colou?r by|stacked by|segmented by|depending on|according to|along with their|over|under each|for all|for different|of different|for the different|belong to each|belonging to each|corresponding to each|that each|against)";
  take(
    scan,
    new RegExp(` ${link} ${filler}(C\\d+)(?: (?:and|,|and by|, by|, and|& )+ ?${filler}(C\\d+))?(?= )`, "g"),
    ([whole, first, second]) => {
      const column = columnAt(scan, first);
      if (column?.kind === "measure" && /^ (?:over|for all|against|according)/.test(whole ?? "")) return false;
      if (
        column?.kind === "measure" &&
        column.distinct > 12 &&
        ask.limit !== null &&
        /^ (?:by|per) /.test(whole ?? "")
      ) {
        ask.y ??= column;
        return `. ${second ?? "."}`;
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
  ["number of|numbers of|count of|counts of|count|counting|how many|frequency of|amount of", "count"],
  ["sum of|sum|total of|total|totals|overall|combined|cumulative|summed|accumulated|add up", "sum"],
  ["average of|average|averaged|mean of|mean|avg of|avg|typical", "mean"],
  ["median of|median", "median"],
  ["minimum of|minimum|minimal|min of|min|lowest|smallest|least|cheapest|shortest|youngest|earliest", "min"],
  ["maximum of|maximum|maximal|max of|max|highest|largest|biggest|greatest|most|longest|oldest|latest", "max"],
];

function readMeasures(scan: Scan, ask: Ask): void {
  const filler = "(?:(?:of|the|all|each|total|value|values|their|its|a|an|that|in|number) ){0,6}";
  take(
    scan,
    / (?:the )?(?:total (?:number|amount|count)(?: of)?|(?:how many|number of) total) (?:the |their )?(C\d+)(?= )/g,
    ([, mark]) => {
      const column = columnAt(scan, mark);
      addMeasure(ask, column, column?.kind === "measure" ? "sum" : "count");
    },
  );
  const one = "(minimum|min|lowest|maximum|max|highest|average|mean|median|total|sum)";
  take(
    scan,
    new RegExp(` ${one} (?:and|&) (?:the )?${one} (?:of )?(?:the )?(C\\d+)(?= )`, "g"),
    ([, first, second, mark]) => {
      return `${first} ${mark} . ${second} ${mark}`;
    },
  );
  for (const [words, aggregate] of AGGREGATES) {
    const pattern = new RegExp(
      ` (?:the )?(?:${words}) ${filler}(C\\d+)(?: (and |, |as well as )?(?:the )?(C\\d+))?(?= )`,
      "g",
    );
    take(scan, pattern, ([, first, link, second]) => {
      const [one, two] = [columnAt(scan, first), columnAt(scan, second)];
      const isArithmetic = aggregate !== "count" && aggregate !== "count-distinct";
      const isMade = (column: ColumnProfile | null): boolean =>
        column !== null && (!isArithmetic || column.number !== null);
      const isQualified =
        link === undefined && isArithmetic && one?.number === null && two !== null && two.number !== null;
      if (!isQualified) addMeasure(ask, one, aggregate);
      if (isQualified || (link !== undefined && isMade(two))) addMeasure(ask, two, aggregate);
      else if (second !== undefined) return `. ${second}`;
      return true;
    });
  }
  take(scan, / (C\d+) (?:count|counts|frequency|frequencies)(?= )/g, ([, mark]) =>
    addMeasure(ask, columnAt(scan, mark), "count"),
  );
  readBareMeasures(scan, ask);
}

/** "The number of orders", "… on average": an aggregate whose column is not beside it. */
function readBareMeasures(scan: Scan, ask: Ask): void {
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
    " group grouped bin order total number distribution distributions different showing shows"
  ).split(" "),
);

function numberText(scan: Scan, mark: string): string {
  const mention = mentionAt(scan, mark);
  return mention?.mark === "N" ? mention.text : "";
}

function unknownWords(text: string): readonly string[] {
  return text.split(" ").filter((word) => word !== "" && !SILENT.has(word) && !/^[CVNTQ]\d+$/.test(word));
}
