// Requests and what becomes of them, read as one table; then the planner's manners.
import { describe, expect, test } from "bun:test";
import { plan } from "../../src/planner/planner.ts";
import { gist } from "./gist.ts";
import { broken, countries, people, profile, sales, time, measure } from "./profiles.ts";

const REQUESTS = [
  [sales, "Graph this CSV file", "line Date/month sum(Revenue) colour=Region"],
  [sales, "plot the data", "line Date/month sum(Revenue) colour=Region"],
  [sales, "chart it please", "line Date/month sum(Revenue) colour=Region"],
  [sales, "Plot revenue by month", "line Date/month sum(Revenue)"],
  [sales, "plot sales by month", "line Date/month count"],
  [sales, "monthly revenue", "line Date/month sum(Revenue)"],
  [sales, "revenue per quarter", "line Date/quarter sum(Revenue)"],
  [sales, "yearly revenue as a bar chart", "bar Date/year sum(Revenue)"],
  [sales, "revenue over time", "line Date/month sum(Revenue)"],
  [sales, "revenue over time by region", "line Date/month sum(Revenue) colour=Region"],
  [sales, "Show me the trend of revenue", "line Date/month sum(Revenue)"],
  [sales, "line chart of average unit price by week", "line Date/week mean(Unit Price)"],
  [sales, "bar chart of average unit price per region for 2023", "bar Region mean(Unit Price) [Date = 2023]"],
  [sales, "average unit price by region in 2022", "bar Region mean(Unit Price) [Date = 2022]"],
  [sales, "total revenue by product", "bar Product sum(Revenue)"],
  [sales, "share of revenue by product", "pie Product sum(Revenue)"],
  [sales, "pie chart of revenue by region", "pie Region sum(Revenue)"],
  [sales, "what share of revenue does each region have", "pie Region sum(Revenue)"],
  [sales, "histogram of revenue", "histogram Revenue"],
  [sales, "distribution of unit price", "histogram Unit Price"],
  [sales, "scatter plot of revenue vs quantity sold", "scatter quantity_sold Revenue"],
  [sales, "correlation between unit price and quantity sold", "scatter Unit Price quantity_sold"],
  [sales, "box plot of revenue by region", "box Region Revenue"],
  [sales, "revenue by region and product", "bar Region sum(Revenue) colour=Product"],
  [sales, "stacked bar of revenue by region and product", "bar Region sum(Revenue) colour=Product"],
  [sales, "grouped bar chart of revenue by product and region", "bar Product sum(Revenue) colour=Region"],
  [sales, "area chart of revenue by month and region", "area Date/month sum(Revenue) colour=Region"],
  [sales, "number of orders by region", "bar Region count"],
  [sales, "how many orders per month", "line Date/month count"],
  [sales, "count of rows by product", "bar Product count"],
  [sales, "how many rows are there", "facts count"],
  [sales, "how many orders were returned", "bar Returned count"],
  [sales, "how many products are there", "facts count-distinct(Product)"],
  [sales, "what is the total revenue", "facts sum(Revenue)"],
  [sales, "what is the average unit price in 2023", "facts mean(Unit Price) [Date = 2023]"],
  [sales, "sum of revenue for North", "facts sum(Revenue) [Region = North]"],
  [sales, "maximum revenue", "facts max(Revenue)"],
  [sales, "median unit price by product", "bar Product median(Unit Price)"],
  [sales, "minimum and maximum revenue by region", "bar Region min(Revenue) max(Revenue)"],
  [sales, "top 5 products by revenue", "bar Product sum(Revenue) y↓ 5"],
  [sales, "bottom 3 products by revenue", "bar Product sum(Revenue) y↑ 3"],
  [sales, "3 best regions by total revenue", "bar Region sum(Revenue) y↓ 3"],
  [sales, "only north: revenue by month", "line Date/month sum(Revenue) [Region = North]"],
  [sales, "revenue by month only for the North region", "line Date/month sum(Revenue) [Region = North]"],
  [sales, "revenue by month excluding South", "line Date/month sum(Revenue) [Region != South]"],
  [sales, "revenue by region without South and West", "bar Region sum(Revenue) [Region not-in South|West]"],
  [sales, "revenue by product where quantity sold is greater than 10", "bar Product sum(Revenue) [quantity_sold > 10]"],
  [sales, "revenue by product where quantity > 10", "bar Product sum(Revenue) [quantity_sold > 10]"],
  [sales, "revenue by product for unit price between 20 and 50", "bar Product sum(Revenue) [Unit Price between 20|50]"],
  [sales, "products with unit price under 20", "bar Product count [Unit Price < 20]"],
  [sales, "revenue by region where product is not chair", "bar Region sum(Revenue) [Product != Chair]"],
  [sales, "revenue by region for desk lamp", "bar Region sum(Revenue) [Product = Desk lamp]"],
  [sales, "revenue for North or South by month", "line Date/month sum(Revenue) [Region in North|South]"],
  [sales, "revenue by month in 2023", "line Date/month sum(Revenue) [Date = 2023]"],
  [sales, "revenue by month since 2022", "line Date/month sum(Revenue) [Date >= 2022]"],
  [sales, "revenue by month between 2021 and 2022", "line Date/month sum(Revenue) [Date between 2021|2022]"],
  [sales, "revenue by month before 2023", "line Date/month sum(Revenue) [Date < 2023]"],
  [sales, "revenue in March 2022 by day", "line Date/day sum(Revenue) [Date = 2022-03]"],
  [sales, "revenue by weekday", "bar Date/weekday sum(Revenue)"],
  [sales, "revenue by day of the week", "bar Date/weekday sum(Revenue)"],
  [sales, "average revenue by region sorted ascending", "bar Region mean(Revenue) y↑"],
  [sales, "revenue by region, sort by region name", "bar Region sum(Revenue) x↑"],
  [sales, "revenue by product descending", "bar Product sum(Revenue) y↓"],
  [sales, "summarise this", "facts"],
  [sales, "summarize the file", "facts"],
  [sales, "describe", "facts"],
  [sales, "describe the unit price", "facts Unit Price"],
  [sales, "what is in this file?", "overview 4"],
  [sales, "statistics", "facts"],
  [sales, "give me an overview", "overview 4"],
  [sales, "Convert to Excel", "convert xlsx"],
  [sales, "convert this to json please", "convert json"],
  [sales, "save as parquet", "convert parquet"],
  [sales, "export as CSV", "convert csv"],
  [sales, "turn it into a markdown table", "convert markdown"],
  [sales, "make an excel file sorted by revenue descending", "convert xlsx Revenue↓"],
  [sales, "convert only region and revenue to csv", "convert csv Region Revenue"],
  [sales, "convert to json where region is North", "convert json [Region = North]"],
  [sales, "", "overview 4"],
  [sales, "hello", "overview 4"],
  [sales, "write a poem about the sea", "overview 4"],
  [sales, "revenu by prodct", "bar Product sum(Revenue)"],
  [sales, "avg price by region", "bar Region mean(Unit Price)"],
  [sales, "qty sold by region", "bar Region sum(quantity_sold)"],
  [sales, "returned by region", "bar Region count colour=Returned"],
  [sales, "plot Revenue", "line Date/month sum(Revenue)"],
  [sales, "plot region", "bar Region count"],
  [sales, "plot region and revenue", "bar Region sum(Revenue)"],
  [sales, "show product", "bar Product count"],
  [sales, "compare revenue of North and South by month", "line Date/month sum(Revenue) [Region in North|South]"],
  [sales, "revenue of chairs by month", "line Date/month sum(Revenue) [Product = Chair]"],
  [sales, "what are the sales in Q1 2022 by product", "bar Product count [Date = 2022Q1]"],
  [sales, "number of orders with revenue above 500 by region", "bar Region count [Revenue > 500]"],
  [sales, "plot sales.csv", "line Date/month sum(Revenue) colour=Region"],
  [sales, "revenue per region, biggest first", "bar Region sum(Revenue) y↓"],
  [sales, "which product has the highest revenue", "bar Product sum(Revenue) y↓"],
  [sales, "rank the regions by revenue", "bar Region sum(Revenue) y↓"],
  [countries, "top 10 countries by population", "bar Country Population y↓ 10"],
  [countries, "the 5 smallest countries by population", "bar Country Population y↑ 5"],
  [countries, "life expectancy by continent", "bar Continent mean(life_expectancy)"],
  [countries, "average gdp per capita by continent", "bar Continent mean(gdpPerCapita)"],
  [countries, "gdp per capita vs life expectancy", "scatter life_expectancy gdpPerCapita"],
  [
    countries,
    "plot life expectancy against gdp per capita by continent",
    "scatter gdpPerCapita life_expectancy colour=Continent",
  ],
  [countries, "population of France", "facts sum(Population) [Country = France]"],
  [countries, "countries with population over 100 million", "bar Country Population [Population > 100000000]"],
  [countries, "population by country in Europe", "bar Country Population [Continent = Europe]"],
  [countries, "share of population by continent", "pie Continent sum(Population)"],
  [countries, "Graph this", "bar Continent sum(Population)"],
  [countries, "histogram of life expectency", "histogram life_expectancy"],
  [countries, "number of countries per continent", "bar Continent count(Country)"],
  [countries, "10 richest countries by gdp per capita as bar chart", "bar Country gdpPerCapita y↓ 10"],
  [countries, "population by country excluding Asia", "bar Country Population [Continent != Asia]"],
  [people, "scatter height vs weight", "scatter weight_kg height_cm"],
  [people, "height against weight by gender", "scatter weight_kg height_cm colour=gender"],
  [people, "histogram of age", "histogram age"],
  [people, "average weight by gender", "bar gender mean(weight_kg)"],
  [people, "how many women and men", "facts count"],
  [people, "people older than 60 by gender", "bar gender count [age > 60]"],
  [people, "weight of females", "histogram weight_kg [gender = female]"],
  [people, "box plot of height per gender", "box gender height_cm"],
  [people, "average age", "facts mean(age)"],
  [people, "how many people are over 50", "facts count"],
] as const;

