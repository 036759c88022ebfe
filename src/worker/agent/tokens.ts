// How much a model has to read, before it says so itself: never less than it will be, by much simpler rules than its own.
import type { Message, ModelRequest } from "./model.ts";
import { z } from "zod";

/** Words, numbers, blanks and signs, as tokenizers cut them. */
const PARTS = /[A-Za-z]+|[0-9]+|[ \t]+|[\r\n]+|[^\sA-Za-z0-9]/gu;
/** What each message carries besides its text. */
const PER_MESSAGE = 12;
const PER_CALL = 24;

/** An upper bound for what tokenizers of today's models make of a text; of ordinary English about twice what it is. */
export function countTokens(text: string): number {
  let count = 0;
  for (const [part] of text.matchAll(PARTS)) count += costOf(part);
  return count;
}

function costOf(part: string): number {
  const code = part.codePointAt(0) ?? 0;
  if (code > 0x7f) return code > 0xffff ? 4 : code > 0x2e7f ? 2 : 1;
  if (/^[0-9]/.test(part)) return Math.ceil(part.length / 2);
  // Ordinary words have few tokens; letters in no order have many.
  if (/^[A-Za-z]/.test(part)) return isWord(part) ? Math.ceil(part.length / 2.5) : Math.ceil(part.length / 1.4);
  // A single blank belongs to the word behind it.
  if (/^[ \t]/.test(part)) return part.length === 1 ? 0 : 1 + Math.floor(part.length / 16);
  return /^[\r\n]/.test(part) ? 1 + Math.floor(part.length / 8) : 1;
}

const isWord = (part: string): boolean => part.length <= 14 && /^.?[a-z]*$/.test(part);

export function countMessage(message: Message): number {
  if (message.role === "user") return PER_MESSAGE + countTokens(message.text);
  if (message.role === "tool")
    return message.results.reduce((sum, { text }) => sum + PER_CALL + countTokens(text), PER_MESSAGE);
  const calls = message.calls.reduce(
    (sum, { name, input }) => sum + PER_CALL + countTokens(name) + countTokens(JSON.stringify(input) ?? ""),
    0,
  );
  return PER_MESSAGE + countTokens(message.text) + calls;
}

export function countRequest(request: Omit<ModelRequest, "maxOutputTokens" | "mayCall">): number {
  const shapes = [
    ...request.tools.map((tool) => tool.input),
    ...(request.answer === undefined ? [] : [request.answer]),
  ];
  const told = request.tools.map(({ name, description }) => `${name} ${description}`).join("\n");
  const schemas = shapes.map((shape) => JSON.stringify(z.toJSONSchema(shape, { io: "input" }))).join("\n");
  const fixed = countTokens(request.instructions) + countTokens(told) + countTokens(schemas) + PER_MESSAGE;
  return Math.ceil(request.messages.reduce((sum, message) => sum + countMessage(message), fixed));
}
