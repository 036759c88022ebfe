// Exactly one job a tick: whoever fires it, however late, and whatever the clock does meanwhile.
import { describe, expect, test } from "bun:test";
import { deleteConversation, messagesOf, readConversation } from "../../src/shared/conversations.ts";
import { nextTick } from "../../src/shared/cron.ts";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { readJob, readRun } from "../../src/shared/jobs.ts";
import * as schedules from "../../src/shared/schedules.ts";
import { readUpload } from "../../src/shared/uploads.ts";
import { addSchedule, DAY, HOUR, MINUTE, NOON, tickedAt } from "./scheduled.ts";
import { rejectionOf, sqliteShell, temporaryBoard, uploadedFile } from "./temporary.ts";

const read = (board: Board, id: string) => board.read((tx) => schedules.readSchedule(tx, id));
const nextAt = (board: Board, id: string) => read(board, id)?.nextAt;
const jobCount = (board: Board) => board.read((tx) => tx.all("SELECT 1 FROM jobs")).length;

/** As the ticker does it: until nothing is due. Returns what came of it, in order. */
async function fireAll(board: Board, now: number): Promise<string[]> {
  const outcomes: string[] = [];
  for (;;) {
    const due = board.read((tx) => schedules.dueSchedules(tx, now));
    if (due.length === 0) return outcomes;
    for (const { id, tickAt } of due) outcomes.push((await schedules.fireSchedule(board, id, tickAt, now)).outcome);
  }
}

describe("a schedule", () => {
  test("is made together with its conversation, whose first message says what it is and holds its files", async () => {
    using place = temporaryBoard();
    const files = [uploadedFile("b"), uploadedFile("a")];
    const input = { prompt: "Graph", files: ["b", "a"] };
    const made = await addSchedule(place.board, "s", { type: "code_exec", input, files });
    expect(made).toEqual({
      id: "s",
      name: "Name of s",
      cron: "0 * * * *",
      timeZone: "UTC",
      missed: "once",
      type: "code_exec",
      input,
      files,
      conversationId: "talk-s",
      nextAt: NOON + HOUR,
      pausedAt: null,
      lastTickAt: null,
      lastJobId: null,
      createdAt: NOON,
    });
    expect(read(place.board, "s")).toEqual(made);
    const [conversation, messages] = place.board.read((tx) => [
      readConversation(tx, "talk-s"),
      messagesOf(tx, "talk-s"),
    ]);
    expect(conversation).toMatchObject({ title: "Name of s", createdAt: NOON });
    expect(messages).toMatchObject([{ role: "assistant", text: "Note of s", files, jobId: null }]);
  });

  test("whose name is taken is refused and leaves nothing", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    const refused = rejectionOf(addSchedule(place.board, "t", { name: "Name of s", files: [uploadedFile("u")] }));
    expect(await refused).toMatchObject({ code: "conflict" });
    expect(place.rows("SELECT id FROM conversations")).toEqual([{ id: "talk-s" }]);
    expect(place.value("SELECT count(*) FROM uploads")).toBe(0);
  });

  test("stands in the list in the order of making", async () => {
    using place = temporaryBoard();
    for (const id of ["b", "c", "a"]) await addSchedule(place.board, id, {}, NOON - id.charCodeAt(0));
    expect(place.board.read(schedules.listSchedules).map((one) => one.id)).toEqual(["b", "c", "a"]);
  });
});

