// The only importer of the AI SDK: a model's reference → something that can be asked. Our shapes go in and come out.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  jsonSchema,
  Output,
  streamText,
  type JSONSchema7,
  type LanguageModel,
  type ModelMessage,
  type ToolSet,
} from "ai";
import { z } from "zod";
import type { ModelRef } from "../../shared/types.ts";
import { toModelError } from "./model_errors.ts";
import { ModelError, type Message, type Model, type ModelPiece, type ModelReply, type ModelRequest } from "./model.ts";
import type { ToolCall, ToolSpec, Usage } from "./model.ts";

/** A stream that says nothing for so long is dead; reasoning models may think for a while before their first word. */
const SILENCE_MS = 120_000;

const BROKEN_OFF: ReadonlySet<string> = new Set(["error", "interrupted", "other"]);

// Its warnings are for whoever writes programs, and would stand in people's terminals.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

/** New provider: one entry. `key` is "" where a server wants none. */
const PROVIDERS: { readonly [provider: string]: (ref: ModelRef) => LanguageModel } = {
  openai: (ref) => createOpenAI(connection(ref)).responses(ref.model),
  anthropic: (ref) => createAnthropic(connection(ref))(ref.model),
  google: (ref) => createGoogle(connection(ref))(ref.model),
};

const connection = ({ key, url }: ModelRef) => ({ apiKey: key ?? "", ...(url === null ? {} : { baseURL: url }) });

