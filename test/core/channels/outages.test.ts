// A platform that is away: the others go on, and what waited for it is said in its order.
import { expect, test } from "bun:test";
import { openTown, type Town } from "./town.ts";

const HOUR_MS = 3_600_000;

/** Time goes by until she is heard: Telegram may be about to be asked again. */
async function annAsksLater(town: Town, answer: string): Promise<void> {
  town.ann.say(`Say ${answer}`);
  await town.until(() => {
    town.move(100);
    return town.value("SELECT count(*) FROM job_run WHERE state = 'ready'") === 1;
  });
  await town.settle(await town.claim(), answer);
}

test("while Telegram is away for an hour WhatsApp goes on, and what waited is said in its order", async () => {
  await using town = await openTown();
  await town.annAsks("Zero.");
  await town.until(() => town.annReads().length === 1);
  const answers = ["One.", "Two.", "Three."];
  for (const text of answers) town.ann.say(text);
  await town.until(() => town.value("SELECT count(*) FROM jobs") === 4);
  await town.telegram.stop();
  for (const text of answers) await town.settle(await town.claim(), text);
  for (let quarter = 1; quarter <= 4; quarter += 1) {
    await town.pass(HOUR_MS / 4);
    await town.adaAsks(`Quarter ${quarter}`);
    await town.until(() => town.adaReads().length === quarter);
  }
  expect(town.messenger.states()).toMatchObject([
    { name: "telegram", state: "down" },
    { name: "whatsapp", state: "up" },
  ]);
  town.telegram.start();
  await annAsksLater(town, "Four.");
  await town.pass(120_000);
  expect(town.annReads()).toEqual(["Zero.", "One.", "Two.", "Three.", "Four."]);
  expect(town.lines.filter((line) => line.includes("outbox-failed"))).toEqual([]);
});

test("while WhatsApp is away for an hour Telegram goes on, and what waited is said in its order", async () => {
  await using town = await openTown();
  town.graph.stopListening();
  for (const text of ["One.", "Two.", "Three."]) await town.adaAsks(text);
  for (let quarter = 1; quarter <= 4; quarter += 1) {
    await town.pass(HOUR_MS / 4);
    await annAsksLater(town, `Quarter ${quarter}`);
    await town.until(() => town.annReads().length === quarter);
  }
  expect(town.adaReads()).toEqual([]);
  town.graph.listen();
  await town.pass(180_000);
  expect(town.adaReads()).toEqual(["One.", "Two.", "Three."]);
  expect(town.lines.filter((line) => line.includes("outbox-failed"))).toEqual([]);
});