describe("a tick", () => {
  test("becomes a message and its job, and the next tick is set", async () => {
    using place = temporaryBoard();
    const input = { prompt: "Graph", files: ["u"] };
    await addSchedule(place.board, "s", { type: "code_exec", input, files: [uploadedFile("u")] });
    const tick = NOON + HOUR;
    const fired = await schedules.fireSchedule(place.board, "s", tick, tick + 5);
    if (fired.outcome !== "fired") throw new Error(fired.outcome);
    const { jobId } = fired;
    expect(read(place.board, "s")).toMatchObject({ nextAt: tick + HOUR, lastTickAt: tick, lastJobId: jobId });
    const [job, run, messages, talk] = place.board.read((tx) => [
      readJob(tx, jobId),
      readRun(tx, jobId),
      messagesOf(tx, "talk-s"),
      readConversation(tx, "talk-s"),
    ]);
    expect(job).toMatchObject({ type: "code_exec", status: "pending", input, conversationId: "talk-s" });
    expect(run).toMatchObject({ state: "ready", priority: 0, conversationId: "talk-s" });
    expect(messages[1]).toMatchObject({
      role: "user",
      channel: "schedule",
      text: "Graph",
      jobId,
      files: [uploadedFile("u")],
      createdAt: tick + 5,
    });
    expect(talk?.updatedAt).toBe(tick + 5);
    expect(place.rows("SELECT channel_message_id AS key FROM messages WHERE role = 'user'")).toEqual([
      { key: `s:${tick}` },
    ]);
    expect(place.rows("SELECT idempotency_key AS key FROM job_run")).toEqual([{ key: `schedule:s:${tick}` }]);
  });

  test("that was fired is stale for whoever comes second", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    const fire = () => schedules.fireSchedule(place.board, "s", NOON + HOUR, NOON + HOUR);
    const outcomes = await Promise.all([fire(), fire(), fire()]);
    expect(outcomes.map((one) => one.outcome)).toEqual(["fired", "stale", "stale"]);
    expect(tickedAt(place.board, "s")).toEqual([NOON + HOUR]);
  });

  test("that is to come, of a schedule that is paused, or of none, is stale", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    const outcomes = [await schedules.fireSchedule(place.board, "s", NOON + HOUR, NOON + HOUR - 1)];
    outcomes.push(await schedules.fireSchedule(place.board, "none", NOON + HOUR, NOON + HOUR));
    await schedules.pauseSchedule(place.board, "s", NOON);
    outcomes.push(await schedules.fireSchedule(place.board, "s", NOON + HOUR, NOON + HOUR));
    expect(outcomes).toEqual([{ outcome: "stale" }, { outcome: "stale" }, { outcome: "stale" }]);
    expect([jobCount(place.board), nextAt(place.board, "s")]).toEqual([0, NOON + HOUR]);
  });

  test.each(["messages", "message_uploads", "job_run", "jobs", "job_events"])(
    "that breaks off at its row of %s leaves nothing, and is fired whole the next time",
    async (table) => {
      using place = temporaryBoard();
      await addSchedule(place.board, "s", { input: { files: ["u"] }, files: [uploadedFile("u")] });
      const before = read(place.board, "s");
      const breaking = `CREATE TRIGGER breaks BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'broken off'); END`;
      await place.board.write((tx) => tx.run(breaking));
      const fire = () => schedules.fireSchedule(place.board, "s", NOON + HOUR, NOON + HOUR);
      expect(String(await rejectionOf(fire()))).toContain("broken off");
      expect(read(place.board, "s")).toEqual(before);
      expect(place.value("SELECT count(*) FROM messages")).toBe(1);
      for (const one of ["jobs", "job_run", "job_events"]) expect(place.value(`SELECT count(*) FROM ${one}`)).toBe(0);
      await place.board.write((tx) => tx.run("DROP TRIGGER breaks"));
      expect((await fire()).outcome).toBe("fired");
      expect(tickedAt(place.board, "s")).toEqual([NOON + HOUR]);
    },
  );

  test("waits behind the one before it, because they are of one conversation", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    await fireAll(place.board, NOON + HOUR);
    await fireAll(place.board, NOON + 2 * HOUR);
    expect(place.rows("SELECT state FROM job_run ORDER BY created_seq")).toEqual([
      { state: "ready" },
      { state: "waiting" },
    ]);
  });

  test("is found by an index", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    for (const condition of ["next_at <= 5 AND paused_at IS NULL", "next_at IS NOT NULL AND paused_at IS NULL"])
      expect(
        sqliteShell(place.file, `EXPLAIN QUERY PLAN SELECT min(next_at) FROM schedules WHERE ${condition}`),
      ).toContain("INDEX schedules_due");
  });
});

test("two connections to one file fire each of fifty ticks once", async () => {
  using place = temporaryBoard();
  const other = openBoard(place.file);
  await addSchedule(place.board, "s", { cron: "* * * * *", nextAt: NOON + MINUTE });
  const expected: number[] = [];
  const outcomes: string[] = [];
  for (let tick = NOON + MINUTE; expected.length < 50; tick += MINUTE) {
    expected.push(tick);
    const fired = [place.board, other, other, place.board].map((board) =>
      schedules.fireSchedule(board, "s", tick, tick),
    );
    outcomes.push(...(await Promise.all(fired)).map((one) => one.outcome));
  }
  other.close();
  expect(outcomes.filter((outcome) => outcome === "fired")).toHaveLength(50);
  expect(tickedAt(place.board, "s")).toEqual(expected);
});

