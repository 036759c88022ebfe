// The model's loop: a conversation in, events out. It asks, runs what the model wants run, shows it what came of it, and goes
// on until the model answers in words, a person has to be asked, or a limit is reached. It keeps nothing and knows no job.
import type { ToolEnd, ToolRun } from "./tools/tool.ts";
import { ask, type Asking, type Listening } from "./asking.ts";
import type { Message, ModelReply, ToolCall, ToolResult } from "./model.ts";

export type LoopInput = Asking & {
  /** What the person said last is its end. */
  readonly messages: readonly Message[];
  /** Answered calls of tools, at most. */
  readonly maxSteps: number;
  /** Failed calls in a row, at most. */
  readonly maxRepairs: number;
  /** Runs one call; its errors are for the model to read. Throws what ends the job. */
  readonly run: (call: ToolCall) => Promise<ToolRun>;
};

export type AgentEvent =
  | Listening
  /** A call begins to run. */
  | { readonly kind: "call"; readonly call: ToolCall };

export type LoopEnd = {
  readonly text: string;
  /** Who spoke last. */
  readonly model: string;
  /** The person is to say something first. */
  readonly end?: ToolEnd;
};

/** A model that says nothing is reminded so often, one that was cut short goes on so often. */
const MAX_NUDGES = 2;
const MAX_GOES = 3;

const NUDGE = "You said nothing. Call a tool, or answer me in words.";
const GO_ON = "You were cut off. Go on exactly where you stopped, without repeating anything.";
const NO_MORE_STEPS =
  "You have no more steps. Answer now in words: what you found, and what is still missing. Do not say that something was done that was not.";
const NO_MORE_REPAIRS =
  "This has failed too often. Do not try again. Say in words what you tried, what went wrong, and what I can do about it.";

export async function* converse(input: LoopInput): AsyncGenerator<AgentEvent, LoopEnd> {
  const messages = [...input.messages];
  let [steps, failures, nudges] = [0, 0, 0];
  let text = "";
  let goes = 0;
  for (;;) {
    const isOver = steps >= input.maxSteps || failures > input.maxRepairs;
    const { reply, model } = yield* ask(input, messages, !isOver);
    messages.push(reply.message);
    text += reply.message.text;
    if (reply.finish === "calls" && !isOver) {
      const ran = yield* runAll(input, reply.message.calls);
      steps += 1;
      failures = ran.results.every(({ isError }) => isError) ? failures + 1 : 0;
      if (ran.end !== null) return { text: text.trim(), model, end: ran.end };
      messages.push({ role: "tool", results: ran.results });
      if (failures > input.maxRepairs) messages.push({ role: "user", text: NO_MORE_REPAIRS });
      else if (steps >= input.maxSteps) messages.push({ role: "user", text: NO_MORE_STEPS });
      text = "";
      continue;
    }
    if (reply.finish === "length" && text !== "" && goes < MAX_GOES) {
      goes += 1;
      messages.push({ role: "user", text: GO_ON });
      continue;
    }
    if (text.trim() === "" && nudges < MAX_NUDGES) {
      nudges += 1;
      // What it did not say cannot be sent back to it.
      messages.splice(-1, 1, { role: "user", text: NUDGE });
      continue;
    }
    return endOf(reply, text, model, isOver);
  }
}

function endOf(reply: ModelReply, said: string, model: string, isOver: boolean): LoopEnd {
  const text = said.trim();
  if (reply.finish === "filtered")
    return { text: withNote(text, "The model's provider held back the rest of the answer."), model };
  if (text === "") return { text: isOver ? NO_END : NO_ANSWER, model };
  if (reply.finish === "length")
    return {
      text: withNote(text, "The answer is cut off here: the model wrote as much as it may."),
      model,
    };
  return { text, model };
}

const NO_ANSWER = "The model gave no answer. Nothing else was done. Ask again, or choose another model.";
const NO_END =
  "The model did not come to an answer within the steps that it has for one request. What it made until then is here; ask again to go on.";

const withNote = (text: string, note: string): string => (text === "" ? note : `${text}\n\n*${note}*`);

type AllRan = { readonly results: readonly ToolResult[]; readonly end: ToolEnd | null };

async function* runAll(input: LoopInput, calls: readonly ToolCall[]): AsyncGenerator<AgentEvent, AllRan> {
  const results: ToolResult[] = [];
  for (const call of calls) {
    yield { kind: "call", call };
    const ran = await input.run(call);
    if (ran.kind === "end") return { results, end: ran };
    results.push({ call, text: ran.text, isError: ran.isError });
  }
  return { results, end: null };
}
