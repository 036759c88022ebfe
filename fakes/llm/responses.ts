// OpenAI's Responses: /v1/responses, streamed as named events with a running number.
import { z } from "zod";
import { bearer, checkTools, openAiError, OPENAI_KEY_REFUSAL, OPENAI_OVERFLOW } from "./chat.ts";
import {
  checkCalls,
  type Call,
  inputText,
  pieces,
  Refused,
  type Asked,
  type CallWords,
  type Said,
  type Turn,
  type Usage,
  type Wire,
} from "./script.ts";

const Input = z.union([
  z.object({
    role: z.enum(["system", "developer"]),
    content: z.union([z.string(), z.array(z.object({ type: z.literal("input_text"), text: z.string() }))]),
  }),
  z.object({
    role: z.literal("user"),
    content: z.union([z.string(), z.array(z.object({ type: z.literal("input_text"), text: z.string() }))]),
  }),
  z.object({
    role: z.literal("assistant"),
    content: z.union([z.string(), z.array(z.object({ type: z.literal("output_text"), text: z.string() }))]),
    id: z.string().optional(),
  }),
  z.object({ type: z.literal("function_call"), call_id: z.string(), name: z.string(), arguments: z.string() }),
  z.object({
    type: z.literal("function_call_output"),
    call_id: z.string(),
    output: z.union([z.string(), z.array(z.object({ type: z.literal("input_text"), text: z.string() }))]),
  }),
  z.object({ type: z.literal("item_reference"), id: z.string() }),
  z.object({ type: z.literal("reasoning"), id: z.string().optional() }),
]);
type Input = z.infer<typeof Input>;
const Body = z.object({
  model: z.string(),
  input: z.array(Input).min(1),
  instructions: z.string().nullish(),
  stream: z.literal(true),
  tools: z
    .array(
      z.object({
        type: z.literal("function"),
        name: z.string().regex(/^[\w-]{1,64}$/),
        description: z.string().optional(),
        parameters: z.looseObject({ type: z.literal("object") }),
        strict: z.boolean().nullish(),
      }),
    )
    .optional(),
  tool_choice: z
    .union([z.enum(["auto", "none", "required"]), z.object({ type: z.literal("function"), name: z.string() })])
    .optional(),
  text: z
    .looseObject({ format: z.looseObject({ type: z.string(), schema: z.unknown().optional() }).optional() })
    .optional(),
  max_output_tokens: z.number().int().min(16).nullish(),
});

/** What it said before, by item: a client may refer to it instead of sending it again. */
const kept = new Map<string, Input>();

const CALL_WORDS: CallWords = {
  stray: (id) => `No tool call found for function call output with call_id ${id}.`,
  open: ([id = ""]) => `No tool output found for function call ${id}.`,
};

const textOf = (content: string | readonly { readonly text: string }[]): string =>
  typeof content === "string" ? content : content.map(({ text }) => text).join("");

function read(body: unknown): Asked {
  const parsed = Body.safeParse(body);
  if (!parsed.success) throw new Refused(z.prettifyError(parsed.error));
  const { model, instructions, tools = [], tool_choice, text, max_output_tokens } = parsed.data;
  checkTools(
    tools.map(({ name, parameters, strict }) => ({ name, schema: parameters, isStrict: strict === true })),
    typeof tool_choice === "object" ? tool_choice.name : null,
  );
  const input = parsed.data.input.map(resolveReference);
  const system = input.flatMap((item) =>
    "role" in item && (item.role === "system" || item.role === "developer") ? [textOf(item.content)] : [],
  );
  const messages = mergeCalls(input);
  checkCalls(messages, CALL_WORDS);
  return {
    wire: "responses",
    model,
    system: [instructions ?? "", ...system].filter(Boolean).join("\n"),
    messages,
    tools: tools.map(({ name, description = "", parameters }) => ({ name, description, schema: parameters })),
    mayCall: tools.length > 0 && tool_choice !== "none",
    schema: text?.format?.type === "json_schema" ? text.format.schema : null,
    maxTokens: max_output_tokens ?? null,
    wantsUsage: true,
  };
}

function resolveReference(item: Input): Input {
  if (!("type" in item) || item.type !== "item_reference") return item;
  const found = kept.get(item.id);
  if (found === undefined) throw new Refused(`Item with id '${item.id}' not found.`);
  return found;
}

/** Words and calls of one answer are items of their own here. */
function mergeCalls(input: readonly Input[]): Said[] {
  const messages: Said[] = [];
  for (const item of input) {
    const last = messages.at(-1);
    if ("role" in item) {
      if (item.role === "user") messages.push({ role: "user", text: textOf(item.content) });
      else if (item.role === "assistant") messages.push({ role: "assistant", text: textOf(item.content), calls: [] });
    } else if (item.type === "function_call") {
      const call = { id: item.call_id, name: item.name, input: parse(item.arguments) };
      if (last?.role === "assistant") messages[messages.length - 1] = { ...last, calls: [...last.calls, call] };
      else messages.push({ role: "assistant", text: "", calls: [call] });
    } else if (item.type === "function_call_output")
      messages.push({ role: "tool", callId: item.call_id, text: textOf(item.output) });
  }
  return messages;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused("The arguments of a function call are not JSON.");
  }
}