describe("ticks that were missed", () => {
  test("have one job together when that is wanted", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    const now = NOON + 5 * HOUR + 10 * MINUTE;
    expect(await fireAll(place.board, now)).toEqual(["fired"]);
    expect(read(place.board, "s")).toMatchObject({ nextAt: NOON + 6 * HOUR, lastTickAt: NOON + HOUR });
    expect(jobCount(place.board)).toBe(1);
  });

  test("have none when that is wanted", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", { missed: "skip" });
    expect(await fireAll(place.board, NOON + 5 * HOUR + 10 * MINUTE)).toEqual(["skipped"]);
    expect(read(place.board, "s")).toMatchObject({ nextAt: NOON + 6 * HOUR, lastTickAt: null, lastJobId: null });
    expect(jobCount(place.board)).toBe(0);
  });

  test.each([
    [0, "fired"],
    [60_000, "fired"],
    [60_001, "skipped"],
  ] as const)("are those that are later than a minute: %p ms", async (lateMs, outcome) => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", { missed: "skip" });
    expect(await fireAll(place.board, NOON + HOUR + lateMs)).toEqual([outcome]);
  });

  test("do not take the one with them that is not late", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", { missed: "skip", cron: "* * * * *", nextAt: NOON + MINUTE });
    // 12:10 is half a minute late, the nine before it are more.
    expect(await fireAll(place.board, NOON + 10.5 * MINUTE)).toEqual(["skipped", "fired"]);
    expect(tickedAt(place.board, "s")).toEqual([NOON + 10 * MINUTE]);
    expect(nextAt(place.board, "s")).toBe(NOON + 11 * MINUTE);
  });
});

describe("a one-off", () => {
  const oneOff = { cron: null, nextAt: NOON + HOUR } as const;

  test("is over after its tick", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", oneOff);
    expect(await fireAll(place.board, NOON + HOUR)).toEqual(["fired"]);
    expect(read(place.board, "s")).toMatchObject({ nextAt: null, lastTickAt: NOON + HOUR });
    expect(await fireAll(place.board, NOON + DAY)).toEqual([]);
  });

  test("that was missed comes late, or not at all", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", oneOff);
    await addSchedule(place.board, "t", { ...oneOff, missed: "skip" });
    expect(await fireAll(place.board, NOON + DAY)).toEqual(["fired", "skipped"]);
    expect(tickedAt(place.board, "s")).toEqual([NOON + HOUR]);
    expect(read(place.board, "t")).toMatchObject({ nextAt: null, lastTickAt: null });
  });

  test("whose time went by in a pause is not resumed", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", oneOff);
    await schedules.pauseSchedule(place.board, "s", NOON);
    expect(await rejectionOf(schedules.resumeSchedule(place.board, "s", NOON + HOUR))).toMatchObject({
      code: "conflict",
      message: "The time of “Name of s” is over. Add a new schedule instead.",
    });
    expect(read(place.board, "s")?.pausedAt).toBe(NOON);
  });

  test("whose time is still to come keeps it over a pause", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", oneOff);
    await schedules.pauseSchedule(place.board, "s", NOON);
    expect(await schedules.resumeSchedule(place.board, "s", NOON + MINUTE)).toMatchObject({
      pausedAt: null,
      nextAt: NOON + HOUR,
    });
  });
});

describe("a clock that", () => {
  test("goes back a day fires no tick twice, and the next new one in its time", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    const ticks: number[] = [];
    for (let tick = NOON + HOUR; tick <= NOON + 26 * HOUR; tick += HOUR) {
      ticks.push(tick);
      expect(await fireAll(place.board, tick)).toEqual(["fired"]);
    }
    expect(await schedules.reckonSchedules(place.board, NOON + 2 * HOUR)).toBe(1);
    expect(nextAt(place.board, "s")).toBe(NOON + 3 * HOUR);
    for (let tick = NOON + 3 * HOUR; tick <= NOON + 26 * HOUR; tick += HOUR)
      expect(await fireAll(place.board, tick)).toEqual(["known"]);
    expect(tickedAt(place.board, "s")).toEqual(ticks);
    expect(await fireAll(place.board, NOON + 27 * HOUR)).toEqual(["fired"]);
  });

  test("goes forward a day and back again still gives each tick one job", async () => {
    using place = temporaryBoard();
    for (const missed of ["once", "skip"] as const) await addSchedule(place.board, missed, { missed });
    await fireAll(place.board, NOON + DAY + 30 * MINUTE);
    await schedules.reckonSchedules(place.board, NOON + 30 * MINUTE);
    for (let now = NOON + 31 * MINUTE; now <= NOON + 30 * HOUR; now += 10 * MINUTE) await fireAll(place.board, now);
    const expected = Array.from({ length: 29 }, (_, index) => NOON + (index + 1) * HOUR);
    expect(tickedAt(place.board, "once")).toEqual(expected);
    expect(tickedAt(place.board, "skip")).toEqual(expected);
  });

  test("was years ahead does not silence a schedule for years", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", { missed: "skip" });
    await fireAll(place.board, NOON + 4_000 * DAY);
    await schedules.reckonSchedules(place.board, NOON);
    expect(nextAt(place.board, "s")).toBe(NOON + HOUR);
  });
});

