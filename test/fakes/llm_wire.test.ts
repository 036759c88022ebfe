// The scripted model's frames as they stand on the wire: their order, their names, and every field that a client counts on.
import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { MockLlm } from "../../fakes/llm/server.ts";
import type { Script, Turn, WireName } from "../../fakes/llm/script.ts";
import { bodyOf, post } from "./llm_client.ts";

const mock = new MockLlm([]);
afterAll(() => mock[Symbol.asyncDispose]());

const Frame = z.record(z.string(), z.unknown());
type Frame = { readonly name: string | null; readonly data: z.infer<typeof Frame> | "[DONE]" };

async function frames(wire: WireName, script: Script, more: object = {}): Promise<Frame[]> {
  mock.play(script);
  const response = await post(mock, wire, bodyOf(wire, more));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const text = await response.text();
  const blocks = text.split(/\r?\n\r?\n/).filter((block) => block !== "");
  return blocks.map((block) => {
    const data = /^data: (.*)$/m.exec(block)?.[1] ?? "";
    const name = /^event: (.*)$/m.exec(block)?.[1] ?? null;
    return { name, data: data === "[DONE]" ? data : Frame.parse(JSON.parse(data)) };
  });
}

const USAGE = { inputTokens: 100, cachedTokens: 40, outputTokens: 20, reasoningTokens: 8 };
const TURN: Turn = {
  reasoning: "I wonder.",
  text: "I look.",
  calls: [
    { name: "look", input: { at: 1 } },
    { name: "look", input: { at: 2 } },
  ],
  usage: USAGE,
  piece: 4,
};
const named = (all: readonly Frame[]): (string | null)[] => all.map(({ name }) => name);
const once = (names: readonly (string | null)[]): (string | null)[] =>
  names.filter((name, at) => name !== names[at - 1]);

describe("OpenAI's chat completions", () => {
  test("a first chunk has the role, the last ones the reason, the usage and [DONE]", async () => {
    const all = await frames("chat", [TURN], { stream_options: { include_usage: true } });
    expect(new Set(all.map(({ name }) => name))).toEqual(new Set([null]));
    expect(all[0]?.data).toMatchObject({
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }],
      usage: null,
    });
    expect(all.at(-3)?.data).toMatchObject({ choices: [{ delta: {}, finish_reason: "tool_calls" }] });
    expect(all.at(-2)?.data).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 100,
        completion_tokens: 20,
        total_tokens: 120,
        prompt_tokens_details: { cached_tokens: 40 },
        completion_tokens_details: { reasoning_tokens: 8 },
      },
    });
    expect(all.at(-1)?.data).toBe("[DONE]");
    expect(JSON.stringify(all[0])).toContain('"id":"chatcmpl-');
  });

  test("usage comes only to whoever asks for it", async () => {
    expect(JSON.stringify(await frames("chat", [TURN]))).not.toContain("usage");
  });

  test("calls begin with id and name, and go on with pieces of their arguments by index", async () => {
    const text = JSON.stringify(await frames("chat", [TURN]));
    expect(text).toContain('"index":1,"id":"call_');
    expect(text).toContain('{"index":1,"function":{"arguments":"{\\"at"}}');
  });
});

describe("OpenAI's responses", () => {
  test("items open, grow and close in order, numbered through", async () => {
    const all = await frames("responses", [TURN]);
    expect(once(named(all))).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.done",
      "response.reasoning_summary_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      ...[0, 1].flatMap(() => [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
      ]),
      "response.completed",
    ]);
    expect(all.map(({ name, data }) => data !== "[DONE]" && data["type"] === name)).not.toContain(false);
    expect(all.map(({ data }) => data !== "[DONE]" && data["sequence_number"])).toEqual(all.map((_, at) => at));
    expect(all.at(-1)?.data).toMatchObject({
      response: {
        status: "completed",
        output: [
          { type: "reasoning", summary: [{ type: "summary_text", text: "I wonder." }] },
          { type: "message", content: [{ type: "output_text", text: "I look." }] },
          { type: "function_call", name: "look", arguments: '{"at":1}', status: "completed" },
          { type: "function_call", name: "look", arguments: '{"at":2}', status: "completed" },
        ],
        usage: {
          input_tokens: 100,
          input_tokens_details: { cached_tokens: 40 },
          output_tokens: 20,
          output_tokens_details: { reasoning_tokens: 8 },
          total_tokens: 120,
        },
      },
    });
  });

  test("what is cut at its length is incomplete, and says why", async () => {
    const last = (await frames("responses", [{ text: "half", finish: "length" }])).at(-1);
    expect(last?.name).toBe("response.incomplete");
    expect(last?.data).toMatchObject({ response: { incomplete_details: { reason: "max_output_tokens" } } });
  });
});

describe("Anthropic's messages", () => {
  test("blocks open, grow and close one after the other between the message's start and stop", async () => {
    const all = await frames("anthropic", [TURN]);
    expect(once(named(all))).toEqual([
      "message_start",
      "ping",
      ...[0, 1, 2, 3].flatMap(() => ["content_block_start", "content_block_delta", "content_block_stop"]),
      "message_delta",
      "message_stop",
    ]);
    expect(all[0]?.data).toMatchObject({
      message: {
        type: "message",
        role: "assistant",
        content: [],
        stop_reason: null,
        // What was read from the cache is not among the input tokens.
        usage: { input_tokens: 60, cache_read_input_tokens: 40, cache_creation_input_tokens: 0 },
      },
    });
    expect(JSON.stringify(all[0])).toContain('"id":"msg_');
    expect(all.at(-2)?.data).toMatchObject({
      delta: { stop_reason: "tool_use", stop_sequence: null },
      usage: { output_tokens: 20, output_tokens_details: { thinking_tokens: 8 } },
    });
  });

  test("thoughts end with their signature, and a call's input begins empty", async () => {
    const all = await frames("anthropic", [TURN]);
    const deltas = all.flatMap(({ data }) => (data !== "[DONE]" && "delta" in data ? [JSON.stringify(data)] : []));
    expect(deltas.findLast((delta) => delta.includes('"index":0'))).toContain("signature_delta");
    expect(deltas.find((delta) => delta.includes('"index":2'))).toContain('"partial_json":""');
  });
});

