// The scripted model and the AI SDK itself: what its five clients read from the four wires.
import { afterAll, describe, expect, test } from "bun:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, isStepCount, RetryError, streamText, tool, type LanguageModel } from "ai";
import { z } from "zod";
import { MockLlm } from "../../fakes/llm/server.ts";
import type { Asked, Fault, Script } from "../../fakes/llm/script.ts";

const mock = new MockLlm([]);
afterAll(() => mock[Symbol.asyncDispose]());

const at = { apiKey: "a-key", baseURL: mock.url };
const CLIENTS: Readonly<Record<string, LanguageModel>> = {
  "openai.responses": createOpenAI(at).responses("m"),
  "openai.chat": createOpenAI(at).chat("m"),
  "openai-compatible": createOpenAICompatible({ ...at, name: "own", includeUsage: true })("m"),
  anthropic: createAnthropic(at)("m"),
  google: createGoogle({ ...at, baseURL: mock.url.replace(/v1$/, "v1beta") })("m"),
};

const double = tool({
  description: "Doubles.",
  inputSchema: z.object({ value: z.number() }),
  execute: ({ value }) => String(2 * value),
});

type Options = { readonly maxRetries?: number; readonly signal?: AbortSignal };

function ask(model: LanguageModel, script: Script, { maxRetries = 0, signal }: Options = {}) {
  mock.play(script);
  return streamText({
    model,
    prompt: "hello",
    tools: { double },
    stopWhen: isStepCount(4),
    maxOutputTokens: 500,
    maxRetries,
    onError: () => undefined,
    ...(signal !== undefined && { abortSignal: signal }),
  });
}

type Parts = Awaited<ReturnType<typeof partsOf>>;
/** A line that is cut also ends the stream with an error. */
async function partsOf(result: ReturnType<typeof ask>) {
  const parts: (typeof result.stream extends AsyncIterable<infer Part> ? Part : never)[] = [];
  try {
    for await (const part of result.stream) parts.push(part);
  } catch (error) {
    parts.push({ type: "error", error });
  }
  return parts;
}
const errorIn = (parts: Parts): unknown => parts.flatMap((part) => (part.type === "error" ? [part.error] : [])).at(0);
const lastFinish = (parts: Parts): string | undefined =>
  parts.flatMap((part) => (part.type === "finish-step" ? [part.finishReason] : [])).at(-1);
const textIn = (parts: Parts, type: "text-delta" | "reasoning-delta"): string =>
  parts.flatMap((part) => (part.type === type ? [part.text] : [])).join("");