describe("reckoning anew", () => {
  test("leaves alone what is right, due, paused, over, or a one-off", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "right");
    await addSchedule(place.board, "due", { nextAt: NOON - 1 });
    await addSchedule(place.board, "paused", { nextAt: NOON + 7 });
    await schedules.pauseSchedule(place.board, "paused", NOON);
    await addSchedule(place.board, "one-off", { cron: null, nextAt: NOON + 7 });
    const before = place.rows("SELECT * FROM schedules");
    expect(await schedules.reckonSchedules(place.board, NOON)).toBe(0);
    expect(place.rows("SELECT * FROM schedules")).toEqual(before);
  });

  test("corrects a tick that the zone's new rules have moved", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", { nextAt: NOON + 30 * MINUTE });
    expect(await schedules.reckonSchedules(place.board, NOON)).toBe(1);
    expect(nextAt(place.board, "s")).toBe(NOON + HOUR);
  });
});

test.each([
  ["spring", "2026-03-27T12:00:00Z"],
  ["autumn", "2026-10-23T12:00:00Z"],
])("a daily schedule at 02:30 has one job each day over the change of the clocks in %s", async (_season, start) => {
  using place = temporaryBoard();
  const from = Date.parse(start);
  const first = nextTick("30 2 * * *", "Europe/Berlin", from) ?? 0;
  const daily = { cron: "30 2 * * *", timeZone: "Europe/Berlin", nextAt: first, missed: "skip" } as const;
  await addSchedule(place.board, "s", daily, from);
  for (let now = from; now < from + 4 * DAY; now += 10 * MINUTE) await fireAll(place.board, now);
  const days = tickedAt(place.board, "s").map((tick) => Math.floor((tick - from) / DAY));
  expect(days).toEqual([0, 1, 2, 3]);
});

describe("a pause", () => {
  test("keeps a schedule from ticking, and what was missed in it is not made up for", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s");
    expect(await schedules.pauseSchedule(place.board, "s", NOON)).toMatchObject({ pausedAt: NOON });
    expect(await schedules.pauseSchedule(place.board, "s", NOON + 1)).toMatchObject({ pausedAt: NOON });
    expect(place.board.read(schedules.earliestTick)).toBeNull();
    expect(await fireAll(place.board, NOON + 3 * HOUR)).toEqual([]);
    const resumed = await schedules.resumeSchedule(place.board, "s", NOON + 3 * HOUR + MINUTE);
    expect(resumed).toMatchObject({ pausedAt: null, nextAt: NOON + 4 * HOUR });
    expect(place.board.read(schedules.earliestTick)).toBe(NOON + 4 * HOUR);
  });

  test("of a schedule that is not there, or that is not paused, changes nothing", async () => {
    using place = temporaryBoard();
    const made = await addSchedule(place.board, "s", { nextAt: NOON - 1 });
    expect(await schedules.pauseSchedule(place.board, "none", NOON)).toBeNull();
    expect(await schedules.resumeSchedule(place.board, "none", NOON)).toBeNull();
    expect(await schedules.resumeSchedule(place.board, "s", NOON)).toEqual(made);
  });
});

describe("removing a schedule", () => {
  const withFiles = { input: { files: ["mine", "shared"] }, files: [uploadedFile("mine"), uploadedFile("shared")] };

  test("that never ticked takes its conversation along, and names the files that are nobody's now", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", withFiles);
    await addSchedule(place.board, "t", { input: { files: ["shared"] }, files: [uploadedFile("shared")] });
    expect(await schedules.deleteSchedule(place.board, "s")).toEqual([uploadedFile("mine")]);
    expect(place.rows("SELECT id FROM conversations")).toEqual([{ id: "talk-t" }]);
    expect(place.board.read((tx) => readUpload(tx, "shared"))).not.toBeNull();
    expect(read(place.board, "t")?.files).toEqual([uploadedFile("shared")]);
  });

  test("that ticked leaves its answers", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", withFiles);
    await fireAll(place.board, NOON + HOUR);
    expect(await schedules.deleteSchedule(place.board, "s")).toEqual([]);
    expect(read(place.board, "s")).toBeNull();
    expect(place.board.read((tx) => messagesOf(tx, "talk-s"))).toHaveLength(2);
    expect([jobCount(place.board), place.value("SELECT count(*) FROM uploads")]).toEqual([1, 2]);
  });

  test("that is not there says so", async () => {
    using place = temporaryBoard();
    expect(await schedules.deleteSchedule(place.board, "none")).toBeNull();
  });

  test("happens with its conversation, too, and all its files are named", async () => {
    using place = temporaryBoard();
    await addSchedule(place.board, "s", withFiles);
    await fireAll(place.board, NOON + HOUR);
    const gone = await deleteConversation(place.board, "talk-s");
    if (typeof gone === "string") throw new Error(gone);
    expect([gone.jobIds.length, gone.uploadIds.toSorted()]).toEqual([1, ["mine", "shared"]]);
    expect(place.board.read(schedules.listSchedules)).toEqual([]);
  });
});
