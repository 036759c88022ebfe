// Words and file profiles → a plan: choose the file, read the words, give columns their roles, say what was understood.
import type { Ask } from "./ask.ts";
import { bind } from "./bind.ts";
import { compose, type Composed } from "./compose.ts";
import { CHART_WORDS, listPhrase, planPhrase, TARGET_WORDS } from "./describe.ts";
import { readAsk } from "./grammar.ts";
import { readRequest } from "./mentions.ts";
import type { PlanDraft, PlanRequest, PlanResult } from "./plan.ts";
import type { FileProfile } from "./profile.ts";
import { scanOf } from "./scan.ts";

/** Longer requests are read up to here. */
const MAX_PROMPT = 10_000;

/** What to do about `prompt`. Pure and quick: no model, no I/O, no clock. */
export function plan({ prompt, files, capabilities }: PlanRequest): PlanResult {
  const usable = files.filter((file) => file.reading !== null && file.columns.length > 0);
  const request = prompt.slice(0, MAX_PROMPT);
  const named = files.find((file) => mentionsFile(request, file));
  const file = named ?? usable[0];
  if (file === undefined) return withoutFile(files);
  if (file.reading === null || file.problem !== null) return { kind: "refuse", message: problemOf(file) };
  const ask = readAsk(scanOf(readRequest(withoutFileName(request, file), file)), file);
  const composed = compose(ask, file);
  const { draft } = composed;
  if (
    draft.kind === "convert" &&
    ((draft.target === "xlsx" && capabilities?.excel === false) ||
      (draft.target === "parquet" && capabilities?.parquet === false))
  ) {
    const name = TARGET_WORDS[draft.target];
    return {
      kind: "refuse",
      message: `This sandbox cannot write ${name} files: the library for it is missing. Ask for CSV or JSON instead.`,
    };
  }
  const isAmongOthers = named === undefined && files.length > 1;
  return {
    kind: "plan",
    plan: bind(draft, file),
    understood: understoodAs(composed, ask, file, isAmongOthers),
    confidence: confidenceOf(composed, ask),
  };
}

function withoutFile(files: readonly FileProfile[]): PlanResult {
  if (files.length > 0) return { kind: "refuse", message: files.map(problemOf).join("\n") };
  return {
    kind: "ask",
    question:
      "Which table should I look at? Send a CSV, Excel, JSON or Parquet file with your question. (Without a model I can work with tables only.)",
    suggestions: ["Graph this CSV file", "Summarise this file", "Convert this file to Excel"],
  };
}

function problemOf(file: FileProfile): string {
  return `${file.name}: ${file.problem?.message ?? "there is no table in this file."}`;
}

function mentionsFile(prompt: string, file: FileProfile): boolean {
  return file.name !== "" && prompt.toLowerCase().includes(file.name.toLowerCase());
}

/** The file's name is not a wish: "plot sales.csv" names no column and no target. */
function withoutFileName(prompt: string, file: FileProfile): string {
  const at = file.name === "" ? -1 : prompt.toLowerCase().indexOf(file.name.toLowerCase());
  return at < 0 ? prompt : `${prompt.slice(0, at)} this file ${prompt.slice(at + file.name.length)}`;
}

function understoodAs({ draft, isGuess }: Composed, ask: Ask, file: FileProfile, isAmongOthers: boolean): string {
  const what = `${capital(planPhrase(draft))}${formPhrase(draft)}, from ${file.name}${isAmongOthers ? " (the first of the files that can be read)" : ""}.`;
  const unused = [...new Set(ask.unknown)].filter((word) => /\p{L}{2}/u.test(word)).slice(0, 8);
  if (isGuess) {
    const lead =
      unused.length === 0
        ? "No particular request was found"
        : `I did not find columns for your words (${listPhrase(unused, 8)})`;
    return `${lead}, so this is a first look: ${what.charAt(0).toLowerCase()}${what.slice(1)}`;
  }
  return unused.length === 0 ? what : `${what} Not used: ${listPhrase(unused, 8)}.`;
}

/** ", as a line chart": what the noun phrase leaves out. */
function formPhrase(draft: PlanDraft): string {
  return draft.kind === "chart" ? `, as ${CHART_WORDS[draft.chart]}` : "";
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Every word that found no use takes a little of the trust. */
function confidenceOf({ isGuess, draft }: Composed, ask: Ask): number {
  const base = isGuess ? 0.35 : draft.kind === "overview" ? 0.8 : 0.95;
  return Math.max(0.2, Math.round((base - 0.07 * Math.min(8, new Set(ask.unknown).size)) * 100) / 100);
}
