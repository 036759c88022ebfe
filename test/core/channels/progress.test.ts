// The message that shows how far a job is: never changed more often than the platform wants, and not after the result.
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import type { Channel } from "../../../src/core/channels/channel.ts";
import { ABILITIES } from "../../../src/core/channels/telegram/abilities.ts";
import { createDoor } from "../../../src/core/door.ts";
import { createProgress } from "../../../src/core/progress.ts";
import { claimJobs, recordEvents } from "../../../src/shared/claims.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import type { Board } from "../../../src/shared/db.ts";
import { admitMessage } from "../../../src/shared/conversations.ts";
import { addReply } from "../../../src/shared/deliveries.ts";
import { createLog } from "../../../src/shared/log.ts";
import { temporaryBoard } from "../../shared/temporary.ts";
import { Notebook } from "./notebook.ts";

const KEY = "notebook:1";
const STEP_MS = 10;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A job of Ann's that runs. `shown` has when and what was put or changed; `bolt` is what a change waits for. */
async function openShow() {
  const place = temporaryBoard();
  const { board } = place;
  const shown: { readonly atMs: number; readonly words: string }[] = [];
  let nowMs = 0;
  let bolt: Promise<void> = Promise.resolve();
  const note = (words: string) => void shown.push({ atMs: nowMs, words });
  const showing: NonNullable<Channel["progress"]> = {
    place: async (_chat, words) => {
      note(words);
      return "n1";
    },
    change: async (_chat, _message, words) => {
      note(words);
      await bolt;
    },
  };
  const channel = new Notebook({ changeGapMs: ABILITIES.changeGapMs }, showing);
  const log = createLog("core", "error", () => undefined);
  const channels = new Map([[KEY, channel]]);
  await openChat(board, channel, channels);
  const chat = String(place.value("SELECT id FROM chats"));
  const message = { channel: "notebook", channelMessageId: "m", conversationId: null, text: "Hi", files: [] };
  const ids = { messageId: "m", jobId: "j", conversationId: "c" };
  const job = { type: "chat", input: { prompt: "Hi" } } as const;
  await admitMessage(
    board,
    message,
    ids,
    () => job,
    0,
    (tx) => addReply(tx, "j", chat, "m"),
  );
  const [claim] = await claimJobs(board, "1-a", () => 1, 0);
  if (claim === undefined) throw new Error("There was no job.");
  const progress = createProgress({ board, channels, log });
  progress.welcome(KEY);
  return {
    ...place,
    progress,
    shown,
    hold: (until: Promise<void>) => void (bolt = until),
    pass: async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= STEP_MS) {
        nowMs += STEP_MS;
        jest.advanceTimersByTime(STEP_MS);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    tell: async (title: string): Promise<void> => {
      await recordEvents(board, claim, [{ kind: "step-started", step: "run", title }], 0);
      progress.pump();
    },
  };
}

/** Ann has written, and nobody deals with it. */
async function openChat(board: Board, channel: Channel, channels: ReadonlyMap<string, Channel>): Promise<void> {
  const { name, account } = channel;
  await board.write((tx) => setStanding(tx, { channel: name, account, person: "ann", standing: "owner" }, 0));
  const nothing = () => undefined;
  const door = createDoor({ board, channels, now: () => 0, onAdmitted: nothing, onHealth: nothing }, channel);
  const event = { kind: "message", messageId: "m", text: "Hi", files: [], groupId: null, isForwarded: false } as const;
  await door.admit([{ eventId: "e", chat: "ann", person: ["ann"], isPrivate: true, event }]);
}

test("is changed once in 1.1 seconds at most, however much happens, and shows the last of it", async () => {
  using show = await openShow();
  for (let count = 0; count < 100; count += 1) {
    await show.tell(`Step ${count}`);
    await show.pass(100);
  }
  await show.pass(2_000);
  const times = show.shown.map(({ atMs }) => atMs);
  expect(times.length).toBeGreaterThan(7);
  for (const [index, at] of times.slice(1).entries()) expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(1_100);
  expect(show.shown.at(-1)?.words).toContain("Step 99");
});

test("is not there for what is done at once", async () => {
  using show = await openShow();
  await show.pass(1_000);
  expect(await show.progress.end("j")).toBeNull();
  await show.pass(5_000);
  expect(show.shown).toEqual([]);
});

test("is over before the result is said, and nothing changes it any more", async () => {
  using show = await openShow();
  await show.pass(2_000);
  const slow = Promise.withResolvers<void>();
  show.hold(slow.promise);
  await show.tell("The last that is shown");
  await show.pass(1_200);
  expect(show.shown).toHaveLength(2);
  await show.tell("Too late");
  let ended: string | null | undefined;
  const ending = show.progress.end("j").then((placed) => (ended = placed));
  await show.pass(100);
  expect(ended).toBeUndefined();
  slow.resolve();
  expect(await ending).toBe("n1");
  await show.tell("Much too late");
  await show.pass(5_000);
  expect(show.shown.map(({ words }) => words).join()).not.toContain("late");
  expect(show.shown).toHaveLength(2);
});
