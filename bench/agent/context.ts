// A conversation that is much longer than what the model reads, and how little it is told before the first word.
import { tokensOf } from "../../fakes/llm/server.ts";
import { openHouse, python } from "../../test/agent/house.ts";
import type { Measured } from "../sections.ts";
import type { Sizes } from "./sizes.ts";

const CONTEXT_TOKENS = 16_000;
const WORDS = [
  "sandpiper",
  "ledger",
  "42.17",
  "überall",
  "沙箱",
  "df.groupby('x')",
  "0xdeadbeef",
  "\n- item",
  '{"a": [1, 2]}',
];

export async function context({ turns }: Sizes): Promise<{ readonly context_overflows: Measured }> {
  const settings = {
    SANDPIPER_CONTEXT_TOKENS: String(CONTEXT_TOKENS),
    SANDPIPER_DAY_USD: "1000",
    SANDPIPER_MONTH_USD: "1000",
    SANDPIPER_JOB_USD: "1000",
  };
  await using house = await openHouse("chat", settings, { contextTokens: CONTEXT_TOKENS });
  let [told, overflows] = [0, 0];
  house.begin((asked) => {
    const last = asked.messages.at(-1);
    if (last?.role === "user" && told % 10 === 3) return python(`print(${JSON.stringify(prose(told, 900))})`);
    return { text: prose(told * 7, 200 + (told % 17) * 60) };
  });
  let largest = 0;
  for (; told < turns; told += 1) {
    const job = await house.say(`${told}: ${prose(told * 3, 20 + (told % 13) * 40)}`);
    if (job.status !== "completed" || (job.output?.text ?? "").includes("more than the model can read")) overflows += 1;
  }
  for (const { asked, usage } of house.llm.requests) {
    largest = Math.max(largest, tokensOf(asked));
    if (usage === null) overflows += 1;
  }
  return {
    context_overflows: { value: overflows, peers: { turns, context_tokens: CONTEXT_TOKENS, largest_request: largest } },
  };
}

/** Text of all kinds, the same for the same seed. */
const prose = (seed: number, words: number): string =>
  Array.from({ length: words }, (_, at) => WORDS[(seed * 31 + at * 7 + ((at * at) % 11)) % WORDS.length] ?? "").join(
    " ",
  );

export async function hello(): Promise<{ readonly prompt_tokens_hello: Measured }> {
  await using house = await openHouse("chat");
  house.begin(() => ({ text: "Hello." }));
  await house.say("hello");
  const [request] = house.llm.requests;
  if (request === undefined) throw new Error("Nothing was asked.");
  return {
    prompt_tokens_hello: { value: tokensOf(request.asked), peers: { bytes: JSON.stringify(request.body).length } },
  };
}
