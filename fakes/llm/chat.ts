// OpenAI's chat completions, which most other servers speak too: /v1/chat/completions, streamed as data-only events.
import { z } from "zod";
import { checkSchema, checkUnique } from "./schema.ts";
import {
  checkCalls,
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

const Text = z.union([z.string(), z.array(z.object({ type: z.literal("text"), text: z.string() }))]);
const ToolCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
const Message = z.discriminatedUnion("role", [
  z.object({ role: z.enum(["system", "developer"]), content: Text }),
  z.object({ role: z.literal("user"), content: Text }),
  z.object({ role: z.literal("assistant"), content: Text.nullish(), tool_calls: z.array(ToolCall).min(1).optional() }),
  z.object({ role: z.literal("tool"), content: Text, tool_call_id: z.string() }),
]);
const Body = z.object({
  model: z.string(),
  messages: z.array(Message).min(1),
  stream: z.literal(true),
  stream_options: z.object({ include_usage: z.boolean() }).optional(),
  tools: z
    .array(
      z.object({
        type: z.literal("function"),
        function: z.object({
          name: z.string().regex(/^[\w-]{1,64}$/),
          description: z.string().optional(),
          parameters: z.looseObject({ type: z.literal("object") }),
          strict: z.boolean().nullish(),
        }),
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z
    .union([
      z.enum(["auto", "none", "required"]),
      z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
    ])
    .optional(),
  response_format: z
    .discriminatedUnion("type", [
      z.object({ type: z.literal("text") }),
      z.object({ type: z.literal("json_object") }),
      z.object({
        type: z.literal("json_schema"),
        json_schema: z.looseObject({ name: z.string(), schema: z.unknown() }),
      }),
    ])
    .optional(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
});

const CALL_WORDS: CallWords = {
  stray: () => "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
  open: (ids) =>
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids.join(", ")}`,
};

const textOf = (content: z.infer<typeof Text> | null | undefined): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text }) => text).join("");

function read(body: unknown): Asked {
  const parsed = Body.safeParse(body);
  if (!parsed.success) throw new Refused(z.prettifyError(parsed.error));
  const { model, messages, tools = [], tool_choice, response_format, stream_options } = parsed.data;
  const { max_tokens, max_completion_tokens } = parsed.data;
  checkTools(
    tools.map(({ function: { name, parameters, strict } }) => ({
      name,
      schema: parameters,
      isStrict: strict === true,
    })),
    typeof tool_choice === "object" ? tool_choice.function.name : null,
  );
  const system = messages.filter(({ role }) => role === "system" || role === "developer");
  if (tool_choice !== undefined && tools.length === 0)
    throw new Refused("tool_choice is only allowed when tools are given.");
  const said = messages.flatMap((message) => toSaid(message) ?? []);
  checkCalls(said, CALL_WORDS);
  return {
    wire: "chat",
    model,
    system: system.map(({ content }) => textOf(content)).join("\n"),
    messages: said,
    tools: tools.map(({ function: one }) => ({
      name: one.name,
      description: one.description ?? "",
      schema: one.parameters,
    })),
    mayCall: tools.length > 0 && tool_choice !== "none",
    schema: response_format?.type === "json_schema" ? response_format.json_schema.schema : null,
    maxTokens: max_completion_tokens ?? max_tokens ?? null,
    wantsUsage: stream_options?.include_usage === true,
  };
}

type Offered = {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly isStrict: boolean;
};

/** `chosen` is the one that must be called. */
export function checkTools(tools: readonly Offered[], chosen: string | null): void {
  checkUnique(tools, (name) => `Duplicate function name: '${name}'.`);
  for (const { name, schema, isStrict } of tools) {
    checkSchema(schema, {
      needsItems: true,
      words: (place, problem) => `Invalid schema for function '${name}': In context=(${place}), ${problem}.`,
    });
    if (isStrict) checkStrict(name, schema);
  }
  if (chosen !== null && !tools.some(({ name }) => name === chosen))
    throw new Refused(`Tool choice '${chosen}' not found in 'tools' parameter.`);
}

/** Strict schemas name all of their fields as required and allow no others. */
function checkStrict(name: string, schema: Readonly<Record<string, unknown>>): void {
  const properties = Object.keys(z.record(z.string(), z.unknown()).catch({}).parse(schema["properties"]));
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const refuse = (problem: string) => new Refused(`Invalid schema for function '${name}': In context=(), ${problem}.`);
  if (schema["additionalProperties"] !== false)
    throw refuse("'additionalProperties' is required to be supplied and to be false");
  const missing = properties.find((one) => !required.includes(one));
  if (missing !== undefined)
    throw refuse(
      `'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'`,
    );
}

function toSaid(message: z.infer<typeof Message>): Said | null {
  if (message.role === "user") return { role: "user", text: textOf(message.content) };
  if (message.role === "tool") return { role: "tool", callId: message.tool_call_id, text: textOf(message.content) };
  if (message.role !== "assistant") return null;
  const calls = (message.tool_calls ?? []).map(({ id, function: one }) => ({
    id,
    name: one.name,
    input: parse(one.arguments),
  }));
  return { role: "assistant", text: textOf(message.content), calls };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused("The arguments of a tool call are not JSON.");
  }
}

function events(turn: Turn, asked: Asked, usage: Usage, id: string): string[] {
  const base = { id: `chatcmpl-${id}`, object: "chat.completion.chunk", created: 1_700_000_000, model: asked.model };
  const chunk = (delta: object, finish_reason: string | null = null): string =>
    data({
      ...base,
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      ...(asked.wantsUsage && { usage: null }),
    });
  const length = turn.piece ?? 12;
  const calls = (turn.calls ?? []).flatMap((call, index) => [
    chunk({
      tool_calls: [
        { index, id: `call_${id}_${index}`, type: "function", function: { name: call.name, arguments: "" } },
      ],
    }),
    ...pieces(inputText(call), length).map((part) => chunk({ tool_calls: [{ index, function: { arguments: part } }] })),
  ]);
  const finish =
    turn.finish === "filtered"
      ? "content_filter"
      : (turn.finish ?? ((turn.calls ?? []).length > 0 ? "tool_calls" : "stop"));
  const counted = {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
  return [
    chunk({ role: "assistant", content: "" }),
    ...pieces(turn.reasoning ?? "", length).map((part) => chunk({ reasoning_content: part })),
    ...pieces(turn.text ?? "", length).map((part) => chunk({ content: part })),
    ...calls,
    chunk({}, finish),
    ...(asked.wantsUsage ? [data({ ...base, choices: [], usage: counted })] : []),
    "data: [DONE]\n\n",
  ];
}

const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

export const openAiError = (status: number, message: string, code: string | null = null): unknown => ({
  error: {
    message,
    type: status === 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error",
    param: null,
    code: code ?? (status === 401 ? "invalid_api_key" : null),
  },
});

export const OPENAI_KEY_REFUSAL = { status: 401, message: "Incorrect API key provided." };

export const bearer = (headers: Headers): string => /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1] ?? "";

export const OPENAI_OVERFLOW = {
  status: 400,
  code: "context_length_exceeded",
  message: (tokens: number, limit: number) =>
    `This model's maximum context length is ${limit} tokens. However, your messages resulted in ${tokens} tokens. Please reduce the length of the messages.`,
};

export const chat: Wire = {
  name: "chat",
  path: /^\/v1\/chat\/completions$/,
  read,
  events,
  error: openAiError,
  overflow: OPENAI_OVERFLOW,
  key: bearer,
  keyRefusal: OPENAI_KEY_REFUSAL,
};