describe("Google's Gemini", () => {
  test("every event is a response with the next part, and the last one has the reason and the counts", async () => {
    const all = await frames("google", [TURN]);
    expect(all[0]?.data).toMatchObject({
      candidates: [{ content: { role: "model", parts: [{ text: "I wo", thought: true }] }, index: 0 }],
      modelVersion: "m",
    });
    expect(JSON.stringify(all)).toContain('"functionCall":{"id":"call_');
    expect(JSON.stringify(all.slice(0, -1))).not.toContain("finishReason");
    expect(all.at(-1)?.data).toMatchObject({
      candidates: [{ finishReason: "STOP" }],
      usageMetadata: {
        promptTokenCount: 100,
        cachedContentTokenCount: 40,
        candidatesTokenCount: 12,
        thoughtsTokenCount: 8,
        totalTokenCount: 120,
      },
    });
  });

  test("a broken call does not come: the answer ends without it", async () => {
    const all = await frames("google", [{ calls: [{ name: "look", raw: '{"at":' }] }]);
    expect(JSON.stringify(all)).not.toContain('"functionCall"');
    expect(all.at(-1)?.data).toMatchObject({ candidates: [{ finishReason: "MALFORMED_FUNCTION_CALL" }] });
  });
});

describe("faults", () => {
  const WIRES = ["chat", "responses", "anthropic", "google"] as const;
  const LONG: Turn = { text: "long ".repeat(40) };

  for (const wire of WIRES) {
    test(`a line that is cut breaks off and is no whole answer (${wire})`, async () => {
      mock.play([{ ...LONG, fault: { kind: "cut" } }]);
      const before = mock.bill.length;
      const response = await post(mock, wire, bodyOf(wire));
      expect(response.text()).rejects.toThrow();
      expect(mock.bill.length).toBe(before);
    });

    test(`a stream that ends too early ends without a reason (${wire})`, async () => {
      mock.play([{ ...LONG, fault: { kind: "cut", clean: true } }]);
      const before = mock.bill.length;
      const text = await (await post(mock, wire, bodyOf(wire))).text();
      expect(text).toContain("long");
      expect(text).not.toMatch(/\[DONE\]|response\.completed|message_stop|finishReason|"finish_reason":"/);
      expect(mock.bill.length).toBe(before);
    });

    test(`who goes away in the middle is noticed, and not billed (${wire})`, async () => {
      mock.play([{ ...LONG, fault: { kind: "hang-midway" } }]);
      const stop = new AbortController();
      const response = await post(mock, wire, bodyOf(wire), { signal: stop.signal });
      const reader = response.body?.getReader();
      expect((await reader?.read())?.done).toBe(false);
      stop.abort();
      while (mock.requests.at(-1)?.isAborted !== true) await Bun.sleep(2);
      expect(mock.requests.at(-1)?.usage).toBeNull();
    });

    test(`a status comes with its headers, in the platform's own words (${wire})`, async () => {
      const headers = { "retry-after": "2", "retry-after-ms": "1500" };
      mock.play([{ fault: { kind: "status", status: 429, message: "Slow down.", headers } }]);
      const response = await post(mock, wire, bodyOf(wire));
      expect(response.status).toBe(429);
      expect(Object.fromEntries(response.headers)).toMatchObject(headers);
      expect(await response.json()).toMatchObject(
        {
          chat: { error: { message: "Slow down.", type: "rate_limit_error", param: null } },
          responses: { error: { message: "Slow down.", type: "rate_limit_error", param: null } },
          anthropic: { type: "error", error: { type: "rate_limit_error", message: "Slow down." } },
          google: { error: { code: 429, message: "Slow down.", status: "RESOURCE_EXHAUSTED" } },
        }[wire],
      );
    });

    test(`more than it reads is said as the platform says it (${wire})`, async () => {
      await using small = new MockLlm([{ text: "ok" }], { contextTokens: 60 });
      expect((await post(small, wire, bodyOf(wire))).status).toBe(200);
      const response = await post(small, wire, bodyOf(wire, {}, "word ".repeat(80)));
      expect(response.status).toBe(400);
      const words = {
        chat: /"code":"context_length_exceeded"/,
        responses: /"code":"context_length_exceeded"/,
        anthropic: /prompt is too long: \d+ tokens > 60 maximum/,
        google: /The input token count \(\d+\) exceeds the maximum number of tokens allowed \(60\)/,
      };
      expect(await response.text()).toMatch(words[wire]);
    });
  }
});

test("an answer is billed as it was counted, and a key is not kept", async () => {
  await using one = new MockLlm([{ text: "a", usage: USAGE }, { fault: { kind: "status", status: 500 } }]);
  for (const wire of ["chat", "anthropic"] as const) await (await post(one, wire, bodyOf(wire))).text();
  expect(one.bill).toEqual([USAGE]);
  expect(one.requests).toHaveLength(2);
  expect(one.requests[0]?.headers["content-type"]).toBe("application/json");
  expect(JSON.stringify(one.requests)).not.toContain("a-key");
});
