// Anthropic's Messages: /v1/messages, streamed as named events, one block of content after the other.
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

const TextBlock = z.looseObject({
  type: z.literal("text"),
  text: z.string().regex(/\S/, "text content blocks must contain non-whitespace text"),
});
const ToolUse = z.looseObject({
  type: z.literal("tool_use"),
  id: z.string().regex(/^[\w-]+$/),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
});
const ToolResult = z.looseObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.union([z.string(), z.array(TextBlock)]).optional(),
  is_error: z.boolean().optional(),
});
/** Whoever sends thoughts back sends them signed, as they came. */
const Thinking = z.union([
  z.looseObject({
    type: z.literal("thinking"),
    thinking: z.string(),
    signature: z.string().regex(/^signature-/, "Invalid `signature` in `thinking` block"),
  }),
  z.looseObject({ type: z.literal("redacted_thinking"), data: z.string() }),
]);
const UserMessage = z.object({
  role: z.literal("user"),
  content: z.union([z.string().min(1), z.array(z.union([TextBlock, ToolResult])).min(1)]),
});
const AssistantMessage = z.object({
  role: z.literal("assistant"),
  content: z.union([z.string().min(1), z.array(z.union([TextBlock, ToolUse, Thinking])).min(1)]),
});
const Body = z.object({
  model: z.string(),
  max_tokens: z.number().int().min(1),
  messages: z.array(z.discriminatedUnion("role", [UserMessage, AssistantMessage])).min(1),
  system: z.union([z.string(), z.array(TextBlock)]).optional(),
  stream: z.literal(true),
  tools: z
    .array(
      z.looseObject({
        name: z.string().regex(/^[\w-]{1,64}$/),
        description: z.string().optional(),
        input_schema: z.looseObject({ type: z.literal("object") }),
      }),
    )
    .optional(),
  tool_choice: z
    .discriminatedUnion("type", [
      z.looseObject({ type: z.enum(["auto", "any", "none"]) }),
      z.looseObject({ type: z.literal("tool"), name: z.string() }),
    ])
    .optional(),
  thinking: z
    .discriminatedUnion("type", [
      z.looseObject({ type: z.literal("enabled"), budget_tokens: z.number().int().min(1_024) }),
      z.looseObject({ type: z.enum(["disabled", "adaptive"]) }),
    ])
    .optional(),
  output_config: z.looseObject({ format: z.looseObject({ schema: z.unknown() }).optional() }).optional(),
  output_format: z.looseObject({ schema: z.unknown() }).optional(),
});
type Body = z.infer<typeof Body>;

const CALL_WORDS: CallWords = {
  stray: (id) =>
    `messages: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
  open: (ids) =>
    `messages: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
};

const read: Wire["read"] = (body, { headers }) => {
  if (headers.get("anthropic-version") === null) throw new Refused("anthropic-version: header is required");
  const parsed = Body.safeParse(body);
  if (!parsed.success) throw new Refused(z.prettifyError(parsed.error));
  const {
    model,
    max_tokens,
    messages,
    system = "",
    tools = [],
    tool_choice,
    output_config,
    output_format,
  } = parsed.data;
  if (messages[0]?.role !== "user") throw new Refused('messages: first message must use the "user" role');
  messages.forEach(({ role }, index) => {
    if (index > 0 && messages[index - 1]?.role === role)
      throw new Refused('messages: roles must alternate between "user" and "assistant"');
  });
  checkTools(parsed.data);
  const said = messages.flatMap(toSaid);
  checkCalls(said, CALL_WORDS);
  if (tools.length === 0 && said.some((one) => one.role === "tool"))
    throw new Refused("Requests with tool_use blocks must define tools");
  const json = tools.find(({ name }) => name === "json");
  return {
    wire: "anthropic",
    model,
    system: typeof system === "string" ? system : system.map(({ text }) => text).join("\n"),
    messages: said,
    tools: tools.map(({ name, description = "", input_schema }) => ({ name, description, schema: input_schema })),
    mayCall: tools.length > 0 && tool_choice?.type !== "none",
    schema: output_config?.format?.schema ?? output_format?.schema ?? json?.input_schema ?? null,
    maxTokens: max_tokens,
    wantsUsage: true,
  };
};

function checkTools({ tools = [], tool_choice, thinking, max_tokens }: Body): void {
  checkUnique(tools, () => "tools: Tool names must be unique.");
  for (const [at, { input_schema }] of tools.entries()) {
    const place = `tools.${at}.custom.input_schema`;
    if (["anyOf", "oneOf", "allOf"].some((keyword) => keyword in input_schema))
      throw new Refused(`${place}: input_schema does not support oneOf, allOf, or anyOf at the top level`);
    checkSchema(input_schema, {
      needsItems: false,
      words: (_, problem) => `${place}: JSON schema is invalid. It must match JSON Schema draft 2020-12: ${problem}`,
    });
  }
  if (tool_choice !== undefined && tools.length === 0)
    throw new Refused("tool_choice may only be specified while providing tools");
  if (tool_choice?.type === "tool" && !tools.some(({ name }) => name === tool_choice.name))
    throw new Refused(`Tool '${tool_choice.name}' not found in provided tools`);
  if (thinking?.type !== "enabled") return;
  if (thinking.budget_tokens >= max_tokens)
    throw new Refused("`max_tokens` must be greater than `thinking.budget_tokens`.");
  if (tool_choice?.type === "any" || tool_choice?.type === "tool")
    throw new Refused("Thinking may not be enabled when tool_choice forces tool use.");
}

