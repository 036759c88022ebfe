// Who says hello is told what can be asked.
import { expect } from "bun:test";
import { answersTo, only, type Scenario } from "./scenario.ts";

export const greeting: Scenario = {
  name: "a greeting is answered with help",
  play: async (driver) => {
    await using chat = await driver.open();
    const { words, files } = only(await answersTo(chat, "hello"));
    expect(words).toContain("Graph this CSV file");
    expect(files).toEqual([]);
  },
};
