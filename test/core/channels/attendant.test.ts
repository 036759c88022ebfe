// What was let in is dealt with: over trouble of every kind, and no chat, command or press waits for another's.
import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from "bun:test";
import { createAttendant } from "../../../src/core/attendant.ts";
import { createDoor } from "../../../src/core/door.ts";
import { createInbox } from "../../../src/core/inbox.ts";
import type { ArrivalEvent } from "../../../src/core/channels/channel.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import { insertJob } from "../../../src/shared/jobs.ts";
import { cancelJob } from "../../../src/shared/control.ts";
import { loadConfig } from "../../../src/shared/config.ts";
import { AppError, type ErrorCode } from "../../../src/shared/errors.ts";
import { createLog } from "../../../src/shared/log.ts";
import { temporaryBoard } from "../../shared/temporary.ts";
import { Notebook } from "./notebook.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const turn = () => new Promise((resolve) => setImmediate(resolve));
const FILE = { ref: "1", name: "sales.csv", bytes: 8 };

/** Ann's chat, and an inbox in which trouble can be made. Time stands still until it passes. */
async function openDesk() {
  const place = temporaryBoard();
  const { board, folder, value } = place;
  const notebook = new Notebook();
  const channels = new Map([["notebook:1", notebook]]);
  const config = loadConfig({ SANDPIPER_HOME: folder, SANDPIPER_SANDBOX: "local", SANDPIPER_MIN_FREE_MB: "0" });
  const inbox = createInbox(config, board, Date.now, () => attendant.pump());
  const trouble: { receive: Error | null; store: Error | null } = { receive: null, store: null };
  const counts = { failures: 0 };
  const count = () => (counts.failures += 1);
  const log = createLog("core", "debug", (line) => void (/message-waits|attendant-failed/.test(line) && count()));
  const letIn = (person: string) =>
    board.write((tx) => setStanding(tx, { channel: "notebook", account: "1", person, standing: "owner" }, 0));
  const desk = {
    board,
    channels,
    inbox: {
      ...inbox,
      receive: (...asked: Parameters<typeof inbox.receive>) =>
        trouble.receive === null ? inbox.receive(...asked) : Promise.reject(trouble.receive),
      store: (...asked: Parameters<typeof inbox.store>) =>
        trouble.store === null ? inbox.store(...asked) : Promise.reject(trouble.store),
    },
    log,
    now: Date.now,
    settings: () => "",
    linkTo: () => "",
    onSaid: () => attendant.pump(),
  };
  const attendant = createAttendant(desk);
  const nothing = () => undefined;
  const door = createDoor({ board, channels, now: Date.now, onAdmitted: attendant.pump, onHealth: nothing }, notebook);
  let next = 1;
  const happen = (event: ArrivalEvent, people: readonly string[] = ["ann"]) =>
    door.admit(people.map((chat) => ({ eventId: `e${next++}`, chat, person: [chat], isPrivate: true, event })));
  await letIn("ann");
  return {
    ...place,
    notebook,
    attendant,
    trouble,
    counts,
    letIn,
    say: (text: string, files: readonly (typeof FILE)[] = [], people?: readonly string[]) =>
      happen({ kind: "message", messageId: `m${next}`, text, files, groupId: null, isForwarded: false }, people),
    press: (action: string) => happen({ kind: "press", messageId: "q", pressId: "p", action }),
    /** What is to be said. */
    words: () =>
      place.rows("SELECT operation FROM deliveries ORDER BY turn, part").map((row) => String(row["operation"])),
    waiting: () => value("SELECT count(*) FROM arrivals WHERE state = 'waiting'"),
    jobs: () => value("SELECT count(*) FROM jobs"),
    until: async (isSo: () => boolean) => {
      while (!isSo()) await turn();
    },
    [Symbol.asyncDispose]: async () => {
      await attendant.close();
      place[Symbol.dispose]();
    },
  };
}

type Desk = Awaited<ReturnType<typeof openDesk>>;

/** Another attempt fails, as often as that. Resolves to the time that has passed. */
async function failAgain(desk: Desk, times: number): Promise<number> {
  let ms = 0;
  for (const most = desk.counts.failures + times; desk.counts.failures < most; ms += 1_000) {
    const before = desk.counts.failures;
    jest.advanceTimersByTime(1_000);
    // An attempt that was begun comes to its end first.
    for (let idle = 0; idle < 20 && desk.counts.failures === before; idle += 1) await turn();
  }
  return ms;
}

