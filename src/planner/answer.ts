// The words that go with a result: what was understood and done, then the facts where they are the answer.
import { CHART_WORDS, planPhrase, TARGET_WORDS } from "./describe.ts";
import type { Plan } from "./plan.ts";

/** Tables longer than this are cut in the answer; the artifact or stdout has the rest. */
const MAX_LINES = 64;
const MAX_LINE = 2_000;

type Facts = {
  readonly used: string;
  readonly total: string;
  readonly written: string;
  readonly lines: readonly string[];
  readonly isEmpty: boolean;
};

/** Markdown. Names from the file and all that the sandbox printed are escaped: they are data. */
export function answer(plan: Plan, outcome: { readonly stdout: string }): string {
  const facts = readFacts(outcome.stdout);
  const parts = [sentence(plan, facts), ...notes(plan, facts)];
  return parts.filter((part) => part !== "").join("\n\n");
}

function sentence(plan: Plan, facts: Facts): string {
  const phrase = planPhrase(plan, (name) => `**${escapeMarkdown(name)}**`);
  const source = `*${escapeMarkdown(plan.source.name)}*${rowsPhrase(facts)}`;
  if (facts.isEmpty) return `No row is left for ${phrase}, so there is nothing to draw. I looked in ${source}.`;
  if (plan.kind === "chart") return `I drew ${phrase}, as ${CHART_WORDS[plan.chart]}, from ${source}.`;
  if (plan.kind === "overview") return `Here is a first look at ${source}.`;
  if (plan.kind === "summarise") {
    return `Here is ${phrase.replace(/^the facts about/, "what I found about")}, from ${source}.`;
  }
  const saved = facts.written === "" ? `a ${TARGET_WORDS[plan.target]} file` : `*${escapeMarkdown(facts.written)}*`;
  return `I saved ${phrase} in ${saved}, from ${source}.`;
}

function rowsPhrase({ used, total }: Facts): string {
  if (used === "") return "";
  return used === total ? ` (${used} rows)` : ` (${used} of ${total} rows)`;
}

/** Tables answer questions about numbers; under a chart a line about its extremes and what was left out is enough. */
function notes(plan: Plan, { lines }: Facts): readonly string[] {
  const said = lines.filter((line) => !line.startsWith("|") && /^(?:Highest|Shown|Drawn|An Excel sheet)/.test(line));
  const isTabular = plan.kind === "summarise" || plan.kind === "overview";
  const more = isTabular ? lines.filter((line) => /^[\d,]+ more rows are not shown\.$/.test(line)) : [];
  const table =
    plan.kind === "summarise" || plan.kind === "overview"
      ? lines.filter((line) => line.startsWith("|")).slice(0, MAX_LINES)
      : [];
  return [said.map(escapeMarkdown).join(" "), table.map(escapeRow).join("\n"), ...more];
}

function readFacts(stdout: string): Facts {
  const lines = stdout
    .split("\n")
    .slice(0, 1_000)
    .map((line) => line.slice(0, MAX_LINE).trimEnd());
  const rows = lines.map((line) => /^Rows used: ([\d,]+) of ([\d,]+)$/.exec(line)).find((match) => match !== null);
  const written = lines.find((line) => line.startsWith("Written: "))?.slice(9) ?? "";
  const isEmpty = lines.some((line) => line.startsWith("Nothing to draw:"));
  return { used: rows?.[1] ?? "", total: rows?.[2] ?? "", written, lines, isEmpty };
}

/** A table row keeps its bars; what is between them is escaped. */
function escapeRow(line: string): string {
  if (/^[|:-]+$/.test(line)) return line;
  const cells = line.replace(/^\||\|$/g, "").split(/(?<!\\)\|/);
  return `|${cells.map((cell) => ` ${escapeMarkdown(cell.trim().replace(/\\([|\\])/g, "$1"))} `).join("|")}|`;
}

/** Text that no Markdown renderer takes for markup, nor for a link. */
function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[\\`*[\]<>|~&]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\$&")
    .replace(/:(?=\/\/)|(?<=www)\./gi, "\\$&");
}
