// `bun run live:model` and `live:e2b`: the questions of this folder, asked of the model (and the sandbox) that your keys are for.
// It costs money: so much is said beforehand, and the limits of a day hold. The answers are judged by what is true, not by a model.
import { join } from "node:path";
import { loadConfig, readEnvironment, ROOT } from "../src/shared/config.ts";
import { speakersOf } from "../src/shared/models.ts";
import { openHouseOf, type Asked } from "./live/house.ts";
import { QUESTIONS, type Question } from "./live/questions.ts";
import { median } from "./report.ts";

const isCloud = process.argv.includes("--e2b");
const environment = readEnvironment();
const config = loadConfig(environment);
const { names, problem } = speakersOf(config);

if (problem !== null || names.length === 0) {
  console.error(
    problem ?? "There is no model to ask. Give it a key: bun run models -- key PROVIDER, or see docs/models.md.",
  );
  process.exit(1);
}
if (isCloud && config.e2b.apiKey === "") {
  console.error("E2B_API_KEY is not set, so nothing can run in E2B's cloud.");
  process.exit(1);
}
const limit = `$${(config.budget.day / 1e6).toFixed(2)}`;
console.log(
  `${QUESTIONS.length} questions to ${names[0] ?? ""}, code ${isCloud ? "in E2B's cloud" : "on this machine"}; ${limit} at most.`,
);

const settings = Object.fromEntries(
  Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
);
await using house = await openHouseOf(
  { ...settings, SANDPIPER_SANDBOX: isCloud ? "e2b" : "local", SANDPIPER_HOME: "", SANDPIPER_PORT: "0" },
  config,
);
const results: (Asked & { readonly isRight: boolean })[] = [];
for (const question of QUESTIONS) {
  const asked = await house.ask(question.words, join(ROOT, "examples", question.file));
  const isRight = isAnswered(question, asked);
  results.push({ ...asked, isRight });
  console.log(
    `${isRight ? "✓" : "✗"} ${question.words} (${(asked.ms / 1_000).toFixed(1)} s, $${asked.costUsd.toFixed(4)})`,
  );
  if (!isRight) console.log(`    ${asked.text.replaceAll("\n", "\n    ").slice(0, 600)}`);
}
const right = results.filter((one) => one.isRight).length;
const sum = (of: (one: Asked) => number): number => results.reduce((total, one) => total + of(one), 0);
console.log(
  JSON.stringify({
    live: isCloud ? "e2b" : "model",
    model: names[0],
    questions: results.length,
    accuracy_pct: (right / results.length) * 100,
    input_tokens: sum(({ inputTokens }) => inputTokens),
    output_tokens: sum(({ outputTokens }) => outputTokens),
    cost_usd: sum(({ costUsd }) => costUsd),
    median_s: median(results.map(({ ms }) => ms / 1_000)),
  }),
);

function isAnswered({ expected, wantsChart }: Question, { text, hasChart }: Asked): boolean {
  if (wantsChart === true && !hasChart) return false;
  const numbers = [...text.matchAll(/-?\d[\d,  ]*(?:\.\d+)?/g)].map(([found]) => Number(found.replace(/[,  ]/g, "")));
  return expected.every((one) =>
    typeof one === "string"
      ? text.toLowerCase().includes(one.toLowerCase())
      : numbers.some((number) => Math.abs(number - one) <= Math.abs(one) * 0.005),
  );
}