const LOCKED = new AppError("unavailable", "Another program has locked the board.");

describe("a message that cannot be kept as a job", () => {
  test("because of trouble that passes waits, is done once afterwards, and nothing is said of it", async () => {
    await using desk = await openDesk();
    desk.trouble.receive = LOCKED;
    await desk.say("Graph this");
    await desk.until(() => desk.counts.failures === 1);
    await failAgain(desk, 2);
    expect([desk.waiting(), desk.jobs()]).toEqual([1, 0]);
    desk.trouble.receive = null;
    jest.advanceTimersByTime(60_000);
    await desk.until(() => desk.jobs() === 1);
    expect([desk.waiting(), desk.words()]).toEqual([0, []]);
  });

  test("is tried less and less often, and its sender told once that it waits", async () => {
    await using desk = await openDesk();
    desk.trouble.receive = LOCKED;
    await desk.say("Graph this");
    await desk.until(() => desk.counts.failures === 1);
    const pauses: number[] = [];
    for (let time = 0; time < 8; time += 1) pauses.push(await failAgain(desk, 1));
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000));
    expect(desk.words()).toEqual([expect.stringContaining("is kept and done as soon as")]);
    expect(desk.words()[0]).toContain(LOCKED.message);
    expect(desk.waiting()).toBe(1);
  });

  test.each<ErrorCode>(["too_large", "forbidden", "bad_request", "unsupported", "not_found"])(
    "because of what it is (%s) is refused with words",
    async (code) => {
      await using desk = await openDesk();
      desk.trouble.receive = new AppError(code, "Not this.");
      await desk.say("Graph this");
      await desk.until(() => desk.waiting() === 0);
      expect(desk.words()).toEqual([expect.stringContaining("Not this.")]);
    },
  );

  test.each([
    ["an error of ours", new AppError("internal", "A fault.")],
    ["any other error", new Error("A fault.")],
  ])("for %s is kept", async (_name, error) => {
    await using desk = await openDesk();
    desk.trouble.receive = error;
    await desk.say("Graph this");
    await desk.until(() => desk.counts.failures === 1);
    expect([desk.waiting(), desk.words()]).toEqual([1, []]);
  });
});

describe("a file that the platform does not give", () => {
  test("is asked for for an hour, then given up with words; commands do not wait for it", async () => {
    await using desk = await openDesk();
    await desk.say("Graph this", [FILE]);
    await desk.until(() => desk.counts.failures === 1);
    await desk.say("/status");
    await desk.until(() => desk.words().length === 1);
    expect(desk.words()[0]).toContain("Nothing is running");
    // Each pause as long as it takes, and the attempt after it.
    const waitedMs: number[] = [];
    while (desk.waiting() === 1) {
      const pauseMs = Math.min(60_000, 1_000 * 2 ** waitedMs.length);
      const before = desk.counts.failures;
      jest.advanceTimersByTime(pauseMs);
      await desk.until(() => desk.counts.failures > before || desk.waiting() === 0);
      waitedMs.push(pauseMs);
    }
    const hour = waitedMs.reduce((sum, ms) => sum + ms);
    expect(hour).toBeWithin(3_600_000, 3_660_001);
    expect(desk.words()[1]).toContain("I could not fetch sales.csv yet");
    expect(desk.words().slice(2)).toEqual([expect.stringContaining("The notebook is closed.")]);
    expect(desk.jobs()).toBe(0);
  });

  test("and gives it after all is in the job, and what came later is behind it", async () => {
    await using desk = await openDesk();
    await desk.say("Graph this", [FILE]);
    await desk.until(() => desk.counts.failures === 1);
    await desk.say("And now the next");
    desk.notebook.files.set("1", "a,b\n1,2\n");
    jest.advanceTimersByTime(60_000);
    await desk.until(() => desk.jobs() === 2);
    expect(desk.rows("SELECT text FROM messages ORDER BY rowid")).toEqual([
      { text: "Graph this" },
      { text: "And now the next" },
    ]);
    expect(desk.words()).toEqual([]);
  });

  test("is not asked for while there is no room for it", async () => {
    await using desk = await openDesk();
    desk.notebook.files.set("1", "a,b\n1,2\n");
    desk.trouble.store = new AppError("unavailable", "The disk is full.");
    using fetches = spyOn(desk.notebook, "fetch");
    await desk.say("Graph this", [FILE]);
    await desk.until(() => desk.counts.failures === 1);
    expect(desk.waiting()).toBe(1);
    expect(fetches).not.toHaveBeenCalled();
  });
});