for (const [name, model] of Object.entries(CLIENTS))
  describe(name, () => {
    test("words, thoughts and every kind of token arrive", async () => {
      const usage = { inputTokens: 100, cachedTokens: 40, outputTokens: 20, reasoningTokens: 8 };
      const result = ask(model, [{ reasoning: "I wonder about it.", text: "Good morning to you.", usage }]);
      const parts = await partsOf(result);
      expect(textIn(parts, "text-delta")).toBe("Good morning to you.");
      expect(lastFinish(parts)).toBe("stop");
      // The SDK's client of OpenAI's own chat has no thoughts: that platform sends none there.
      expect(textIn(parts, "reasoning-delta")).toBe(name === "openai.chat" ? "" : "I wonder about it.");
      expect(await result.usage).toMatchObject({
        inputTokens: 100,
        inputTokenDetails: { cacheReadTokens: 40 },
        outputTokens: 20,
        outputTokenDetails: { reasoningTokens: 8 },
      });
      expect(mock.bill.at(-1)).toEqual(usage);
    });

    test("calls at once are run, and their results go back in the conversation", async () => {
      const calls = [1, 2].map((value) => ({ name: "double", input: { value } }));
      const script = (asked: Asked) => {
        const results = asked.messages.flatMap((one) => (one.role === "tool" ? [one.text] : []));
        return results.length === 0 ? { text: "I compute.", calls } : { text: `It is ${results.join(" and ")}.` };
      };
      const parts = await partsOf(ask(model, script));
      expect(textIn(parts, "text-delta")).toBe("I compute.It is 2 and 4.");
      expect(parts.flatMap((part) => (part.type === "finish-step" ? [part.finishReason] : []))).toEqual([
        "tool-calls",
        "stop",
      ]);
      const [, answer, ...results] = mock.requests.at(-1)?.asked.messages ?? [];
      expect(answer).toMatchObject({ role: "assistant", calls });
      const ids = answer?.role === "assistant" ? answer.calls.map(({ id }) => id) : [];
      expect(results.flatMap((one) => (one.role === "tool" ? [one.callId] : []))).toEqual(ids);
    });

    test("a call after thoughts may be answered", async () => {
      const script = (asked: Asked) =>
        asked.messages.at(-1)?.role === "tool"
          ? { text: "Done." }
          : { reasoning: "Let me see.", calls: [{ name: "double", input: { value: 1 } }] };
      const parts = await partsOf(ask(model, script));
      expect(errorIn(parts)).toBeUndefined();
      expect(textIn(parts, "text-delta")).toBe("Done.");
    });

    test("thoughts without words, and nothing at all, are whole answers without words", async () => {
      for (const turn of [{ reasoning: "Hm." }, {}]) {
        const parts = await partsOf(ask(model, [turn]));
        expect(errorIn(parts)).toBeUndefined();
        expect(textIn(parts, "text-delta")).toBe("");
        expect(lastFinish(parts)).toBe("stop");
      }
    });

    test("an answer that was cut at its length, or held back, says so", async () => {
      expect(lastFinish(await partsOf(ask(model, [{ text: "half", finish: "length" }])))).toBe("length");
      expect(lastFinish(await partsOf(ask(model, [{ text: "no", finish: "filtered" }])))).toBe("content-filter");
    });

    test("an input that is no JSON is no call that is run", async () => {
      const parts = await partsOf(ask(model, [{ calls: [{ name: "double", raw: '{"value": ' }] }, { text: "Sorry." }]));
      expect(parts.some((part) => part.type === "tool-result")).toBe(false);
      if (name === "google") expect(lastFinish(parts)).toBe("error");
      else expect(parts.some((part) => part.type === "tool-error")).toBe(true);
    });

    const STATUSES = [
      [401, false],
      [429, true],
      [500, true],
      [529, true],
    ] as const;
    test.each(STATUSES)("status %d arrives with its words", async (status, isRetryable) => {
      const error = errorIn(await partsOf(ask(model, [{ fault: { kind: "status", status, message: "Not now." } }])));
      if (!APICallError.isInstance(error)) throw new Error(`No error of the API: ${String(error)}`);
      expect(error).toMatchObject({ statusCode: status, isRetryable, message: "Not now." });
    });

    test("a wish to wait is obeyed, and the next try is answered", async () => {
      const fault: Fault = { kind: "status", status: 429, headers: { "retry-after-ms": "1" } };
      const parts = await partsOf(ask(model, [{ fault }, { text: "Here." }], { maxRetries: 1 }));
      expect(textIn(parts, "text-delta")).toBe("Here.");
      const failed = errorIn(await partsOf(ask(model, [{ fault }], { maxRetries: 1 })));
      expect(RetryError.isInstance(failed)).toBe(true);
    });

    test("too much to read is a refusal that names its reason", async () => {
      const error = errorIn(await partsOf(ask(model, [{ fault: { kind: "overflow" } }])));
      if (!APICallError.isInstance(error)) throw new Error(`No error of the API: ${String(error)}`);
      expect(error).toMatchObject({ statusCode: 400, isRetryable: false });
      expect(error.responseBody).toMatch(/context_length_exceeded|prompt is too long|input token count/);
    });

    test.each([false, true])("an answer that breaks off is none (clean: %p)", async (clean) => {
      const parts = await partsOf(ask(model, [{ text: "long ".repeat(60), fault: { kind: "cut", clean } }]));
      expect(textIn(parts, "text-delta")).toStartWith("long");
      expect(["stop", "length", "tool-calls", "content-filter"]).not.toContain(lastFinish(parts) ?? "");
    });

    test.each(["hang", "hang-midway"] as const)("who stops a model that says nothing (%s) is noticed", async (kind) => {
      const stop = new AbortController();
      const script: Script = () => {
        setTimeout(() => stop.abort(), 20);
        return { text: "long ".repeat(60), fault: { kind } };
      };
      const parts = await partsOf(ask(model, script, { signal: stop.signal }));
      expect(parts.some((part) => part.type === "abort")).toBe(true);
      while (mock.requests.at(-1)?.isAborted !== true) await Bun.sleep(2);
    });

    test("pieces that come slowly come all", async () => {
      const parts = await partsOf(ask(model, [{ text: "one two three", delayMs: 1, piece: 4 }]));
      expect(textIn(parts, "text-delta")).toBe("one two three");
    });
  });

test("none of what the SDK sent would have been refused", () => expect(mock.refusals).toEqual([]));
