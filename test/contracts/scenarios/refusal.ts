// What cannot be done ends in plain words.
import { expect } from "bun:test";
import { answersTo, only, type Scenario } from "./scenario.ts";

/** Not text, not a picture, no archive. */
const NOISE = new Uint8Array(Array.from({ length: 4_000 }, (_, at) => (at * at * 31 + at * 7) % 256));

export const refusal: Scenario = {
  name: "what cannot be done ends in plain words: what happened, and what can be done",
  play: async (driver) => {
    await using chat = await driver.open();
    const { words, files } = only(await answersTo(chat, "Graph this", [{ name: "noise.bin", bytes: NOISE }]));
    expect(files).toEqual([]);
    expect(words).toContain("This is not a table");
    expect(words).toMatch(/Send a CSV/);
    expect(words).not.toMatch(/^[a-z_]+:|Traceback|File "|\bat \w+ \(|[a-z]+_[a-z]+:|Error:|undefined|null|\[object/);
  },
};
