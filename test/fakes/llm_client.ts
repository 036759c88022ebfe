// A client of the scripted model that speaks each wire by hand.
import type { MockLlm } from "../../fakes/llm/server.ts";
import type { WireName } from "../../fakes/llm/script.ts";

const PATHS: Readonly<Record<WireName, string>> = {
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  anthropic: "/v1/messages",
  google: "/v1beta/models/m:streamGenerateContent?alt=sse",
};

/** The smallest request that a platform takes, with a tool; `more` wins. */
export function bodyOf(wire: WireName, more: object = {}, text = "hello"): object {
  const schema = { type: "object", properties: { at: { type: "integer" } } };
  const said = [{ role: "user", content: text }];
  const base = { model: "m", stream: true };
  const bodies: Readonly<Record<WireName, object>> = {
    chat: { ...base, messages: said, tools: [{ type: "function", function: { name: "look", parameters: schema } }] },
    responses: { ...base, input: said, tools: [{ type: "function", name: "look", parameters: schema }] },
    anthropic: { ...base, max_tokens: 99, messages: said, tools: [{ name: "look", input_schema: schema }] },
    google: {
      contents: [{ role: "user", parts: [{ text }] }],
      tools: [{ functionDeclarations: [{ name: "look", parametersJsonSchema: schema }] }],
    },
  };
  return { ...bodies[wire], ...more };
}

export const HEADERS: Readonly<Record<WireName, Readonly<Record<string, string>>>> = {
  chat: { Authorization: "Bearer a-key" },
  responses: { Authorization: "Bearer a-key" },
  anthropic: { "x-api-key": "a-key", "anthropic-version": "2023-06-01" },
  google: { "x-goog-api-key": "a-key" },
};

export async function post(
  mock: MockLlm,
  wire: WireName,
  body: object | string,
  options: { readonly signal?: AbortSignal; readonly path?: string; readonly headers?: Record<string, string> } = {},
): Promise<Response> {
  const { path = PATHS[wire], headers = HEADERS[wire], signal } = options;
  return await fetch(new URL(path, mock.url), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  });
}