/** Everybody else speaks OpenAI's chat completions. */
function compatible(ref: ModelRef): LanguageModel {
  const provider = createOpenAICompatible({
    name: ref.provider,
    baseURL: ref.url ?? "",
    ...(ref.key === null ? {} : { apiKey: ref.key }),
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
  return provider(ref.model);
}

export function openModel(ref: ModelRef): Model {
  const speaker = (PROVIDERS[ref.provider] ?? compatible)(ref);
  const name = `${ref.provider}:${ref.model}`;
  return {
    name,
    provider: ref.provider,
    model: ref.model,
    url: ref.url,
    ask: (request, signal) => ask(speaker, name, request, signal),
  };
}

async function* ask(
  speaker: LanguageModel,
  name: string,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelPiece, ModelReply> {
  const calls: ToolCall[] = [];
  let text = "";
  let isSound = true;
  let end: { readonly reason: string; readonly usage: Usage | null } | null = null;
  try {
    const result = streamText({
      model: speaker,
      instructions: request.instructions,
      messages: request.messages.flatMap((message) => toTheirs(message, name)),
      tools: toTools(request.tools),
      toolChoice: request.mayCall && request.tools.length > 0 ? "auto" : "none",
      maxOutputTokens: request.maxOutputTokens,
      // Each try is reserved and settled by itself.
      maxRetries: 0,
      abortSignal: signal,
      timeout: { chunkMs: SILENCE_MS },
      ...(request.answer === undefined
        ? {}
        : { output: Output.object({ schema: jsonSchema(schemaOf(request.answer)) }) }),
      onError: () => undefined,
    });
    for await (const part of result.stream) {
      if (part.type === "text-delta") {
        text += part.text;
        yield { kind: "text", text: part.text };
      } else if (part.type === "tool-input-start") {
        yield { kind: "input", callId: part.id, tool: part.toolName, text: "" };
      } else if (part.type === "tool-input-delta") {
        yield { kind: "input", callId: part.id, tool: "", text: part.delta };
      } else if (part.type === "tool-call") {
        isSound &&= part.invalid !== true;
        calls.push(toCall(part));
      } else if (part.type === "finish-step") {
        end = { reason: part.finishReason, usage: toUsage(part.usage) };
      } else if (part.type === "error") {
        throw part.error;
      } else if (part.type === "abort") {
        signal.throwIfAborted();
        throw new ModelError("unreachable", "The model said nothing for too long.", { wasBilled: true });
      }
    }
    // A stream that ends without saying why has not come to its end.
    if (end === null || BROKEN_OFF.has(end.reason)) throw truncated();
    // What could not be read as a call of a known tool must not go back as it is: the SDK has answered it in its own way.
    const raw = isSound ? { model: name, messages: await result.responseMessages } : null;
    const message = { role: "assistant" as const, text, calls, ...(raw !== null && { raw }) };
    return { message, finish: finishOf(end.reason, calls), usage: end.usage };
  } catch (error) {
    signal.throwIfAborted();
    // Some call a tool although they may not: then they have said what they said besides, and no more.
    if (error instanceof Error && error.name === "AI_ToolChoiceViolationError")
      return { message: { role: "assistant", text, calls: [] }, finish: "stop", usage: end?.usage ?? null };
    const hasBegun = text !== "" || calls.length > 0;
    throw toModelError(error, APICallError.isInstance(error) ? error : null, hasBegun);
  }
}

const truncated = () => new ModelError("truncated", "The model's answer broke off in the middle.", { wasBilled: true });

function toTheirs(message: Message, name: string): ModelMessage[] {
  if (message.role === "user") return [{ role: "user", content: message.text }];
  if (message.role === "assistant") {
    if (message.raw?.model === name) return message.raw.messages.filter(isTheirs);
    const calls = message.calls.map((call) => ({
      type: "tool-call" as const,
      toolCallId: call.id,
      toolName: call.name,
      input: call.input ?? {},
    }));
    const said = message.text === "" ? [] : [{ type: "text" as const, text: message.text }];
    return [{ role: "assistant", content: [...said, ...calls] }];
  }
  const content = message.results.map(({ call, text, isError }) => ({
    type: "tool-result" as const,
    toolCallId: call.id,
    toolName: call.name,
    output: { type: isError ? ("error-text" as const) : ("text" as const), value: text },
  }));
  return [{ role: "tool", content }];
}

/** Messages of the SDK's that were kept as they came. */
const isTheirs = (message: unknown): message is ModelMessage =>
  typeof message === "object" && message !== null && "role" in message;

/** Their inputs are checked by whoever runs them. */
function toTools(specs: readonly ToolSpec[]): ToolSet {
  const tools: ToolSet = {};
  for (const { name, description, input } of specs)
    tools[name] = { description, inputSchema: jsonSchema<never>(schemaOf(input)) };
  return tools;
}

const schemaOf = (type: z.ZodType): JSONSchema7 => {
  const { $schema: _, ...schema } = z.toJSONSchema(type, {
    io: "input",
    override: ({ jsonSchema: one }) => toAnyOf(one),
  });
  return JsonSchema.parse(schema);
};

/** What zod writes of our own shapes; typed for the SDK. */
const JsonSchema = z.custom<JSONSchema7>((value) => typeof value === "object" && value !== null);

/** OpenAI's strict form knows only anyOf; where the kinds exclude each other it means the same. */
function toAnyOf(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.oneOf === undefined) return;
  schema.anyOf = schema.oneOf;
  delete schema.oneOf;
}

type TheirCall = {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
  readonly invalid?: boolean | undefined;
};

function toCall(part: TheirCall): ToolCall {
  const { toolCallId: id, toolName: name, input } = part;
  if (part.invalid === true && typeof input === "string") return { id, name, input: null, broken: input };
  return { id, name, input };
}

function finishOf(reason: string, calls: readonly ToolCall[]): ModelReply["finish"] {
  if (calls.length > 0) return "calls";
  if (reason === "length") return "length";
  return reason === "content-filter" ? "filtered" : "stop";
}

type TheirUsage = {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly inputTokenDetails: {
    readonly cacheReadTokens: number | undefined;
    readonly cacheWriteTokens: number | undefined;
  };
};

function toUsage({ inputTokens, outputTokens, inputTokenDetails }: TheirUsage): Usage | null {
  if (inputTokens === undefined || outputTokens === undefined) return null;
  const { cacheReadTokens = 0, cacheWriteTokens = 0 } = inputTokenDetails;
  return { inputTokens, outputTokens, cachedTokens: cacheReadTokens, cacheWriteTokens };
}
