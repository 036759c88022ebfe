// What becomes of a model that is out of order.
import { python, turns, type House } from "../house.ts";
import { failed, FILE, must, type Scenario } from "./scenario.ts";

export const FAULTS: readonly Scenario[] = [
  {
    name: "thoughts without words are followed by an answer",
    play: async (house) => {
      house.begin(turns([{ reasoning: "Hm." }, { text: "An answer." }]));
      must((await house.say("think")).output?.text === "An answer.", "the answer");
    },
  },
  {
    name: "a model that says nothing at all is said to have said nothing",
    play: async (house) => {
      house.begin(turns([{ text: "" }]));
      const job = await house.say("say something");
      must((job.output?.text ?? "").includes("gave no answer"), "an honest answer", job.output);
    },
  },
  ...([429, 500, 529] as const).map((status) => ({
    name: `a server that says ${status} is asked again`,
    play: async (house: House) => {
      house.begin(turns([failed(status), { text: "Back again." }]));
      must((await house.say("hello?")).output?.text === "Back again.", "the answer");
    },
  })),
  {
    name: "a model that stays away leaves the work to the planner, and says so",
    play: async (house) => {
      house.begin(() => failed(500));
      const job = await house.say({ text: "total of amount by region as a bar chart", files: FILE });
      must(job.status === "completed" && job.artifacts.length > 0, "a chart all the same", job);
      must((job.output?.text ?? "").includes("built-in planner"), "it says who did it", job.output);
      must(job.output?.model === "built-in planner", "and so does the result", job.output);
    },
  },
  {
    name: "a model that stays away leaves words to the help, and says so",
    play: async (house) => {
      house.begin(() => failed(503));
      const job = await house.say("what do you think of it");
      must((job.output?.text ?? "").includes("out of order"), "it says why", job.output);
    },
  },
  {
    name: "a model that goes away in the middle keeps what was done",
    play: async (house) => {
      let asked = 0;
      house.begin(() =>
        asked++ === 0 ? python("open('/home/user/kept.txt', 'w').write('x')\nprint(5)") : failed(500),
      );
      const job = await house.say("write it");
      must(job.status === "failed" && job.output?.error?.code === "unavailable", "an honest failure", job.output);
      must(
        job.artifacts.some(({ name }) => name === "kept.txt"),
        "the file is there",
        job.artifacts,
      );
    },
  },
  {
    name: "a refused key lets the next model of the list answer",
    play: async (house) => {
      house.begin((asked) => (asked.model === "second" ? { text: "The second speaks." } : failed(401)));
      const job = await house.say("who is there");
      must(job.output?.text === "The second speaks.", "the answer", job.output);
      must((job.output?.model ?? "").endsWith(":second"), "it says who spoke", job.output);
    },
  },
  ...[true, false].map((clean) => ({
    name: `an answer that is cut (${clean ? "as if it were whole" : "on the line"}) is asked for again`,
    play: async (house: House) => {
      house.begin(turns([{ text: "half of it ".repeat(20), fault: { kind: "cut", clean } }, { text: "All of it." }]));
      must((await house.say("tell me")).output?.text === "All of it.", "the answer");
    },
  })),
  {
    name: "a conversation that is too long is shown shorter",
    play: async (house) => {
      house.begin(turns([{ fault: { kind: "overflow" } }, { text: "Now it fits." }]));
      must((await house.say("a long story")).output?.text === "Now it fits.", "the answer");
    },
  },
  {
    name: "what is always too long is said to be",
    play: async (house) => {
      house.begin(() => ({ fault: { kind: "overflow" } }));
      const job = await house.say("a longer story");
      must((job.output?.text ?? "").includes("more than the model can read"), "an honest answer", job.output);
    },
  },
  {
    name: "an answer that reaches its length goes on",
    play: async (house) => {
      house.begin(turns([{ text: "First half, ", finish: "length" }, { text: "second half." }]));
      must((await house.say("write much")).output?.text === "First half, second half.", "both halves");
    },
  },
  {
    name: "an answer that is held back is said to be",
    play: async (house) => {
      house.begin(turns([{ text: "I", finish: "filtered" }]));
      must(((await house.say("x")).output?.text ?? "").includes("held back"), "an honest answer");
    },
  },
];
