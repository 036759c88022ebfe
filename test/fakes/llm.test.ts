// The scripted model beside the library that the agent uses: what is said on each wire arrives, and what no platform would take
// is not taken here either.
import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { MockLlm } from "../../fakes/llm/server.ts";
import type { Script, WireName } from "../../fakes/llm/script.ts";
import { openModel } from "../../src/worker/agent/models.ts";
import { ModelError, type Message, type ModelPiece, type ModelReply } from "../../src/worker/agent/model.ts";

const PROVIDERS: Readonly<Record<WireName, string>> = {
  chat: "compatible",
  responses: "openai",
  anthropic: "anthropic",
  google: "google",
};
const WIRES = ["chat", "responses", "anthropic", "google"] as const;
const TOOLS = [{ name: "run_python", description: "Run it.", input: z.object({ code: z.string() }) }];
const never = new AbortController().signal;

const mock = new MockLlm([]);
afterAll(() => mock[Symbol.asyncDispose]());

const modelOn = (wire: WireName, key = "key") =>
  openModel({ provider: PROVIDERS[wire], model: "m", key, url: urlOf(wire) });

const urlOf = (wire: WireName): string => (wire === "google" ? mock.url.replace(/v1$/, "v1beta") : mock.url);

type Heard = { readonly pieces: readonly ModelPiece[]; readonly reply: ModelReply };

async function hear(wire: WireName, script: Script, messages: readonly Message[], signal = never): Promise<Heard> {
  mock.play(script);
  const request = { instructions: "Be brief.", messages, tools: TOOLS, mayCall: true, maxOutputTokens: 500 };
  const events = modelOn(wire).ask(request, signal);
  const pieces: ModelPiece[] = [];
  for (;;) {
    const next = await events.next();
    if (next.done === true) return { pieces, reply: next.value };
    pieces.push(next.value);
  }
}

