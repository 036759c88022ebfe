// Files and what is asked about them: the picture, the next question, several files, and the same event twice.
import { expect } from "bun:test";
import { rejectionOf } from "../../shared/temporary.ts";
import { answersTo, allSaid, file, only, pictures, REGIONS, type Scenario } from "./scenario.ts";

const CSV = file("sales.csv", REGIONS);

export const chart: Scenario = {
  name: "a CSV with “Graph this CSV file” brings one picture, and words that name a column",
  play: async (driver) => {
    await using chat = await driver.open();
    const answer = only(await answersTo(chat, "Graph this CSV file", [CSV]));
    expect(pictures([answer])).toHaveLength(1);
    expect(answer.words).toMatch(/region|price/);
    expect(chat.jobs()).toMatchObject([{ state: "done", files: 1 }]);
  },
};

export const followUp: Scenario = {
  name: "the next question is about the file that was sent before",
  play: async (driver) => {
    await using chat = await driver.open();
    await answersTo(chat, "Graph this CSV file", [CSV]);
    const { words } = only(await answersTo(chat, "Average price by region"));
    expect(words).toMatch(/West.*30/s);
    expect(chat.jobs().map(({ files }) => files)).toEqual([1, 1]);
  },
};

export const severalFiles: Scenario = {
  name: "several files of one message are one job with all of them",
  play: async (driver) => {
    await using chat = await driver.open();
    const both = [CSV, file("costs.csv", "region,cost\nNorth,5\nEast,7\n")];
    if (driver.can.sendsFilesTogether) await chat.send("Summarise these", both);
    else {
      // One after the other, and then the words.
      for (const one of both) await chat.send("", [one]);
      await allSaid(chat);
      await chat.send("Summarise these");
    }
    expect((await allSaid(chat)).at(-1)?.words).toContain("region");
    expect(chat.jobs()).toMatchObject([{ state: "done", files: 2 }]);
  },
};

export const twice: Scenario = {
  name: "an event that is delivered twice is one job with one answer",
  play: async (driver) => {
    await using chat = await driver.open();
    await chat.send("Graph this CSV file", [CSV]);
    if (driver.can.deliversTwice) await chat.redeliver();
    else expect(await rejectionOf(chat.redeliver())).toBeInstanceOf(Error);
    expect(pictures([only(await allSaid(chat))])).toHaveLength(1);
    expect(chat.jobs()).toMatchObject([{ state: "done" }]);
  },
};
