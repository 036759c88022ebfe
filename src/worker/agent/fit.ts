// What a model is shown of a conversation: all of it, or as much as it can read. The newest stays whole the longest; nothing is
// lost, as everything is in the database.
import { ends } from "../workbench.ts";
import type { Message, Model, ModelRequest } from "./model.ts";
import { countMessage, countRequest } from "./tokens.ts";

/** `shrinks`: how often the model has said that it was too much all the same. */
export type Fit = (
  model: Model,
  request: Pick<ModelRequest, "instructions" | "tools" | "messages">,
  shrinks: number,
) => readonly Message[];

/** Of what a model reads, so much is kept free for its answer, and for what the bound of tokens may be wrong by. */
const ANSWER_SHARE = 0.25;
const MAX_ANSWER_TOKENS = 16_000;
/** Results of tools that stay whole, counted from the newest. */
const WHOLE_RESULTS = 2;
const SHORT = 400;
const SHORTER = 1_500;

/** `contextTokensOf` is what a model reads at most. */
export function createFit(contextTokensOf: (model: Model) => number): Fit {
  return (model, request, shrinks) => {
    const window = contextTokensOf(model) / 2 ** shrinks;
    const room = window - Math.min(MAX_ANSWER_TOKENS, window * ANSWER_SHARE);
    const fixed = countRequest({ ...request, messages: [] });
    return fitInto(request.messages, room - fixed);
  };
}

/** At most `room` tokens, if that can be done at all: the person's last words are there in any case, cut if need be. */
export function fitInto(messages: readonly Message[], room: number): readonly Message[] {
  if (sizeOf(messages) <= room) return messages;
  const shorter = shortenOld(messages);
  if (sizeOf(shorter) <= room) return shorter;
  const { earlier, current } = splitAt(shorter, lastAsked(messages));
  const kept = newestTurns(earlier, room - sizeOf(current));
  const dropped = turnsOf(earlier).length - turnsOf(kept).length;
  const noted = dropped === 0 ? current : withNote(current, dropped);
  const fitting = [...kept, ...noted];
  return sizeOf(fitting) <= room ? fitting : cut(noted, room);
}

const sizeOf = (messages: readonly Message[]): number => messages.reduce((sum, one) => sum + countMessage(one), 0);

/** Where the person's last words stand. What the loop itself says to the model comes behind a tool's result. */
function lastAsked(messages: readonly Message[]): number {
  return messages.findLastIndex(
    (message, index) => message.role === "user" && (index === 0 || messages[index - 1]?.role === "assistant"),
  );
}

const splitAt = (messages: readonly Message[], index: number) => ({
  earlier: messages.slice(0, Math.max(0, index)),
  current: messages.slice(Math.max(0, index)),
});

function shortenOld(messages: readonly Message[]): readonly Message[] {
  const results = messages.flatMap((message, index) => (message.role === "tool" ? [index] : []));
  const whole = new Set(results.slice(-WHOLE_RESULTS));
  return messages.map((message, index) => {
    if (message.role !== "tool" || whole.has(index)) return message;
    return { ...message, results: message.results.map((one) => ({ ...one, text: ends(one.text, SHORT) })) };
  });
}

/** A turn begins with the person's words, so that no result stands without its call. */
function turnsOf(messages: readonly Message[]): Message[][] {
  const turns: Message[][] = [];
  for (const message of messages) {
    const isStart = message.role === "user" && turns.at(-1)?.at(-1)?.role !== "tool";
    if (isStart || turns.length === 0) turns.push([message]);
    else turns.at(-1)?.push(message);
  }
  return turns;
}

function newestTurns(messages: readonly Message[], room: number): readonly Message[] {
  const kept: Message[][] = [];
  let left = room;
  for (const turn of turnsOf(messages).toReversed()) {
    left -= sizeOf(turn);
    if (left < 0) break;
    kept.unshift(turn);
  }
  return kept.flat();
}

function withNote([first, ...rest]: readonly Message[], turns: number): readonly Message[] {
  if (first?.role !== "user") return first === undefined ? rest : [first, ...rest];
  const note = `(${turns} earlier ${turns === 1 ? "turn is" : "turns are"} not shown; find_earlier finds what was said.)`;
  return [{ ...first, text: `${note}\n\n${first.text}` }, ...rest];
}

/** The last resort: long texts lose their middle, and old steps go, with both halves of each. */
function cut(messages: readonly Message[], room: number): readonly Message[] {
  const [first, ...steps] = messages.map(shorten);
  if (first === undefined) return [];
  while (steps.length > 2 && sizeOf([first, ...steps]) > room) steps.splice(0, nextStep(steps));
  const left = room - sizeOf(steps);
  if (first.role !== "user" || countMessage(first) <= left) return [first, ...steps];
  // Never more than a token a character, whatever they are.
  return [{ ...first, text: ends(first.text, Math.max(SHORT, Math.floor(left / 2))) }, ...steps];
}

function nextStep(steps: readonly Message[]): number {
  const next = steps.findIndex((message, index) => index > 0 && message.role === "assistant");
  return next === -1 ? steps.length : next;
}

function shorten(message: Message): Message {
  if (message.role === "user") return message;
  if (message.role === "tool")
    return { ...message, results: message.results.map((one) => ({ ...one, text: ends(one.text, SHORTER) })) };
  return message;
}