function toSaid(message: Body["messages"][number]): Said[] {
  if (typeof message.content === "string")
    return message.role === "user"
      ? [{ role: "user", text: message.content }]
      : [{ role: "assistant", text: message.content, calls: [] }];
  if (message.role === "assistant") {
    const text = message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
    const calls = message.content.flatMap((block) => {
      const use = ToolUse.safeParse(block);
      return use.success ? [{ id: use.data.id, name: use.data.name, input: use.data.input }] : [];
    });
    return [{ role: "assistant", text, calls }];
  }
  const results = message.content.flatMap((block): Said[] => {
    const result = ToolResult.safeParse(block);
    if (!result.success) return [];
    const { tool_use_id: callId, content = "" } = result.data;
    return [
      { role: "tool", callId, text: typeof content === "string" ? content : content.map(({ text }) => text).join("") },
    ];
  });
  const words = message.content.flatMap((block) => (block.type === "text" ? [block.text] : []));
  // Results stand first; words may follow them.
  const firstWord = message.content.findIndex(({ type }) => type === "text");
  if (firstWord >= 0 && message.content.slice(firstWord).some(({ type }) => type === "tool_result"))
    throw new Refused("tool_result blocks must come before any text in a message");
  return words.length === 0 ? results : [...results, { role: "user", text: words.join("\n") }];
}

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

type Block = { readonly begun: object; readonly deltas: readonly object[] };

function blocksOf(turn: Turn, id: string): Block[] {
  const length = turn.piece ?? 12;
  const blocks: Block[] = [];
  if (turn.reasoning !== undefined) {
    const deltas = pieces(turn.reasoning, length).map((thinking) => ({ type: "thinking_delta", thinking }));
    const signed = { type: "signature_delta", signature: `signature-${id}` };
    blocks.push({ begun: { type: "thinking", thinking: "", signature: "" }, deltas: [...deltas, signed] });
  }
  if (turn.text !== undefined && turn.text !== "") {
    const deltas = pieces(turn.text, length).map((text) => ({ type: "text_delta", text }));
    blocks.push({ begun: { type: "text", text: "" }, deltas });
  }
  for (const [at, call] of (turn.calls ?? []).entries()) {
    const parts = ["", ...pieces(inputText(call), length)];
    const deltas = parts.map((partial_json) => ({ type: "input_json_delta", partial_json }));
    blocks.push({ begun: { type: "tool_use", id: `toolu_${id}_${at}`, name: call.name, input: {} }, deltas });
  }
  return blocks;
}

function events(turn: Turn, asked: Asked, usage: Usage, id: string): string[] {
  const message = {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model: asked.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: {
      input_tokens: usage.inputTokens - usage.cachedTokens,
      cache_read_input_tokens: usage.cachedTokens,
      cache_creation_input_tokens: 0,
      output_tokens: 1,
    },
  };
  const blocks = blocksOf(turn, id).flatMap(({ begun, deltas }, index) => [
    event("content_block_start", { index, content_block: begun }),
    ...deltas.map((delta) => event("content_block_delta", { index, delta })),
    event("content_block_stop", { index }),
  ]);
  const delta = { stop_reason: stopReason(turn), stop_sequence: null };
  return [
    event("message_start", { message }),
    event("ping", {}),
    ...blocks,
    event("message_delta", {
      delta,
      usage: {
        output_tokens: usage.outputTokens,
        output_tokens_details: { thinking_tokens: usage.reasoningTokens },
      },
    }),
    event("message_stop", {}),
  ];
}

function stopReason({ finish, calls = [] }: Turn): string {
  if (finish === "length") return "max_tokens";
  if (finish === "filtered") return "refusal";
  return calls.length > 0 ? "tool_use" : "end_turn";
}

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

export const anthropic: Wire = {
  name: "anthropic",
  path: /^\/v1\/messages$/,
  read,
  events,
  error: (status, message) => ({
    type: "error",
    error: { type: TYPES[status] ?? "api_error", message },
    request_id: "req_mock",
  }),
  overflow: {
    status: 400,
    code: "invalid_request_error",
    message: (tokens, limit) => `prompt is too long: ${tokens} tokens > ${limit} maximum`,
  },
  key: (headers) => headers.get("x-api-key") ?? "",
  keyRefusal: { status: 401, message: "invalid x-api-key" },
};
