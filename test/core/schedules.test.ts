// Schedules over HTTP: what is right is kept whole, what is wrong is refused with a sentence and leaves nothing.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messagesOf, readConversation } from "../../src/shared/conversations.ts";
import { listJobs, readJob } from "../../src/shared/jobs.ts";
import { listSchedules, type Schedule } from "../../src/shared/schedules.ts";
import { systemTimeZone } from "../../src/shared/time_zones.ts";
import { DAY, HOUR, NOON } from "../shared/scheduled.ts";
import { startScheduling, type Scheduling } from "./scheduling.ts";
import { formOf, uploadsIn } from "./sending.ts";
import { refusalOf } from "./server.ts";

let core: Scheduling;
beforeEach(() => {
  core = startScheduling();
});
afterEach(() => core[Symbol.asyncDispose]());

const PATH = "/api/schedules";
const all = (): Schedule[] => core.board.read(listSchedules);
const uploads = (): string[] => uploadsIn(core);
const sendForm = (body: FormData) => core.call(PATH, { method: "POST", body });
/** What was made, as the board has it and as it was answered. */
const madeBy = async (response: Response): Promise<Schedule> => {
  const body: unknown = await response.json();
  expect([response.status, body]).toEqual([201, { schedule: all().at(-1) }]);
  const made = all().at(-1);
  if (made === undefined) throw new Error("Nothing was made.");
  return made;
};

describe("a schedule is made", () => {
  test("of a form with a file, and asks for it at its time", async () => {
    const asked = {
      text: "Graph this\r\nCSV file",
      cron: "0 9 * * 1",
      time_zone: "europe/berlin",
      name: " Sales\n now ",
    };
    const made = await madeBy(await sendForm(formOf({ ...asked, missed: "skip" }, ["sales.csv", "a,b\n1,2\n"])));
    const tick = Date.parse("2026-01-05T08:00:00Z");
    expect(made).toMatchObject({
      name: "Sales now",
      cron: "0 9 * * 1",
      timeZone: "Europe/Berlin",
      missed: "skip",
      type: "code_exec",
      input: { prompt: "Graph this\nCSV file", files: uploads() },
      files: [{ name: "sales.csv", bytes: 8 }],
      nextAt: tick,
      pausedAt: null,
    });
    expect(readFileSync(join(core.home, "storage/uploads", uploads()[0] ?? ""), "utf8")).toBe("a,b\n1,2\n");
    core.now = tick;
    await core.ticker.check();
    const { lastJobId, nextAt } = all()[0] ?? {};
    expect(nextAt).toBe(tick + 7 * DAY);
    const [job, messages, talk] = core.board.read((tx) => [
      readJob(tx, lastJobId ?? ""),
      messagesOf(tx, made.conversationId),
      readConversation(tx, made.conversationId),
    ]);
    expect(job).toMatchObject({ type: "code_exec", input: made.input, conversationId: made.conversationId });
    expect(talk?.title).toBe("Sales now");
    expect(messages).toMatchObject([
      {
        role: "assistant",
        text: "Scheduled: `0 9 * * 1`, the first time on 2026-01-05 09:00 (Europe/Berlin). The answers will be here.",
      },
      { role: "user", channel: "schedule", text: "Graph this\nCSV file", files: made.files, jobId: lastJobId },
    ]);
  });

  test("of JSON, for once, at a local time", async () => {
    const made = await madeBy(
      await core.post(PATH, {
        text: "Look at https://example.com",
        at: "2026-12-24 18:00",
        time_zone: "Europe/Berlin",
      }),
    );
    expect(made).toMatchObject({
      name: "Look at https://example.com",
      cron: null,
      missed: "once",
      type: "browser",
      nextAt: Date.parse("2026-12-24T17:00:00Z"),
    });
    const [note] = core.board.read((tx) => messagesOf(tx, made.conversationId));
    expect(note?.text).toBe("Scheduled for 2026-12-24 18:00 (Europe/Berlin). The answer will be here.");
  });

  test("in this machine's zone when none is named", async () => {
    const made = await madeBy(await core.post(PATH, { text: "hello", at: "2026-12-24T18:00:00Z" }));
    expect(made).toMatchObject({
      type: "chat",
      timeZone: systemTimeZone(),
      nextAt: Date.parse("2026-12-24T18:00:00Z"),
    });
  });

  test("with code, an example, or a file that is there", async () => {
    const code = await madeBy(await core.post(PATH, { code: "print(1)", cron: "@daily" }));
    expect(code).toMatchObject({ name: "Python", type: "code_exec", input: { code: "print(1)" } });
    const example = await madeBy(
      await core.post(PATH, { text: "Graph", example: "seattle_weather.csv", cron: "@daily" }),
    );
    expect(example).toMatchObject({ type: "code_exec", files: [{ name: "seattle_weather.csv" }] });
    const again = { text: "Graph", files: example.input.files, cron: "@hourly" };
    expect((await madeBy(await core.post(PATH, again))).files).toEqual(example.files);
  });

  test("with a name of its own making that nobody has", async () => {
    const names: string[] = [];
    for (const text of ["Graph it", "Graph it", "Graph it", "x".repeat(80)])
      names.push((await madeBy(await core.post(PATH, { text, cron: "@daily" }))).name);
    expect(names).toEqual(["Graph it", "Graph it (2)", "Graph it (3)", `${"x".repeat(59)}…`]);
    const file = await madeBy(await sendForm(formOf({ cron: "@daily" }, ["sales.csv", "a\n"])));
    expect(file.name).toBe("sales.csv");
  });

  test("and is in the list", async () => {
    for (const text of ["one", "two"]) await core.post(PATH, { text, cron: "@daily" });
    const listed: unknown = await (await core.call(PATH)).json();
    expect(listed).toEqual({ schedules: all() });
    expect(all().map((one) => one.name)).toEqual(["one", "two"]);
  });
});

