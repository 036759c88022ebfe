// Code that fails k times in a row with real tracebacks, mended by a model that knows nothing but what it is shown: each mistake
// is taken out only where the traceback names it.
import type { Script } from "../../fakes/llm/script.ts";
import { openHouse, python } from "../../test/agent/house.ts";
import type { Measured } from "../sections.ts";

/** A mistake, how it is mended, and what the traceback must say for that. */
const MISTAKES: readonly (readonly [wrong: string, right: string, tell: RegExp])[] = [
  ["total = df.amout.sum()", "total = df.amount.sum()", /AttributeError.*amout/s],
  ["top = df['regoin'].iloc[0]", "top = df['region'].iloc[0]", /KeyError.*regoin/s],
  ["mean = np.mean(df.amount)", "import numpy as np\nmean = np.mean(df.amount)", /NameError.*'np'/s],
  ["text = 'n: ' + len(df)", "text = 'n: ' + str(len(df))", /TypeError/],
  ["share = 1 / int(df.amount.iloc[-1])", "share = 1 / int(df.amount.iloc[0])", /ZeroDivisionError/],
  ["other = pd.read_csv('/home/user/sale.csv')", "other = pd.read_csv('/home/user/sales.csv')", /FileNotFoundError/],
  ["when = pd.to_datetime('yesterdayish')", "when = pd.to_datetime('2024-01-31')", /yesterdayish/],
  ["import pandass", "import pandas", /pandass/],
  ["value = int('12.5')", "value = int(float('12.5'))", /ValueError.*12\.5/s],
  ["last = [1, 2][2]", "last = [1, 2][1]", /IndexError/],
  ["for x in range(3) print(x)", "for x in range(3): print(x)", /SyntaxError/],
  ["pairs = df.merge(df, on='nothing')", "pairs = df.merge(df, on='region')", /nothing/],
];
const FILE = { "sales.csv": "region,amount\nNorth,10\nSouth,20\nEast,0\n" };
const MOST = 3;

export async function repair(): Promise<{ readonly self_repair_right_pct: Measured }> {
  await using house = await openHouse("chat");
  let [right, all] = [0, 0];
  for (let times = 1; times <= MOST; times += 1)
    for (const [at] of MISTAKES.entries()) {
      all += 1;
      const chosen = Array.from({ length: times }, (_, more) => (at + more * 5) % MISTAKES.length);
      house.begin(mender(chosen));
      const job = await house.say({ text: "work it out", files: FILE });
      const isRight = job.output?.text === "Done: 30." && house.asked().length === times + 2;
      if (isRight) right += 1;
      else console.error(`mistakes ${chosen.join(", ")}:`, job.output, house.asked().length);
    }
  return { self_repair_right_pct: { value: (right / all) * 100, peers: { cases: all } } };
}

function mender(chosen: readonly number[]): Script {
  const open = new Set(chosen);
  return (asked) => {
    if (asked.schema !== null) return { text: '{"file":"","plan":null}' };
    const last = asked.messages.at(-1);
    const shown = last?.role === "tool" ? last.text : "";
    if (shown.includes("answer 30")) return { text: "Done: 30." };
    for (const at of open)
      if (MISTAKES[at]?.[2].test(shown) === true) {
        open.delete(at);
        break;
      }
    const lines = chosen.map((at) => MISTAKES[at]?.[open.has(at) ? 0 : 1] ?? "");
    return python(
      [
        "import pandas as pd",
        "df = pd.read_csv('/home/user/sales.csv')",
        "answer = df.amount.sum()",
        ...lines,
        "print('answer', answer)",
      ].join("\n"),
    );
  };
}
