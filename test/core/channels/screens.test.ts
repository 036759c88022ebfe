// What a chat is shown while jobs of its own wait and run: little, however many they are, and nothing for as long as a
// platform wants to hear nothing.
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { createDoor } from "../../../src/core/door.ts";
import { createProgress } from "../../../src/core/progress.ts";
import { DeliveryError, type Channel } from "../../../src/core/channels/channel.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import { deleteConversation } from "../../../src/shared/conversations.ts";
import { addReply } from "../../../src/shared/deliveries.ts";
import { insertJob, PERSON_PRIORITY } from "../../../src/shared/jobs.ts";
import { createLog } from "../../../src/shared/log.ts";
import { temporaryBoard } from "../../shared/temporary.ts";
import { Notebook } from "./notebook.ts";

const STEP_MS = 100;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Ann and Bob have a chat each. `calls` is what the platform was asked, `trouble` what it answers. */
async function openScreens() {
  const place = temporaryBoard();
  const { board } = place;
  const calls: string[] = [];
  const trouble: DeliveryError[] = [];
  const ask = async (call: string): Promise<string> => {
    calls.push(call);
    const error = trouble.shift();
    if (error !== undefined) throw error;
    return `n${calls.length}`;
  };
  const progress: Channel["progress"] = {
    place: (chat, words, buttons) => ask(`${chat} place ${words} [${buttons.length}]`),
    change: async (chat, _id, words, buttons) => void (await ask(`${chat} change ${words} [${buttons.length}]`)),
  };
  const hint: Channel["hint"] = async (chat, what) => void (await ask(`${chat} ${what}`));
  const channel = Object.assign(new Notebook(), { progress, hint });
  const channels = new Map([["notebook:1", channel]]);
  const nothing = () => undefined;
  const door = createDoor({ board, channels, now: () => 0, onAdmitted: nothing, onHealth: nothing }, channel);
  const event = { kind: "message", messageId: "m", text: "Hi", files: [], groupId: null, isForwarded: false } as const;
  for (const person of ["ann", "bob"]) {
    await board.write((tx) => setStanding(tx, { channel: "notebook", account: "1", person, standing: "owner" }, 0));
    await door.admit([{ eventId: person, chat: person, person: [person], isPrivate: true, event }]);
  }
  const shown = createProgress({ board, channels, log: createLog("core", "error", () => undefined) });
  let next = 1;
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      jest.advanceTimersByTime(STEP_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    ...place,
    trouble,
    shown,
    pass,
    /** What was asked since the last look. */
    asked: () => calls.splice(0),
    /** A job of theirs waits; each has one conversation. */
    wait: async (person: "ann" | "bob"): Promise<string> => {
      const jobId = `j${next++}`;
      const chat = String(place.value(`SELECT id FROM chats WHERE person = '${person}'`));
      await board.write((tx) => {
        tx.run(
          "INSERT INTO conversations (id, title, created_at, updated_at) VALUES (?, '', 0, 0) ON CONFLICT DO NOTHING",
          person,
        );
        addReply(tx, jobId, chat, "m");
        const task = { type: "chat", input: { prompt: "Hi" }, files: [], priority: PERSON_PRIORITY } as const;
        insertJob(tx, { id: jobId, conversationId: person, ...task }, 0);
      });
      shown.pump();
      return jobId;
    },
    [Symbol.asyncDispose]: async () => {
      await shown.close();
      place[Symbol.dispose]();
    },
  };
}

const WAITS = "place ⏳ Waiting for its turn … [1]";

test("of many jobs of a chat one is shown, and that somebody types once in four seconds", async () => {
  await using screens = await openScreens();
  for (let count = 0; count < 20; count += 1) await screens.wait("ann");
  await screens.pass(9_000);
  expect(screens.asked()).toEqual(["ann typing", `ann ${WAITS}`, "ann typing", "ann typing"]);
});

test("when it is over the next one is shown, and after the last nobody types", async () => {
  await using screens = await openScreens();
  const jobs = [await screens.wait("ann"), await screens.wait("ann")];
  await screens.pass(2_000);
  expect(await screens.shown.end(jobs[0] ?? "")).toBe("n2");
  screens.asked();
  await screens.pass(2_000);
  expect(screens.asked()).toContain(`ann ${WAITS}`);
  expect(await screens.shown.end(jobs[1] ?? "")).not.toBeNull();
  screens.asked();
  await screens.pass(20_000);
  expect(screens.asked()).toEqual([]);
});

test("a chat that is to be left alone is, for as long as that, and others are not", async () => {
  await using screens = await openScreens();
  screens.trouble.push(new DeliveryError("not_sent", "Too many.", { retryAfterMs: 30_000 }));
  await screens.wait("ann");
  await screens.wait("bob");
  await screens.pass(29_000);
  const asked = screens.asked();
  expect(asked.filter((call) => call.startsWith("ann"))).toEqual(["ann typing"]);
  expect(asked).toContain(`bob ${WAITS}`);
  await screens.pass(8_000);
  expect(screens.asked()).toContain(`ann ${WAITS}`);
});

test("what was refused for the pace is shown when the time is over", async () => {
  await using screens = await openScreens();
  await screens.wait("ann");
  await screens.pass(1_000);
  screens.trouble.push(new DeliveryError("not_sent", "Too many.", { retryAfterMs: 30_000 }));
  await screens.pass(29_000);
  expect(screens.asked()).toEqual(["ann typing", `ann ${WAITS}`]);
  await screens.pass(8_000);
  expect(screens.asked()).toContain(`ann ${WAITS}`);
});

test("an account that is to be left alone is in all its chats", async () => {
  await using screens = await openScreens();
  screens.trouble.push(new DeliveryError("not_sent", "Too many.", { retryAfterMs: 30_000, isForAll: true }));
  await screens.wait("ann");
  await screens.pass(100);
  await screens.wait("bob");
  await screens.pass(28_000);
  expect(screens.asked()).toEqual(["ann typing"]);
  await screens.pass(8_000);
  expect(screens.asked()).toEqual(expect.arrayContaining([`ann ${WAITS}`, `bob ${WAITS}`]));
});

test("a job that is deleted in the dashboard says so where it was shown, without a button", async () => {
  await using screens = await openScreens();
  await screens.wait("ann");
  await screens.wait("ann");
  await screens.pass(2_000);
  screens.asked();
  await deleteConversation(screens.board, "ann");
  screens.shown.pump();
  await screens.pass(20_000);
  expect(screens.asked()).toEqual(["ann change Deleted in the dashboard. [0]"]);
});

test("a job that is deleted before it was shown is not spoken of", async () => {
  await using screens = await openScreens();
  await screens.wait("ann");
  await deleteConversation(screens.board, "ann");
  screens.shown.pump();
  await screens.pass(20_000);
  expect(screens.asked()).toEqual(["ann typing"]);
});