describe("what is wrong is refused with a sentence and leaves nothing:", () => {
  const daily = { text: "x", cron: "@daily" };
  const cases: readonly (readonly [name: string, body: Record<string, unknown>, sentence: string, status?: number])[] =
    [
      ["no time", { text: "x" }, "Say when: either cron"],
      ["two times", { ...daily, at: "2026-12-24 18:00" }, "Say when: either cron"],
      ["a cron expression that is none", { text: "x", cron: "every day" }, "is no cron expression"],
      ["seconds", { text: "x", cron: "*/5 * * * * *" }, "Once a minute is the most"],
      ["a day that no year has", { text: "x", cron: "0 0 30 2 *" }, "names a day that no year has"],
      ["a time that is none", { text: "x", at: "tomorrow" }, "is no date and time"],
      [
        "a time that is over",
        { text: "x", at: "2026-01-01 12:59", time_zone: "Europe/Berlin" },
        "2026-01-01 12:59 is over: in Europe/Berlin it is 2026-01-01 13:00.",
      ],
      ["a zone that nobody knows", { ...daily, time_zone: "Mars/Olympus" }, "There is no time zone “Mars/Olympus”"],
      ["nothing to do", { text: " ", cron: "@daily" }, "The message is empty."],
      ["a policy that does not exist", { ...daily, missed: "all" }, "missed"],
      ["an unknown field", { ...daily, conversation_id: "x" }, "conversation_id"],
      ["a name of 101 characters", { ...daily, name: "x".repeat(101) }, "name"],
      ["a file that is not there", { ...daily, files: ["none.csv"] }, "none.csv", 404],
      ["a file that climbs", { ...daily, files: ["../../data/token"] }, "token"],
    ];
  test.each(cases)("%s", async (_name, body, sentence, status = 400) => {
    const refused = await refusalOf(await core.post(PATH, body));
    expect([refused.status, refused.message]).toEqual([status, expect.stringContaining(sentence)]);
    expect([all(), uploads(), core.board.read((tx) => tx.all("SELECT id FROM conversations"))]).toEqual([[], [], []]);
  });

  test.each([
    ["a wrong time", { text: "x", cron: "61 * * * *" }, 400],
    ["no time", { text: "x" }, 400],
    ["a policy that does not exist", { text: "x", cron: "@daily", missed: "all" }, 400],
    ["a field that does not exist", { text: "x", cron: "@daily", tz: "UTC" }, 400],
    ["a field of messages", { text: "x", cron: "@daily", conversation_id: "x" }, 400],
    ["a name that is taken", { text: "x", cron: "@daily", name: "taken" }, 409],
  ])("a form with a file and %s", async (_name, fields, status) => {
    await core.post(PATH, { text: "x", cron: "@daily", name: "taken" });
    const refused = await refusalOf(await sendForm(formOf(fields, ["a.csv", "a\n"])));
    expect(refused.status).toBe(status);
    expect([all().length, uploads()]).toEqual([1, []]);
  });

  test("a form with a file that is too large", async () => {
    const body = formOf({ text: "x", cron: "@daily" }, ["small.csv", "a\n"], ["big.csv", "x".repeat(2 ** 20 + 1)]);
    expect((await refusalOf(await sendForm(body))).status).toBe(413);
    expect([all(), uploads()]).toEqual([[], []]);
  });

  test("a program that does not know the token", async () => {
    for (const [path, method] of [
      ["", "GET"],
      ["", "POST"],
      ["/x/pause", "POST"],
      ["/x/resume", "POST"],
      ["/x", "DELETE"],
    ] as const) {
      const refused = core.call(PATH + path, { method, headers: { Authorization: "Bearer no" } });
      expect((await refusalOf(await refused)).status).toBe(401);
    }
  });

  test.each([
    ["/none/pause", "POST"],
    ["/none/resume", "POST"],
    ["/none", "DELETE"],
  ])("%s of a schedule that is not there", async (path, method) =>
    expect((await refusalOf(await core.call(PATH + path, { method }))).status).toBe(404),
  );
});

