// While something runs: it is stopped, or other messages come and wait for their turn.
import { expect } from "bun:test";
import { until } from "../../e2e/until.ts";
import { WITHIN_MS, type Chat } from "../drivers/driver.ts";
import { allSaid, answersTo, file, pictures, REGIONS, type Scenario } from "./scenario.ts";

/** Begins, stays, leaves a file, ends. */
const slow = (seconds: number): string => `
import time
time.sleep(${seconds})
open("late.txt", "w").write("x")
print("The slow one is done.")
`;

/** A job of this chat that is at work now. */
async function begin(chat: Chat, seconds: number): Promise<void> {
  await answersTo(chat, "hello");
  await chat.run(slow(seconds));
  await until(() => chat.jobs().at(-1)?.state === "running", WITHIN_MS, () => JSON.stringify(chat.jobs()));
}

export const stop: Scenario = {
  name: "what runs is stopped when a person says so, that is answered, and no result comes afterwards",
  play: async (driver) => {
    await using chat = await driver.open();
    await begin(chat, 300);
    await chat.stop();
    await until(() => chat.jobs().at(1)?.state === "cancelled", WITHIN_MS, () => JSON.stringify(chat.jobs()));
    const seen = (await allSaid(chat)).slice(1);
    expect(seen.filter(({ words }) => words.startsWith("Stopped")).length).toBeGreaterThan(0);
    expect(seen.flatMap(({ files }) => files)).toEqual([]);
    expect(seen.map(({ words }) => words).join("\n")).not.toContain("The slow one is done.");
  },
};

export const busy: Scenario = {
  name: "messages that are sent while something runs are all answered, in their order",
  play: async (driver) => {
    await using chat = await driver.open();
    const csv = file("sales.csv", REGIONS);
    await begin(chat, 2);
    await chat.send("Graph this CSV file", [csv]);
    await chat.send("Lowest price", driver.can.goesOn ? [] : [csv]);
    const seen = (await allSaid(chat)).slice(1);
    const isOf = [/The slow one is done/, /I drew/, /lowest|10/i];
    expect(chat.jobs().map(({ state }) => state)).toEqual(["done", "done", "done", "done"]);
    expect(pictures(seen).length).toBeGreaterThan(0);
    const places = isOf.map((pattern) => seen.findIndex(({ words }) => pattern.test(words)));
    expect(places).not.toContain(-1);
    if (driver.can.answersInOrder) expect(places).toEqual(places.toSorted((one, other) => one - other));
  },
};