async function failureOf(wire: WireName, script: Script): Promise<ModelError> {
  try {
    await hear(wire, script, [{ role: "user", text: "hi" }]);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("It did not fail.");
}

const ASKED: readonly Message[] = [{ role: "user", text: "hello" }];

for (const wire of WIRES)
  describe(`on the wire “${wire}”`, () => {
    test("words come in pieces, and then as a whole with what they took", async () => {
      const usage = { inputTokens: 100, cachedTokens: 40, outputTokens: 9 };
      const { pieces, reply } = await hear(wire, [{ text: "Good morning to you all.", usage }], ASKED);
      expect(pieces.map((piece) => piece.text).join("")).toBe("Good morning to you all.");
      expect(pieces.length).toBeGreaterThan(1);
      expect(reply).toMatchObject({ finish: "stop", message: { text: "Good morning to you all.", calls: [] } });
      expect(reply.usage).toEqual({ inputTokens: 100, cachedTokens: 40, cacheWriteTokens: 0, outputTokens: 9 });
      const asked = mock.requests.at(-1)?.asked;
      expect(asked).toMatchObject({ wire, system: "Be brief.", messages: ASKED, maxTokens: 500, mayCall: true });
      expect(asked?.tools).toMatchObject([{ name: "run_python", description: "Run it." }]);
    });

    test("calls of tools come with their inputs, and go back with their results", async () => {
      const calls = [
        { name: "run_python", input: { code: "print('ä')\n" } },
        { name: "run_python", input: { code: "2" } },
      ];
      const { pieces, reply } = await hear(wire, [{ text: "I look.", calls }], ASKED);
      expect(reply.finish).toBe("calls");
      expect(reply.message.calls.map(({ name, input }) => ({ name, input }))).toEqual(calls);
      const written = pieces.flatMap((piece) => (piece.kind === "input" ? [piece.text] : [])).join("");
      expect(written).toContain("print");
      const results = reply.message.calls.map((call, at) => ({ call, text: `result ${at}`, isError: at === 1 }));
      for (const message of [reply.message, { ...reply.message, raw: { model: "another", messages: [] } }]) {
        await hear(wire, [{ text: "Done." }], [...ASKED, message, { role: "tool", results }]);
        const said = mock.requests.at(-1)?.asked.messages ?? [];
        expect(said.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "tool"]);
        expect(said[1]).toMatchObject({ text: "I look.", calls });
        expect(said[2]?.text).toBe("result 0");
        expect(said[3]?.text).toContain("result 1");
      }
    });

    test("the loop's own words may follow a result or another message of the person's", async () => {
      const { reply } = await hear(wire, [{ calls: [{ name: "run_python", input: { code: "1" } }] }], ASKED);
      const [call] = reply.message.calls;
      const results = call === undefined ? [] : [{ call, text: "1", isError: false }];
      const said: readonly Message[] = [
        ...ASKED,
        reply.message,
        { role: "tool", results },
        { role: "user", text: "Answer." },
      ];
      expect((await hear(wire, [{ text: "ok" }], said)).reply.message.text).toBe("ok");
      expect((await hear(wire, [{ text: "ok" }], [...ASKED, { role: "user", text: "b" }])).reply.message.text).toBe(
        "ok",
      );
    });

    test("an input that is no JSON is told apart", async () => {
      const script = [{ calls: [{ name: "run_python", raw: '{"code": "1' }] }];
      // Google passes on no such call: its answer ends without one.
      if (wire === "google") return expect(await failureOf(wire, script)).toMatchObject({ failure: "truncated" });
      const { reply } = await hear(wire, script, ASKED);
      expect(reply.finish).toBe("calls");
      expect(reply.message.calls[0]?.broken).toBe('{"code": "1');
    });

    test("thoughts without words are an empty answer", async () => {
      const { reply } = await hear(wire, [{ reasoning: "I wonder." }], ASKED);
      expect(reply.message.text).toBe("");
      expect(reply.finish).toBe("stop");
    });

    test("an answer that is cut at its length says so", async () => {
      expect((await hear(wire, [{ text: "half", finish: "length" }], ASKED)).reply.finish).toBe("length");
      expect((await hear(wire, [{ text: "no", finish: "filtered" }], ASKED)).reply.finish).toBe("filtered");
    });

    test("JSON of a shape is asked for and comes", async () => {
      mock.play([{ text: '{"a":1}' }]);
      const answer = z.object({ a: z.number() });
      const request = { instructions: "x", messages: ASKED, tools: [], mayCall: false, maxOutputTokens: 99, answer };
      const events = modelOn(wire).ask(request, never);
      let next = await events.next();
      while (next.done !== true) next = await events.next();
      expect(next.value.message.text).toBe('{"a":1}');
      expect(mock.requests.at(-1)?.asked.schema).toMatchObject({ properties: { a: { type: "number" } } });
    });

    const FAULTS: readonly [name: string, script: Script, failure: string, wasBilled: boolean][] = [
      ["429", [{ fault: { kind: "status", status: 429, headers: { "retry-after-ms": "70" } } }], "busy", false],
      ["500", [{ fault: { kind: "status", status: 500 } }], "busy", false],
      ["529", [{ fault: { kind: "status", status: 529 } }], "busy", false],
      ["401", [{ fault: { kind: "status", status: 401 } }], "refused", false],
      ["403", [{ fault: { kind: "status", status: 403 } }], "refused", false],
      ["no credit", [{ fault: { kind: "status", status: 429, message: "insufficient_quota" } }], "refused", false],
      ["404", [{ fault: { kind: "status", status: 404, message: "no such model" } }], "rejected", false],
      ["too much to read", [{ fault: { kind: "overflow" } }], "overflow", false],
      [
        "a stream that ends too early",
        [{ text: "long ".repeat(50), fault: { kind: "cut", clean: true } }],
        "truncated",
        true,
      ],
      ["a line that is cut", [{ text: "long ".repeat(50), fault: { kind: "cut" } }], "truncated", true],
    ];
    for (const [name, script, failure, wasBilled] of FAULTS)
      test(`${name} is a failure of the kind “${failure}”`, async () => {
        expect(await failureOf(wire, script)).toMatchObject({ failure, wasBilled });
      });

    test("a server's wish to wait is heard", async () => {
      const inMs = { kind: "status", status: 429, headers: { "retry-after-ms": "70" } } as const;
      expect((await failureOf(wire, [{ fault: inMs }])).retryAfterMs).toBe(70);
      const inSeconds = { kind: "status", status: 503, headers: { "retry-after": "2" } } as const;
      expect((await failureOf(wire, [{ fault: inSeconds }])).retryAfterMs).toBe(2_000);
    });

    for (const kind of ["hang", "hang-midway"] as const)
      test(`one who is told to stop while it says nothing (${kind}) stops, and the server notices`, async () => {
        const stop = new AbortController();
        const script: Script = () => {
          setTimeout(() => stop.abort(new Error("stopped")), 20);
          return { text: "long ".repeat(50), fault: { kind } };
        };
        expect(hear(wire, script, ASKED, stop.signal)).rejects.toThrow("stopped");
        while (mock.requests.at(-1)?.isAborted !== true) await Bun.sleep(5);
      });
  });

