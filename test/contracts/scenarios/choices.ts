// Files without words: what is to be done with them is asked, and chosen.
import { expect } from "bun:test";
import type { Chat, Driver, Seen } from "../drivers/driver.ts";
import { allSaid, answersTo, file, only, pictures, REGIONS, type Scenario } from "./scenario.ts";

const CSV = file("sales.csv", REGIONS);
const TITLES = ["Summarise", "Chart", "Clean up", "Something else"];

export const choice: Scenario = {
  name: "a file without words is asked about with four choices, and Chart brings the picture",
  play: async (driver) => {
    await using chat = await driver.open();
    const answer = await CHOOSING[driver.can.asksAboutFiles](driver, chat);
    expect(pictures([answer])).toHaveLength(1);
    expect(answer.words).toContain("sales.csv");
    expect(chat.jobs()).toMatchObject([{ state: "done", files: 1 }]);
  },
};

const CHOOSING: { readonly [way in Driver["can"]["asksAboutFiles"]]: (driver: Driver, chat: Chat) => Promise<Seen> } = {
  message: async ({ can }, chat) => {
    const asked = only(await answersTo(chat, "", [CSV]));
    expect(asked.words).toContain("sales.csv");
    expect(asked.buttons).toEqual(TITLES.slice(0, can.buttons));
    TITLES.slice(can.buttons).forEach((title, at) =>
      expect(asked.words).toContain(`Reply ${can.buttons + at + 1} for ${title}`),
    );
    expect(chat.jobs()).toEqual([]);
    await chat.press("Chart");
    return only((await allSaid(chat)).slice(1));
  },
  // The page shows its choices before it sends anything, and sends the words of the chosen one.
  page: async (_driver, chat) => {
    await chat.send("", [CSV]);
    expect(chat.jobs()).toEqual([]);
    await chat.press("Chart");
    return only(await allSaid(chat));
  },
  // It goes on with what it sees in the file.
  never: async (_driver, chat) => only(await answersTo(chat, "", [CSV])),
};

export const ownWords: Scenario = {
  name: "a file without words waits for words of the person’s own",
  play: async (driver) => {
    await using chat = await driver.open();
    const way = driver.can.asksAboutFiles;
    if (way !== "never") await answersTo(chat, "", [CSV]);
    if (way === "page") await chat.press("Something else");
    if (way === "message") {
      if (driver.can.buttons >= TITLES.length) await chat.press("Something else");
      else await chat.send(String(TITLES.length));
      expect((await allSaid(chat)).at(-1)?.words).toContain("in your own words");
    }
    const answer = only(await answersTo(chat, "Average price by region", way === "never" ? [CSV] : []));
    expect(answer.words).toMatch(/West.*30/s);
    expect(chat.jobs()).toMatchObject([{ state: "done", files: 1 }]);
  },
};

export const twoFiles: Scenario = {
  name: "two files that are sent without words, one after the other, can both be charted",
  play: async (driver) => {
    await using chat = await driver.open();
    const files = [CSV, file("costs.csv", "month,cost\n2024-01,5\n2024-02,7\n2024-03,6\n")];
    const way = driver.can.asksAboutFiles;
    for (const one of files) {
      await chat.send("", [one]);
      if (way === "page") await chat.press("Chart");
    }
    await allSaid(chat);
    if (way === "message")
      for (const { name } of files) {
        await chat.press("Chart", name);
        await allSaid(chat);
      }
    const seen = await allSaid(chat);
    for (const { name } of files)
      expect(seen.some((one) => pictures([one]).length === 1 && one.words.includes(name))).toBe(true);
  },
};
