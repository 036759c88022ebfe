// What people ask of the assistant itself: the same words on every channel.
import { expect } from "bun:test";
import type { Driver } from "../drivers/driver.ts";
import { answersTo, file, only, pictures, REGIONS, type Scenario } from "./scenario.ts";

const CSV = file("sales.csv", REGIONS);

/** In a chat in which nothing has been said. */
const ANSWERS: { readonly [command: string]: RegExp } = {
  "/help": /Graph this CSV file.*\/stop/s,
  "/start": /Graph this CSV file.*\/stop/s,
  "/frobnicate": /Graph this CSV file.*\/stop/s,
  "/status": /^Nothing is running\.$/,
  "/files": /no files in this conversation yet/,
  "/cost": /today: \$\d+\.\d+/,
  "/again": /nothing to do again/,
  "/new": /new conversation begins/,
  "/stop": /^Stopped/,
  "/settings": /built-in planner.*MB/s,
};
const WHO: { readonly [driver: string]: RegExp } = {
  Telegram: /telegram.*\b20\d\d\b/,
  WhatsApp: /whatsapp.*US\.\d+/,
  "the notebook": /notebook.*person \d+/,
  "the web page": /owner/,
  "the command line": /owner/,
};

async function ask(driver: Driver, command: string, expected: RegExp): Promise<void> {
  await using chat = await driver.open();
  expect(only(await answersTo(chat, command)).words.trim()).toMatch(expected);
  // On the page and in a terminal it is a job, but one that was never in the line.
  expect(chat.jobs().filter(({ attempts }) => attempts > 0)).toEqual([]);
}

export const commands: Scenario = {
  name: "every command is answered in a chat where nothing was said, without a worker",
  play: async (driver) => {
    const all = { ...ANSWERS, "/whoami": WHO[driver.name] ?? /never/ };
    await Promise.all(Object.entries(all).map(([command, expected]) => ask(driver, command, expected)));
  },
};

export const filesAndAgain: Scenario = {
  name: "/files names what came out, and /again does it once more",
  play: async (driver) => {
    await using chat = await driver.open();
    await answersTo(chat, "Graph this CSV file", [CSV]);
    const files = only(await answersTo(chat, "/files"));
    const again = only(await answersTo(chat, "/again"));
    expect(files.words).toContain("graph.png");
    expect(pictures([again])).toHaveLength(1);
  },
};

export const anew: Scenario = {
  name: "after /new the file of the conversation before is not asked about any more",
  play: async (driver) => {
    await using chat = await driver.open();
    await answersTo(chat, "Summarise this", [CSV]);
    await answersTo(chat, "/new");
    expect(only(await answersTo(chat, "Average price by region")).words).toContain("without a file");
  },
};
