// How long platforms want us to wait, and how long we wait for them: nothing is said twice, and order is kept.
import { expect, test } from "bun:test";
import { openTown, type Town } from "./town.ts";

const HOUR_MS = 3_600_000;

const edits = (town: Town, words: string) =>
  town.telegram.callsOf("editMessageText").filter(({ parameters }) => parameters["text"] === words);
const orders = (town: Town, words: string) =>
  town.graph.calls.filter(({ call, body }) => call === "messages" && JSON.stringify(body).includes(words));

test("what Telegram wants two seconds for is sent once more after them, and in its order", async () => {
  await using town = await openTown();
  town.telegram.faults.add({
    method: "editMessageText",
    kind: "status",
    code: 429,
    retryAfterS: 2,
    matches: ({ text }) => text === "First.",
  });
  await town.annAsks("First.");
  await town.until(() => edits(town, "First.").length === 1);
  await town.annAsks("Second.");
  await town.tried();
  town.move(1_999);
  await town.tried();
  expect([edits(town, "First.").length, edits(town, "Second.").length]).toEqual([1, 0]);
  town.move(1);
  await town.until(() => town.annReads().length === 2);
  const [before, after, ...more] = edits(town, "First.").map(({ atMs }) => atMs);
  expect(more).toEqual([]);
  expect((after ?? 0) - (before ?? 0)).toBeWithin(2_000, 2_501);
  expect(town.annReads()).toEqual(["First.", "Second."]);
});

test("what Telegram wants an hour for waits for it, over a restart of core too", async () => {
  await using town = await openTown();
  town.telegram.faults.add({
    method: "editMessageText",
    kind: "status",
    code: 429,
    retryAfterS: 3_600,
    matches: ({ text }) => text === "First.",
  });
  await town.annAsks("First.");
  await town.until(() => edits(town, "First.").length === 1);
  await town.tried();
  await town.pass(HOUR_MS / 2);
  await town.restart();
  await town.until(() => town.messenger.states().every(({ state }) => state === "up"));
  await town.pass(HOUR_MS / 2 - 1);
  expect(edits(town, "First.")).toHaveLength(1);
  town.move(1);
  await town.until(() => town.annReads().length === 1);
  expect(edits(town, "First.")).toHaveLength(2);
});

test("what WhatsApp wants six seconds for waits for them each time, is said once, and in its order", async () => {
  await using town = await openTown();
  const pair = { kind: "status", http: 429, code: 131_056, times: 2 } as const;
  town.graph.faults.add({ ...pair, call: "messages", when: ({ body }) => JSON.stringify(body).includes("Two.") });
  for (const answer of ["One.", "Two.", "Three."]) await town.adaAsks(answer);
  await town.pass(40_000, 1_000);
  expect(town.adaReads()).toEqual(["One.", "Two.", "Three."]);
  const asked = town.graph.calls.filter(({ call, body }) => call === "messages" && isSaid(body));
  expect(asked.map(({ status }) => status)).toEqual([200, 429, 429, 200, 200]);
  for (const [index, { at }] of asked.slice(2).entries())
    expect(at - (asked[index + 1]?.at ?? 0)).toBeGreaterThanOrEqual(6_000);
});

const isSaid = (body: unknown): boolean => JSON.stringify(body).includes("biz_opaque");

test("what was on its way to WhatsApp when core died is not sent again where its echo comes", async () => {
  await using town = await openTown();
  await dieInTheMiddle(town);
  town.graph.webhooks.release();
  await town.until(() => town.value("SELECT count(*) FROM deliveries WHERE state = 'sent'") === 1);
  await town.pass(60_000);
  expect(orders(town, "Once.")).toHaveLength(1);
  expect(town.adaReads()).toEqual(["Once."]);
});

test("what was on its way to WhatsApp when core died is sent once more where no echo comes in 15 seconds", async () => {
  await using town = await openTown();
  await dieInTheMiddle(town);
  const diedAt = town.now();
  await town.pass(14_999);
  expect(orders(town, "Once.")).toHaveLength(1);
  town.move(1);
  await town.until(() => orders(town, "Once.").length === 2);
  await town.pass(60_000);
  expect(orders(town, "Once.").map(({ at }) => at - diedAt)).toEqual([0, 15_000]);
});

/** The platform has it and tells nothing; core ends before it is answered, and there is another one. */
async function dieInTheMiddle(town: Town): Promise<void> {
  town.ada.say("Say it");
  const claim = await town.claim();
  town.graph.webhooks.hold();
  town.graph.faults.add({ call: "messages", kind: "hang", isAfterEffect: true, when: ({ body }) => isSaid(body) });
  await town.settle(claim, "Once.");
  await town.until(() => town.adaReads().length === 1);
  await town.restart();
  await town.until(() => Number(town.value("SELECT not_before FROM deliveries")) > town.now());
}

test("what came too late for WhatsApp is held, and said when the person writes", async () => {
  await using town = await openTown({ graph: { rules: { statuses: ["sent"] } } });
  town.ada.say("Say it");
  const claim = await town.claim();
  town.move(25 * HOUR_MS);
  await town.settle(claim, "Late.");
  await town.until(() => town.value("SELECT state FROM deliveries") === "held");
  await town.pass(HOUR_MS);
  expect([town.adaReads(), orders(town, "Late.").length]).toEqual([[], 1]);
  town.ada.say("Well?");
  await town.until(() => town.adaReads().includes("Late."));
  expect(orders(town, "Late.")).toHaveLength(2);
});
