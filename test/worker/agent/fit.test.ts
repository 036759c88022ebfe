// What a model is shown when it cannot read everything.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { fitInto } from "../../../src/worker/agent/fit.ts";
import type { Message } from "../../../src/worker/agent/model.ts";
import { countMessage } from "../../../src/worker/agent/tokens.ts";

const user = (text: string): Message => ({ role: "user", text });
const answer = (text: string): Message => ({ role: "assistant", text, calls: [] });
const step = (id: string, output: string): readonly Message[] => {
  const call = { id, name: "run_python", input: { code: `print(${id})` } };
  return [
    { role: "assistant", text: "", calls: [call] },
    { role: "tool", results: [{ call, text: output, isError: false }] },
  ];
};
const words = (count: number, word = "word"): string =>
  Array.from({ length: count }, (_, at) => `${word}${at}`).join(" ");
const sizeOf = (messages: readonly Message[]): number => messages.reduce((sum, one) => sum + countMessage(one), 0);

/** As the wires demand it: each call has its result right behind it, and nothing else has one. */
function isWellFormed(messages: readonly Message[]): boolean {
  return messages.every((message, at) => {
    const next = messages[at + 1];
    if (message.role === "assistant" && message.calls.length > 0)
      return (
        next?.role === "tool" &&
        next.results.map(({ call }) => call.id).join() === message.calls.map(({ id }) => id).join()
      );
    if (message.role !== "tool") return true;
    const before = messages[at - 1];
    return before?.role === "assistant" && before.calls.length > 0;
  });
}

test("what fits stays as it is", () => {
  const all = [user("a"), ...step("1", "x"), answer("b"), user("c")];
  expect(fitInto(all, 10_000)).toBe(all);
});

test("old results are shortened first, the newest two stay whole", () => {
  const all = [user("a"), ...step("1", words(900)), ...step("2", words(300)), ...step("3", words(300))];
  const fitting = fitInto(all, sizeOf(all) - 500);
  expect(sizeOf(fitting)).toBeLessThanOrEqual(sizeOf(all) - 500);
  expect(fitting.slice(3)).toEqual(all.slice(3));
});

test("then whole turns go, the oldest first, and the person's last words say so", () => {
  const all = [user("first"), answer(words(500)), user("second"), answer(words(100)), user("third")];
  const fitting = fitInto(all, sizeOf(all.slice(2)) + 80);
  expect(fitting.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  expect(fitting[0]).toEqual(user("second"));
  expect(fitting.at(-1)).toMatchObject({ role: "user" });
  expect(JSON.stringify(fitting.at(-1))).toContain("1 earlier turn is not shown");
  expect(JSON.stringify(fitting.at(-1))).toContain("third");
});

test("the loop's own words behind a result do not begin a turn", () => {
  const current = [user("now"), ...step("9", words(50)), user("You have no more steps.")];
  const all = [user("before"), answer(words(900)), ...current];
  const fitting = fitInto(all, sizeOf(current) + 60);
  expect(fitting.length).toBe(4);
  expect(JSON.stringify(fitting[0])).toContain("now");
});

test("words that are too long by themselves lose their middle", () => {
  const fitting = fitInto([user(`begin ${words(20_000)} end`)], 2_000);
  expect(sizeOf(fitting)).toBeLessThanOrEqual(2_000);
  expect(JSON.stringify(fitting)).toContain("begin word0");
  expect(JSON.stringify(fitting)).toContain(" end");
});

describe("whatever was said", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 2_000 }),
    fc.integer({ min: 0, max: 2_000 }).map((count) => words(count)),
  );
  const turn = fc.record({ asked: text, outputs: fc.array(text, { maxLength: 4 }), answered: text });
  test("what is shown is well-formed, fits, and ends with the person's words or what came of them", () => {
    fc.assert(
      fc.property(
        fc.array(turn, { maxLength: 8 }),
        turn,
        fc.integer({ min: 1_000, max: 20_000 }),
        (earlier, current, room) => {
          let id = 0;
          const stepsOf = (outputs: readonly string[]) => outputs.flatMap((output) => step(`c${id++}`, output));
          const all = [
            ...earlier.flatMap(({ asked, outputs, answered }) => [user(asked), ...stepsOf(outputs), answer(answered)]),
            user(current.asked),
            ...stepsOf(current.outputs),
          ];
          const fitting = fitInto(all, room);
          expect(isWellFormed(fitting)).toBe(true);
          expect(fitting[0]?.role).toBe("user");
          // Two results stay, shortened, whatever the room is.
          expect(sizeOf(fitting)).toBeLessThanOrEqual(Math.max(room, 9_000));
          expect(fitting.at(-1)?.role).toBe(all.at(-1)?.role ?? "user");
        },
      ),
      { numRuns: 200 },
    );
  });
});
