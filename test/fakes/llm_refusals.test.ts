// What a platform would not take, the scripted model does not take either: it says so as the platform does, and remembers.
import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { MockLlm } from "../../fakes/llm/server.ts";
import type { WireName } from "../../fakes/llm/script.ts";
import { bodyOf, HEADERS, post } from "./llm_client.ts";

const mock = new MockLlm([{ text: "ok" }]);
afterAll(() => mock[Symbol.asyncDispose]());

const bad = { type: "object", properties: { at: { type: "text" } } };
const noItems = { type: "object", properties: { at: { type: "array" } } };
const fn = (name: string, parameters: object, more = {}) => ({
  type: "function",
  function: { name, parameters, ...more },
});
const good = { type: "object", properties: { at: { type: "integer" } } };
const user = { role: "user", content: "x" };
const call = (id: string) => ({ id, type: "function", function: { name: "look", arguments: "{}" } });
const use = (id: string) => ({ type: "tool_use", id, name: "look", input: {} });
const result = (tool_use_id: string) => ({ type: "tool_result", tool_use_id, content: "1" });
const parts = (role: string, ...all: object[]) => ({ role, parts: all });
const asks = { functionCall: { name: "look", args: {} } };
const answers = { functionResponse: { name: "look", response: { content: "1" } } };
const declared = (...all: object[]) => [{ functionDeclarations: all }];

const CASES: readonly [wire: WireName, name: string, more: object, words: RegExp][] = [
  [
    "chat",
    "a choice of an unknown tool",
    { tool_choice: { type: "function", function: { name: "no" } } },
    /'no' not found/,
  ],
  ["chat", "a choice that is none", { tool_choice: "sometimes" }, /tool_choice/],
  [
    "chat",
    "a schema of an unknown type",
    { tools: [fn("look", bad)] },
    /Invalid schema for function 'look': In context=\('properties', 'at'\)/,
  ],
  ["chat", "a list of nothing", { tools: [fn("look", noItems)] }, /array schema missing items/],
  ["chat", "a strict schema that is not", { tools: [fn("look", good, { strict: true })] }, /additionalProperties/],
  [
    "chat",
    "a result without a call",
    { messages: [user, { role: "tool", tool_call_id: "c", content: "1" }] },
    /preceeding message with 'tool_calls'/,
  ],
  [
    "chat",
    "a call without a result",
    {
      messages: [
        user,
        { role: "assistant", tool_calls: [call("a"), call("b")] },
        { role: "tool", tool_call_id: "a", content: "1" },
        user,
      ],
    },
    /did not have response messages: b/,
  ],
  ["chat", "a role that is none", { messages: [{ role: "bot", content: "x" }] }, /role/],
  ["responses", "a choice of an unknown tool", { tool_choice: { type: "function", name: "no" } }, /'no' not found/],
  [
    "responses",
    "a schema of an unknown type",
    { tools: [{ type: "function", name: "look", parameters: bad }] },
    /Invalid schema for function 'look'/,
  ],
  [
    "responses",
    "an output without a call",
    { input: [{ type: "function_call_output", call_id: "c", output: "1" }] },
    /No tool call found for function call output with call_id c/,
  ],
  [
    "responses",
    "a call without an output",
    { input: [user, { type: "function_call", call_id: "c", name: "look", arguments: "{}" }, user] },
    /No tool output found for function call c/,
  ],
  ["responses", "too small a limit", { max_output_tokens: 8 }, /max_output_tokens/],
  ["anthropic", "no limit of tokens", { max_tokens: undefined }, /max_tokens/],
  ["anthropic", "a choice of an unknown tool", { tool_choice: { type: "tool", name: "no" } }, /'no' not found/],
  [
    "anthropic",
    "two tools of one name",
    {
      tools: [
        { name: "a", input_schema: good },
        { name: "a", input_schema: good },
      ],
    },
    /must be unique/,
  ],
  [
    "anthropic",
    "a schema of an unknown type",
    { tools: [{ name: "look", input_schema: bad }] },
    /tools.0.custom.input_schema/,
  ],
  [
    "anthropic",
    "kinds at the top of a schema",
    { tools: [{ name: "look", input_schema: { ...good, anyOf: [good] } }] },
    /at the top level/,
  ],
  [
    "anthropic",
    "a system message among the others",
    { messages: [{ role: "system", content: "x" }, user] },
    /messages/,
  ],
  ["anthropic", "two of a kind in a row", { messages: [user, user] }, /alternate/],
  [
    "anthropic",
    "blanks for text",
    { messages: [{ role: "user", content: [{ type: "text", text: " \n" }] }] },
    /non-whitespace/,
  ],
  [
    "anthropic",
    "a result without a call",
    { messages: [{ role: "user", content: [result("a")] }] },
    /unexpected `tool_use_id`/,
  ],
  [
    "anthropic",
    "a result that comes later",
    {
      messages: [
        user,
        { role: "assistant", content: [use("a")] },
        user,
        { role: "assistant", content: "y" },
        { role: "user", content: [result("a")] },
      ],
    },
    /without `tool_result` blocks immediately after: a/,
  ],
  [
    "anthropic",
    "words before a result",
    {
      messages: [
        user,
        { role: "assistant", content: [use("a")] },
        { role: "user", content: [{ type: "text", text: "x" }, result("a")] },
      ],
    },
    /before any text/,
  ],
  [
    "anthropic",
    "thoughts with another's signature",
    {
      messages: [
        user,
        { role: "assistant", content: [{ type: "thinking", thinking: "x", signature: "forged" }] },
        user,
      ],
    },
    /signature/,
  ],
  [
    "anthropic",
    "more thinking than answer",
    { thinking: { type: "enabled", budget_tokens: 2_000 } },
    /greater than `thinking.budget_tokens`/,
  ],
  ["google", "a role that is none", { contents: [parts("assistant", { text: "x" })] }, /valid role: user, model/],
  [
    "google",
    "a choice of an unknown tool",
    { toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["no"] } } },
    /'no'/,
  ],
  [
    "google",
    "two tools of one name",
    { tools: declared({ name: "a" }, { name: "a" }) },
    /Duplicate function declaration found: a/,
  ],
  [
    "google",
    "a schema of an unknown type",
    { tools: declared({ name: "look", parametersJsonSchema: bad }) },
    /function_declarations\[0\].parameters/,
  ],
  [
    "google",
    "fewer results than calls",
    { contents: [parts("user", { text: "x" }), parts("model", asks, asks), parts("user", answers)] },
    /number of function response parts is equal/,
  ],
  [
    "google",
    "a result without a call",
    { contents: [parts("user", answers)] },
    /number of function response parts is equal/,
  ],
  [
    "google",
    "a call after the model's own words",
    {
      contents: [
        parts("user", { text: "x" }),
        parts("model", { text: "y" }),
        parts("model", asks),
        parts("user", answers),
      ],
    },
    /function call turn comes immediately after a user turn/,
  ],
  ["google", "nothing in a content", { contents: [parts("user")] }, /must not be empty/],
];