/** One item of an answer: how it begins, the events in between, and how it is when it is whole. */
type Item = {
  readonly begun: { readonly id: string; readonly [field: string]: unknown };
  readonly whole: object;
  /** Their type, and what they carry besides whose they are. */
  readonly between: readonly (readonly [type: string, fields: object])[];
  readonly kept: Input;
};

function itemsOf(turn: Turn, id: string): Item[] {
  const length = turn.piece ?? 12;
  const thought = turn.reasoning === undefined ? [] : [reasoningItem(turn.reasoning, id, length)];
  const said = turn.text === undefined || turn.text === "" ? [] : [messageItem(turn.text, id, length)];
  return [...thought, ...said, ...(turn.calls ?? []).map((call, index) => callItem(call, `${id}_${index}`, length))];
}

function reasoningItem(reasoning: string, id: string, length: number): Item {
  const begun = { id: `rs_${id}`, type: "reasoning", summary: [] };
  const part = { type: "summary_text", text: "" };
  const whole = { ...part, text: reasoning };
  return {
    begun,
    whole: { ...begun, summary: [whole] },
    between: [
      ["response.reasoning_summary_part.added", { summary_index: 0, part }],
      ...pieces(reasoning, length).map(
        (delta) => ["response.reasoning_summary_text.delta", { summary_index: 0, delta }] as const,
      ),
      ["response.reasoning_summary_text.done", { summary_index: 0, text: reasoning }],
      ["response.reasoning_summary_part.done", { summary_index: 0, part: whole }],
    ],
    kept: { type: "reasoning", id: begun.id },
  };
}

function messageItem(text: string, id: string, length: number): Item {
  const begun = { id: `msg_${id}`, type: "message", role: "assistant", status: "in_progress", content: [] };
  const part = { type: "output_text", text: "", annotations: [] };
  const whole = { ...part, text };
  return {
    begun,
    whole: { ...begun, status: "completed", content: [whole] },
    between: [
      ["response.content_part.added", { content_index: 0, part }],
      ...pieces(text, length).map((delta) => ["response.output_text.delta", { content_index: 0, delta }] as const),
      ["response.output_text.done", { content_index: 0, text }],
      ["response.content_part.done", { content_index: 0, part: whole }],
    ],
    kept: { role: "assistant", content: text },
  };
}

function callItem(call: Call, id: string, length: number): Item {
  const [text, call_id] = [inputText(call), `call_${id}`];
  const begun = {
    id: `fc_${id}`,
    type: "function_call",
    call_id,
    name: call.name,
    arguments: "",
    status: "in_progress",
  };
  return {
    begun,
    whole: { ...begun, arguments: text, status: "completed" },
    between: [
      ...pieces(text, length).map((delta) => ["response.function_call_arguments.delta", { delta }] as const),
      ["response.function_call_arguments.done", { arguments: text }],
    ],
    kept: { type: "function_call", call_id, name: call.name, arguments: text },
  };
}

function events(turn: Turn, asked: Asked, usage: Usage, id: string): string[] {
  let number = 0;
  const event = (type: string, fields: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number++, ...fields })}\n\n`;
  const response = { id: `resp_${id}`, object: "response", created_at: 1_700_000_000, model: asked.model, output: [] };
  const begun = { ...response, status: "in_progress" };
  const all = [event("response.created", { response: begun }), event("response.in_progress", { response: begun })];
  const items = itemsOf(turn, id);
  for (const [output_index, item] of items.entries()) {
    kept.set(item.begun.id, item.kept);
    all.push(event("response.output_item.added", { output_index, item: item.begun }));
    for (const [type, fields] of item.between)
      all.push(event(type, { item_id: item.begun.id, output_index, ...fields }));
    all.push(event("response.output_item.done", { output_index, item: item.whole }));
  }
  const ended = { ...response, output: items.map(({ whole }) => whole), usage: toUsage(usage) };
  if (turn.finish === undefined)
    return [...all, event("response.completed", { response: { ...ended, status: "completed" } })];
  const incomplete_details = { reason: turn.finish === "length" ? "max_output_tokens" : "content_filter" };
  return [...all, event("response.incomplete", { response: { ...ended, status: "incomplete", incomplete_details } })];
}

const toUsage = ({ inputTokens, cachedTokens, outputTokens, reasoningTokens }: Usage) => ({
  input_tokens: inputTokens,
  input_tokens_details: { cached_tokens: cachedTokens },
  output_tokens: outputTokens,
  output_tokens_details: { reasoning_tokens: reasoningTokens },
  total_tokens: inputTokens + outputTokens,
});

export const responses: Wire = {
  name: "responses",
  path: /^\/v1\/responses$/,
  read,
  events,
  error: openAiError,
  overflow: OPENAI_OVERFLOW,
  key: bearer,
  keyRefusal: OPENAI_KEY_REFUSAL,
};