describe("a schedule that is there", () => {
  const hourly = { text: "hello", cron: "@hourly", time_zone: "UTC" };
  const jobs = () => core.board.read((tx) => listJobs(tx, 100)).length;

  test("rests in a pause and goes on after it", async () => {
    const { id } = await madeBy(await core.post(PATH, hourly));
    const paused: unknown = await (await core.call(`${PATH}/${id}/pause`, { method: "POST" })).json();
    expect([paused, all()[0]?.pausedAt]).toEqual([{ schedule: all()[0] }, NOON]);
    core.now = NOON + 3 * HOUR;
    await core.ticker.check();
    expect(jobs()).toBe(0);
    const resumed: unknown = await (await core.call(`${PATH}/${id}/resume`, { method: "POST" })).json();
    expect(resumed).toEqual({ schedule: all()[0] });
    core.now = NOON + 4 * HOUR;
    await core.ticker.check();
    expect([jobs(), all()[0]?.lastTickAt]).toEqual([1, NOON + 4 * HOUR]);
  });

  test("for once, whose time went by in a pause, is not resumed", async () => {
    const { id } = await madeBy(await core.post(PATH, { text: "x", at: "2026-01-01T12:00:01Z" }));
    await core.call(`${PATH}/${id}/pause`, { method: "POST" });
    core.now = NOON + HOUR;
    expect((await refusalOf(await core.call(`${PATH}/${id}/resume`, { method: "POST" }))).status).toBe(409);
  });

  test("is removed with the file that nobody needs any more", async () => {
    const { id } = await madeBy(await sendForm(formOf(hourly, ["a.csv", "a\n"])));
    expect(uploads()).toHaveLength(1);
    const answer = await core.call(`${PATH}/${id}`, { method: "DELETE" });
    expect([answer.status, await answer.text()]).toEqual([204, ""]);
    expect([all(), uploads()]).toEqual([[], []]);
    core.now = NOON + HOUR;
    await core.ticker.check();
    expect(jobs()).toBe(0);
  });

  test("is removed without the file that another program put there", async () => {
    mkdirSync(join(core.home, "storage/uploads"), { recursive: true });
    writeFileSync(join(core.home, "storage/uploads/theirs.csv"), "a\n");
    const { id } = await madeBy(await core.post(PATH, { ...hourly, files: ["theirs.csv"] }));
    expect((await core.call(`${PATH}/${id}`, { method: "DELETE" })).status).toBe(204);
    expect([all(), uploads()]).toEqual([[], ["theirs.csv"]]);
  });

  test("is removed without its answers and what they are about", async () => {
    const { id } = await madeBy(await sendForm(formOf(hourly, ["a.csv", "a\n"])));
    core.now = NOON + HOUR;
    await core.ticker.check();
    expect((await core.call(`${PATH}/${id}`, { method: "DELETE" })).status).toBe(204);
    expect([all(), uploads().length, jobs()]).toEqual([[], 1, 1]);
  });
});
