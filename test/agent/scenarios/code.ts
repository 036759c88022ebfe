// What code does for an answer.
import type { Script } from "../../../fakes/llm/script.ts";
import { call, lastShown, python, turns, type House } from "../house.ts";
import { FILE, LOAD, must, type Scenario } from "./scenario.ts";

export const CODE: readonly Scenario[] = [
  {
    name: "words are answered in words, without a sandbox",
    play: async (house) => {
      house.begin(turns([{ text: "Hello to you." }]));
      const job = await house.say("hello there");
      must(job.output?.text === "Hello to you.", "the answer", job.output);
      must(job.steps.length === 0, "no steps", job.steps);
      must(house.rows("SELECT 1 FROM spend WHERE kind = 'sandbox' AND job_id = ?", job.id).length === 0, "no sandbox");
      must(house.rows("SELECT 1 FROM spend WHERE kind = 'model' AND job_id = ?", job.id).length === 1, "one call");
      must((job.output?.model ?? "").includes(":"), "it says who spoke", job.output);
    },
  },
  {
    name: "a question about a file is computed and answered",
    play: async (house) => {
      house.begin(turns([python(`${LOAD}print(df.amount.sum())`), { text: "The total is 100." }]));
      const job = await house.say({ text: "what is the total", files: FILE });
      must(job.output?.text === "The total is 100.", "the answer", job.output);
      must(lastShown(house.asked().at(-1)).includes("100"), "the model saw the output");
      const card = house.asked()[0]?.messages[0]?.text ?? "";
      must(card.includes('"amount"') && card.includes("4 rows"), "the model saw the card", card);
      must(!JSON.stringify(house.asked()[0]).includes("North"), "no cell of the file went along");
    },
  },
  {
    name: "a chart comes back by itself",
    play: async (house) => {
      const code = `${LOAD}import matplotlib.pyplot as plt\ndf.groupby('region').amount.sum().plot(kind='bar')\nplt.show()`;
      house.begin(turns([python(code), { text: "Here it is." }]));
      const job = await house.say({ text: "draw it", files: FILE });
      must(
        job.artifacts.some(({ mediaType }) => mediaType === "image/png"),
        "a picture",
        job.artifacts,
      );
    },
  },
  ...[1, 2, 3].map((times) => ({
    name: `code that fails ${times} time${times === 1 ? "" : "s"} is mended`,
    play: async (house: House) => {
      const broken = Array.from({ length: times }, (_, at) =>
        python(`${at === 0 ? LOAD : ""}print(df.amout${at}.sum())`),
      );
      house.begin(turns([...broken, python("print(df.amount.sum())"), { text: "100 in all." }]));
      const job = await house.say({ text: "total?", files: FILE });
      must(job.output?.text === "100 in all.", "the answer", job.output);
      must(house.asked().length === times + 2, "as many questions as needed", house.asked().length);
      must(
        lastShown(house.asked()[1]).includes("AttributeError"),
        "the traceback was shown",
        lastShown(house.asked()[1]),
      );
    },
  })),
  {
    name: "code that fails again and again ends in an honest answer",
    play: async (house) => {
      const script: Script = (asked) => {
        if (asked.schema !== null) return { text: '{"file":"","plan":null}' };
        return asked.mayCall ? python("1/0") : { text: "It did not work: division by zero." };
      };
      house.begin(script);
      const job = await house.say({ text: "total?", files: FILE });
      must(job.output?.text === "It did not work: division by zero.", "the answer", job.output);
      must(house.asked().length === 5, "the first and three repairs", house.asked().length);
    },
  },
  {
    name: "a model that never comes to an end is brought to one",
    settings: { SANDPIPER_MODEL_STEPS: "4" },
    play: async (house) => {
      const script: Script = (asked) => (asked.mayCall ? python("print(1)") : { text: "I found 1." });
      house.begin(script);
      const job = await house.say("count for ever");
      must(job.output?.text === "I found 1.", "the answer", job.output);
      must(house.asked().length === 5, "four steps", house.asked().length);
    },
  },
  {
    name: "a model that calls tools although it may not is brought to an end",
    settings: { SANDPIPER_MODEL_STEPS: "2" },
    play: async (house) => {
      house.begin(() => python("print(1)"));
      const job = await house.say("never stop");
      must((job.output?.text ?? "").includes("did not come to an answer"), "an honest answer", job.output);
      must(house.asked().length <= 5, "soon", house.asked().length);
    },
  },
  {
    name: "a call whose input is no JSON is made again",
    play: async (house) => {
      house.begin(
        turns([
          { calls: [{ name: "run_python", raw: '{"title": "x", "code": "pri' }] },
          python("print(7)"),
          { text: "7" },
        ]),
      );
      const job = await house.say("seven?");
      must(job.output?.text === "7", "the answer", job.output);
      must(lastShown(house.asked()[1]).includes("JSON"), "it was told", lastShown(house.asked()[1]));
    },
  },
  {
    name: "a tool that does not exist is said not to exist",
    play: async (house) => {
      house.begin(turns([call("send_mail", { to: "x" }), { text: "I cannot send mail." }]));
      const job = await house.say("mail it");
      must(job.output?.text === "I cannot send mail.", "the answer", job.output);
      must(lastShown(house.asked()[1]).includes("no tool"), "it was told", lastShown(house.asked()[1]));
    },
  },
  {
    name: "an input that is not as agreed is said to be wrong",
    play: async (house) => {
      house.begin(turns([call("run_python", { title: "x", program: "1" }), python("print(3)"), { text: "3" }]));
      const job = await house.say("three?");
      must(job.output?.text === "3", "the answer", job.output);
      must(lastShown(house.asked()[1]).includes("code"), "it was told what is missing", lastShown(house.asked()[1]));
    },
  },
  {
    name: "several calls at once run in their order",
    play: async (house) => {
      const calls = [1, 2].map((n) => ({
        name: "run_python",
        input: { title: "t", code: `x = ${n}\nprint('cell', x)` },
      }));
      house.begin(turns([{ calls }, python("print(x)"), { text: "x is 2." }]));
      const job = await house.say("run both");
      must(job.output?.text === "x is 2.", "the answer", job.output);
      must(lastShown(house.asked()[2]).includes("2"), "the second came last", lastShown(house.asked()[2]));
    },
  },
];