describe("a request becomes the plan that a reader expects:", () => {
  test.each(REQUESTS.map(([file, prompt, expected]) => [prompt, file, expected] as const))(
    "“%s”",
    (prompt, file, expected) => {
      expect(gist(plan({ prompt, files: [file] }))).toBe(expected);
    },
  );
});

describe("without words", () => {
  test.each([
    [
      "a time and a measure are a line",
      [time("day", "2024-01-01T00:00:00", "2024-03-01T00:00:00", "day", 60), measure("visits")],
      "line day visits",
    ],
    ["two measures are points", [measure("a", 0, 9), measure("b", 0, 9)], "scatter a b"],
    ["one measure is a histogram", [measure("a", 0, 9)], "histogram a"],
    ["a category alone is counted", [{ name: "colour" }], "bar colour count"],
  ])("%s", (_name, columns, expected) => {
    expect(gist(plan({ prompt: "Graph this CSV file", files: [profile("t.csv", columns, 60)] }))).toBe(expected);
  });
});

describe("the planner", () => {
  test("says what it understood and which words it did not use", () => {
    const result = plan({ prompt: "bar chart of revenue by region with sparkles", files: [sales] });
    expect(result).toMatchObject({
      understood: "The sum of Revenue by Region, as a bar chart, from sales.csv. Not used: sparkles.",
      confidence: 0.88,
    });
  });

  test("says so honestly when no word names anything in the file", () => {
    const result = plan({ prompt: "flibber the wobble", files: [sales] });
    if (result.kind !== "plan") throw new Error("a plan was expected");
    expect(result.understood).toContain("I did not find columns for your words (flibber and wobble)");
    expect(result.confidence).toBeLessThan(0.4);
  });

  test("trusts itself less when a number finds no use", () => {
    const sure = plan({ prompt: "average age", files: [people] });
    const unsure = plan({ prompt: "average age 77", files: [people] });
    if (sure.kind !== "plan" || unsure.kind !== "plan") throw new Error("plans were expected");
    expect(unsure.confidence).toBeLessThan(sure.confidence);
  });

  test("takes the file that is named, else the first that can be read, and says so", () => {
    const bad = broken("empty.csv", "empty", "The file is empty (0 bytes).");
    const named = plan({ prompt: "plot population by continent in countries.csv", files: [sales, countries] });
    const first = plan({ prompt: "revenue by region", files: [bad, sales, countries] });
    expect(named).toMatchObject({ plan: { source: { name: "countries.csv" } } });
    expect(first).toMatchObject({ plan: { source: { name: "sales.csv" } } });
    expect(first.kind === "plan" && first.understood).toContain("the first of the files that can be read");
  });

  test("refuses a file that cannot be read, in the profiler's words", () => {
    const bad = broken("a.csv", "empty", "The file is empty (0 bytes).");
    expect(plan({ prompt: "graph this", files: [bad] })).toEqual({
      kind: "refuse",
      message: "a.csv: The file is empty (0 bytes).",
    });
  });

  test("asks for a file when there is none", () => {
    expect(plan({ prompt: "graph my sales", files: [] }).kind).toBe("ask");
  });

  test("refuses a format that the sandbox cannot write", () => {
    const capabilities = { excel: true, parquet: false };
    expect(plan({ prompt: "convert to parquet", files: [sales], capabilities }).kind).toBe("refuse");
    expect(plan({ prompt: "convert to excel", files: [sales], capabilities }).kind).toBe("plan");
  });

  test("names only columns that exist, whatever the request", () => {
    const names = new Set(sales.columns.map((column) => column.name));
    for (const [, prompt] of REQUESTS) {
      const result = plan({ prompt, files: [sales] });
      if (result.kind !== "plan") throw new Error("a plan was expected");
      for (const column of result.plan.source.columns) expect(names.has(column.name)).toBe(true);
    }
  });

  test("carries a hostile column name as data, unchanged", () => {
    const name = `"); import os # \n'''`;
    const result = plan({ prompt: `plot ${name}`, files: [profile("t.csv", [measure(name)])] });
    expect(result).toMatchObject({ plan: { x: { column: name } } });
  });

  test.each([
    ["words", "revenue by region and "],
    ["numbers", "between 1 and 2 or over 3 "],
    ["sorting words", "sort in the order of the total number by the y axis from "],
    ["convert words", "convert save export to as "],
    ["letters", "a"],
    ["brackets", "\"'“((("],
  ])("comes to an end on ten thousand characters of %s", (_name, piece) => {
    const prompt = piece.repeat(Math.ceil(10_000 / piece.length)).slice(0, 10_000);
    expect(plan({ prompt, files: [sales] }).kind).toBe("plan");
  });
});
