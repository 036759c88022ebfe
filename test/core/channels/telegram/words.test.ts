// Whatever a model writes, Telegram takes it: checked by a reader of Telegram's HTML that is not ours, and on the wire.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseHtml } from "../../../../fakes/telegram/html.ts";
import { ABILITIES } from "../../../../src/core/channels/telegram/abilities.ts";
import { render } from "../../../../src/core/render.ts";
import { anyMarkdown } from "../../any_markdown.ts";
import { openBot } from "./bot.ts";

/** A failure prints `seed` and `path`; give them to see it again. */
const RUNS = Number(process.env["SANDPIPER_TEST_RUNS"] ?? 5_000);
const SEED = process.env["SANDPIPER_TEST_SEED"];
const PATH = process.env["SANDPIPER_TEST_PATH"];
const again = SEED === undefined ? {} : { seed: Number(SEED), ...(PATH === undefined ? {} : { path: PATH }) };
const ON_THE_WIRE = 200;

const said = (markdown: string) =>
  render({ markdown, files: [], actions: [], dashboard: "http://localhost:4747/c/1" }, ABILITIES);

test(`${RUNS} random texts become messages that Telegram reads, of 4096 units at most`, () => {
  const property = (scraps: readonly string[]): void => {
    for (const operation of said(scraps.join("\n"))) {
      if (operation.kind !== "text") throw new Error(`A text became a ${operation.kind}.`);
      // Throws where Telegram would answer with 400.
      const { text } = parseHtml(operation.text);
      expect(text.trim()).not.toBe("");
      for (const words of [text, operation.text, operation.plain]) {
        expect(words.length).toBeLessThanOrEqual(4_096);
        expect(words.isWellFormed()).toBe(true);
      }
    }
  };
  fc.assert(fc.property(fc.array(anyMarkdown, { minLength: 1, maxLength: 6 }), property), {
    numRuns: RUNS,
    interruptAfterTimeLimit: 60_000,
    ...again,
  });
}, 120_000);

test(`of ${ON_THE_WIRE} random texts none is refused on the wire`, async () => {
  await using bot = await openBot();
  const property = async (markdown: string): Promise<void> => {
    for (const operation of said(markdown)) await bot.channel.deliver(bot.order(operation), bot.stop.signal);
  };
  await fc.assert(fc.asyncProperty(anyMarkdown, property), { numRuns: ON_THE_WIRE, ...again });
  const refused = bot.telegram.calls.filter(({ status }) => status !== 200);
  expect(refused.map(({ method, status, parameters }) => [method, status, parameters["text"]])).toEqual([]);
}, 60_000);
