// What a conversation keeps, and what a plan can do.
import { call, lastShown, python, turns } from "../house.ts";
import { FILE, LOAD, must, type Scenario } from "./scenario.ts";

export const TALK: readonly Scenario[] = [
  {
    name: "a common request becomes a plan, and its answer is computed",
    play: async (house) => {
      const y = [{ column: "amount", aggregate: "sum" }];
      const plan = {
        kind: "chart",
        chart: "bar",
        x: { column: "region", grain: null },
        y,
        colour: null,
        filters: [],
        sort: null,
        limit: null,
        share: false,
      };
      house.begin(turns([{ text: "not needed" }], { file: "/home/user/sales.csv", plan }));
      const job = await house.say({ text: "amount per region", files: FILE });
      must(
        job.artifacts.some(({ mediaType }) => mediaType === "image/png"),
        "a chart",
        job,
      );
      must(house.asked().length === 0, "one question was enough", house.asked().length);
      must((job.output?.text ?? "").includes("amount"), "words from the template", job.output);
    },
  },
  {
    name: "a plan with a column that is not there gives way to code",
    play: async (house) => {
      const plan = {
        kind: "summarise",
        groups: [],
        measures: [{ column: "profit", aggregate: "sum" }],
        columns: [],
        filters: [],
        sort: null,
        limit: null,
      };
      house.begin(
        turns([python(`${LOAD}print(list(df))`), { text: "There is no profit." }], {
          file: "/home/user/sales.csv",
          plan,
        }),
      );
      const job = await house.say({ text: "profit?", files: FILE });
      must(job.output?.text === "There is no profit.", "the answer", job.output);
    },
  },
  {
    name: "a question to the person ends the job, and their answer goes on from there",
    play: async (house) => {
      house.begin(
        turns([call("ask_user", { question: "Which year?", choices: ["2023", "2024"] }), { text: "2024 it is." }]),
      );
      const first = await house.say("make the report");
      must((first.output?.text ?? "").startsWith("Which year?\n- 2023"), "the question", first.output);
      const second = await house.say("2024");
      must((second.output?.text ?? "").startsWith("2024 it is."), "the answer", second.output);
      const said =
        house
          .asked()
          .at(-1)
          ?.messages.map(({ text }) => text)
          .join("\n") ?? "";
      must(said.includes("make the report") && said.includes("Which year?"), "it knew what was before", said);
    },
  },
  {
    name: "variables stay from message to message",
    play: async (house) => {
      house.begin(
        turns([
          python(`${LOAD}top = df.amount.max()`),
          { text: "ok" },
          python("print('top is', top)"),
          { text: "It is 40." },
        ]),
      );
      await house.say({ text: "find the top", files: FILE });
      const job = await house.say("and what was it");
      must(
        lastShown(house.asked().at(-1)).includes("top is 40"),
        "the variable was there",
        lastShown(house.asked().at(-1)),
      );
      must(job.output?.text === "It is 40.", "the answer", job.output);
    },
  },
  {
    name: "files that were written stay from message to message, and come back once",
    play: async (house) => {
      house.begin(
        turns([
          python("open('/home/user/a.txt', 'w').write('kept')"),
          { text: "ok" },
          python("print(open('/home/user/a.txt').read())"),
          { text: "kept" },
        ]),
      );
      must((await house.say("write")).artifacts.length === 1, "one file");
      must((await house.say("read")).artifacts.length === 0, "no second copy");
      must(lastShown(house.asked().at(-1)).includes("kept"), "the file was there");
    },
  },
  {
    name: "what a cell did before it failed stays, too",
    play: async (house) => {
      house.begin(
        turns([
          python("x = [1]\nx.append(2)\n1/0"),
          python("y = len(x)"),
          { text: "ok" },
          python("print(x, y)"),
          { text: "done" },
        ]),
      );
      await house.say("half");
      await house.say("show");
      must(lastShown(house.asked().at(-1)).includes("[1, 2] 2"), "both are there", lastShown(house.asked().at(-1)));
    },
  },
  {
    name: "chance falls the same way again",
    play: async (house) => {
      const roll =
        "import random, numpy as np\nr = (random.random(), np.random.rand(), np.random.default_rng().random())\nprint(r)";
      house.begin(turns([python(roll), { text: "ok" }, python("print(r)"), { text: "done" }]));
      await house.say("roll");
      const before = lastShown(house.asked()[1]);
      await house.say("show");
      must(
        before.includes("(") && lastShown(house.asked().at(-1)) === before,
        "the same numbers",
        before,
        lastShown(house.asked().at(-1)),
      );
    },
  },
  {
    name: "what was said earlier can be found",
    play: async (house) => {
      house.begin(
        turns([
          { text: "Noted: the code is ocelot." },
          call("find_earlier", { words: "ocelot" }),
          { text: "It was ocelot." },
        ]),
      );
      await house.say("the code is ocelot");
      await house.say("what was the code");
      must(lastShown(house.asked().at(-1)).includes("ocelot"), "it was found", lastShown(house.asked().at(-1)));
    },
  },
];
