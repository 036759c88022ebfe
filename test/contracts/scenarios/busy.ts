// While something runs: it is stopped, or other messages come and wait for their turn.
import { expect } from "bun:test";
import { until } from "../../e2e/until.ts";
import { WITHIN_MS, type Chat, type Driver, type Seen } from "../drivers/driver.ts";
import { allSaid, answersTo, file, pictures, REGIONS, type Scenario } from "./scenario.ts";

/** Stays, leaves a file, ends. */
const slow = (seconds: number): string => `
import time
time.sleep(${seconds})
open("late.txt", "w").write("x")
`;

/** A job of this chat that is at work now. */
export async function begin(chat: Chat, seconds: number): Promise<void> {
  await answersTo(chat, "hello");
  await chat.run(slow(seconds));
  await until(
    () => chat.jobs().at(-1)?.state === "running",
    WITHIN_MS,
    () => JSON.stringify(chat.jobs()),
  );
}

export const stop: Scenario = {
  name: "what runs is stopped by the button or the key that the channel has for it, and no result comes afterwards",
  play: (driver) => stopBy(driver, (chat) => chat.stop(), "Stopped"),
};

export const stopWord: Scenario = {
  name: "what runs is stopped by /stop, that is answered, and no result comes afterwards",
  play: (driver) => stopBy(driver, (chat) => chat.send("/stop"), "Stopped. Nothing further will be charged."),
};

async function stopBy(driver: Driver, stopIt: (chat: Chat) => Promise<void>, answer: string): Promise<void> {
  await using chat = await driver.open();
  await begin(chat, 60);
  await stopIt(chat);
  await until(
    () => chat.jobs().at(1)?.state === "cancelled",
    WITHIN_MS,
    () => JSON.stringify(chat.jobs()),
  );
  const seen = (await allSaid(chat)).slice(1);
  expect(seen.some(({ words }) => words.startsWith(answer))).toBe(true);
  expect(seen.flatMap(({ files }) => files)).toEqual([]);
  expect(seen.map(({ words }) => words).join("\n")).not.toContain("ran to its end");
}

export const busy: Scenario = {
  name: "messages that are sent while something runs are all answered, in their order",
  play: async (driver) => {
    await using chat = await driver.open();
    await begin(chat, 2);
    await chat.send("Graph this CSV file", [file("sales.csv", REGIONS)]);
    await chat.send("Convert this to JSON");
    const seen = (await allSaid(chat)).slice(1);
    const answers: ((one: Seen) => boolean)[] = [
      ({ words }) => words.includes("ran to its end"),
      (one) => pictures([one]).length === 1,
      ({ files }) => files.some(({ name }) => name === "sales.json"),
    ];
    expect(chat.jobs().map(({ state }) => state)).toEqual(["done", "done", "done", "done"]);
    const places = answers.map((isIt) => seen.findIndex(isIt));
    expect(places).not.toContain(-1);
    if (driver.can.answersInOrder) expect(places).toEqual(places.toSorted((one, other) => one - other));
  },
};