const Said = z.object({ error: z.object({ message: z.string() }) });

for (const [wire, name, more, words] of CASES)
  test(`${wire} refuses ${name}`, async () => {
    const [refusals, requests] = [mock.refusals.length, mock.requests.length];
    const response = await post(mock, wire, bodyOf(wire, more));
    expect(response.status).toBe(400);
    expect(Said.parse(await response.json()).error.message).toMatch(words);
    expect(mock.refusals).toHaveLength(refusals + 1);
    expect(mock.requests).toHaveLength(requests);
  });

const SHAPES: Readonly<Record<WireName, object>> = {
  chat: { error: { type: "invalid_request_error", param: null, code: null } },
  responses: { error: { type: "invalid_request_error", param: null, code: null } },
  anthropic: { type: "error", error: { type: "invalid_request_error" } },
  google: { error: { code: 400, status: "INVALID_ARGUMENT" } },
};
for (const wire of ["chat", "responses", "anthropic", "google"] as const) {
  test(`${wire} takes its smallest request, and refuses what is no JSON in its own shape`, async () => {
    expect((await post(mock, wire, bodyOf(wire))).status).toBe(200);
    const before = mock.refusals.length;
    const response = await post(mock, wire, "{");
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject(SHAPES[wire]);
    expect(mock.refusals).toHaveLength(before + 1);
  });

  test(`${wire} knows its key`, async () => {
    await using strict = new MockLlm([{ text: "ok" }], { key: "a-key", models: ["one", "two"] });
    const list = wire === "google" ? "/v1beta/models" : "/v1/models";
    const get = (headers: Record<string, string>) => fetch(new URL(list, strict.url), { headers });
    const wrong = Object.fromEntries(
      Object.entries(HEADERS[wire]).map(([name, value]) => [name, value.replace("a-key", "b-key")]),
    );
    // Google calls a wrong key a wrong request.
    const status = wire === "google" ? 400 : 401;
    expect((await post(strict, wire, bodyOf(wire), { headers: wrong })).status).toBe(status);
    expect((await get(wrong)).status).toBe(status);
    expect((await post(strict, wire, bodyOf(wire))).status).toBe(200);
    const listed = await get(HEADERS[wire]);
    const openAi = { object: "list", data: [{ id: "one", object: "model" }, { id: "two" }] };
    expect(await listed.json()).toMatchObject(
      {
        chat: openAi,
        responses: openAi,
        anthropic: { data: [{ type: "model", id: "one" }, { id: "two" }], has_more: false, last_id: "two" },
        google: { models: [{ name: "models/one" }, { name: "models/two" }] },
      }[wire],
    );
  });
}

test("Anthropic wants to know which version is spoken, Google how it is to stream", async () => {
  expect((await post(mock, "anthropic", bodyOf("anthropic"), { headers: { "x-api-key": "a-key" } })).status).toBe(400);
  const path = "/v1beta/models/m:streamGenerateContent";
  expect((await post(mock, "google", bodyOf("google"), { path })).status).toBe(400);
});

test("a server of one's own wants no key, and says what it is and has as Ollama does", async () => {
  await using own = new MockLlm([{ text: "ok" }], { key: null, models: ["llama3.2"] });
  const get = async (path: string): Promise<unknown> => (await fetch(new URL(path, own.url))).json();
  expect(JSON.stringify(await get("/api/version"))).toMatch(/^\{"version":"\d+\.\d+\.\d+"\}$/);
  expect(await get("/api/tags")).toMatchObject({ models: [{ name: "llama3.2", model: "llama3.2" }] });
  expect(await get("/v1/models")).toMatchObject({ data: [{ id: "llama3.2" }] });
  expect((await post(own, "chat", bodyOf("chat"), { headers: {} })).status).toBe(200);
});