test("a server that is not there is unreachable", async () => {
  const model = openModel({ provider: "compatible", model: "m", key: null, url: "http://127.0.0.1:9/v1" });
  const request = { instructions: "", messages: ASKED, tools: [], mayCall: false, maxOutputTokens: 9 };
  expect(model.ask(request, never).next()).rejects.toMatchObject({ failure: "unreachable", wasBilled: false });
});

describe("what no platform takes", () => {
  const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } };
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const CASES: readonly [name: string, path: string, body: object][] = [
    ["no messages", "chat/completions", { messages: [] }],
    [
      "a result without its call",
      "chat/completions",
      { messages: [{ role: "tool", content: "x", tool_call_id: "c" }] },
    ],
    [
      "a call without its result",
      "chat/completions",
      {
        messages: [
          { role: "user", content: "x" },
          { role: "assistant", content: null, tool_calls: [call] },
          { role: "user", content: "y" },
        ],
        tools: [tool],
      },
    ],
    ["a choice of no tools", "chat/completions", { messages: [{ role: "user", content: "x" }], tool_choice: "auto" }],
    ["no limit of tokens", "messages", { messages: [{ role: "user", content: "x" }] }],
    ["an assistant that begins", "messages", { max_tokens: 9, messages: [{ role: "assistant", content: "x" }] }],
    [
      "two of a kind in a row",
      "messages",
      {
        max_tokens: 9,
        messages: [
          { role: "user", content: "x" },
          { role: "user", content: "y" },
        ],
      },
    ],
    ["empty text", "messages", { max_tokens: 9, messages: [{ role: "user", content: [{ type: "text", text: "" }] }] }],
    ["an unknown item", "responses", { input: [{ type: "item_reference", id: "nobody" }] }],
    [
      "an output without its call",
      "responses",
      { input: [{ type: "function_call_output", call_id: "c", output: "x" }] },
    ],
  ];
  for (const [name, path, body] of CASES)
    test(`${name} is refused by ${path}`, async () => {
      const response = await fetch(`${mock.url}/${path}`, {
        method: "POST",
        headers: { Authorization: "Bearer key", "x-api-key": "key", "anthropic-version": "2023-06-01" },
        body: JSON.stringify({ model: "m", stream: true, ...body }),
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toHaveProperty("error.message");
    });
});

test("keys are asked for, and models are listed to whoever has one", async () => {
  await using strict = new MockLlm([{ text: "x" }], { key: "right", models: ["a"] });
  expect((await fetch(`${strict.url}/models`)).status).toBe(401);
  const listed = await fetch(`${strict.url}/models`, { headers: { "x-api-key": "right" } });
  expect(await listed.json()).toMatchObject({ data: [{ id: "a" }] });
  const wrong = openModel({ provider: "openai", model: "m", key: "wrong", url: strict.url });
  const request = { instructions: "", messages: ASKED, tools: [], mayCall: false, maxOutputTokens: 99 };
  expect(wrong.ask(request, never).next()).rejects.toMatchObject({ failure: "refused" });
});

test("a model that reads so much and no more says when it was too much", async () => {
  await using small = new MockLlm([{ text: "ok" }], { contextTokens: 50 });
  const model = openModel({ provider: "anthropic", model: "m", key: "k", url: small.url });
  const ask = (text: string) =>
    model.ask(
      { instructions: "x", messages: [{ role: "user", text }], tools: [], mayCall: false, maxOutputTokens: 9 },
      never,
    );
  expect(ask("word ".repeat(60)).next()).rejects.toMatchObject({ failure: "overflow" });
  expect((await ask("a few words").next()).value).toMatchObject({ kind: "text" });
});