describe("a press that cannot be done", () => {
  const askedAbout = async (desk: Desk): Promise<string> => {
    desk.notebook.files.set("1", "a,b\n1,2\n");
    await desk.say("", [FILE]);
    await desk.until(() => desk.words().length === 1);
    return `do:chart:${String(desk.value("SELECT seq FROM arrivals WHERE state = 'asked'"))}`;
  };

  test("is answered with the reason, holds up nothing, and may be pressed again", async () => {
    await using desk = await openDesk();
    const chart = await askedAbout(desk);
    desk.trouble.receive = new AppError("unavailable", "The disk is nearly full.");
    await desk.press(chart);
    await desk.say("/stop");
    await desk.say("/status");
    await desk.until(() => desk.waiting() === 0);
    expect(desk.words().slice(1)).toEqual([
      expect.stringContaining("The disk is nearly full."),
      expect.stringContaining("Stopped."),
      expect.stringContaining("Nothing is running."),
    ]);
    expect(desk.notebook.pressed).toEqual(["p "]);
    desk.trouble.receive = null;
    await desk.press(chart);
    await desk.until(() => desk.jobs() === 1);
  });

  test("because of a fault of ours is tried again, and holds up nothing", async () => {
    await using desk = await openDesk();
    const chart = await askedAbout(desk);
    desk.trouble.receive = new Error("A fault.");
    await desk.press(chart);
    await desk.say("/status");
    await desk.until(() => desk.words().length === 2);
    expect([desk.waiting(), desk.counts.failures]).toEqual([1, 1]);
    expect(await failAgain(desk, 1)).toBe(10_000);
    desk.trouble.receive = null;
    jest.advanceTimersByTime(10_000);
    await desk.until(() => desk.jobs() === 1);
    expect(desk.waiting()).toBe(0);
  });
});

test("a chat has five thousand jobs at most that have not ended; what is beyond is refused once a minute", async () => {
  await using desk = await openDesk();
  await desk.say("Question");
  await desk.until(() => desk.jobs() === 1);
  const conversationId = String(desk.value("SELECT conversation_id FROM job_run"));
  await desk.board.write((tx) => {
    for (let index = 1; index < 5_000; index += 1)
      insertJob(tx, { id: `j${index}`, type: "chat", input: {}, conversationId, files: [], priority: 1 }, 0);
  });
  await desk.say("Another");
  await desk.until(() => desk.waiting() === 0);
  expect(desk.words()).toEqual([expect.stringContaining("/stop")]);
  jest.advanceTimersByTime(60_000);
  await desk.say("And another");
  await desk.until(() => desk.words().length === 2);
  expect([desk.waiting(), desk.jobs()]).toEqual([0, 5_000]);
  await cancelJob(desk.board, String(desk.value("SELECT id FROM jobs")), 0);
  await desk.say("One more");
  await desk.until(() => desk.jobs() === 5_001);
});

test("a chat costs the same, however many others wait", async () => {
  const readsWith = async (chats: number): Promise<number> => {
    await using desk = await openDesk();
    const people = Array.from({ length: chats }, (_, index) => `p${index}`);
    for (const person of people) await desk.letIn(person);
    using reads = spyOn(desk.board, "read");
    await desk.say("Hello", [], people);
    await desk.until(() => desk.jobs() === chats && desk.waiting() === 0);
    return reads.mock.calls.length / chats;
  };
  const few = await readsWith(10);
  expect(await readsWith(300)).toBeLessThan(2 * few);
});

test("numbers that begin anew are not overlooked", async () => {
  await using desk = await openDesk();
  for (const text of ["/status", "/files"]) await desk.say(text);
  await desk.until(() => desk.waiting() === 0);
  await desk.board.write((tx) => {
    tx.run("DELETE FROM arrivals");
    tx.run("DELETE FROM deliveries");
  });
  await desk.say("/cost");
  await desk.until(() => desk.waiting() === 0);
  expect(desk.words()).toEqual([expect.stringContaining("Models and sandboxes today")]);
});
