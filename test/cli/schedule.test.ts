// `schedule` as a person types it, at a core whose clock is the test's.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { listSchedules, type Schedule } from "../../src/shared/schedules.ts";
import { systemTimeZone } from "../../src/shared/time_zones.ts";
import { startScheduling, type Scheduling } from "../core/scheduling.ts";
import { HOUR, NOON } from "../shared/scheduled.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { sandpiper, type Said } from "./command.ts";

describe("at a Sandpiper that runs", () => {
  let core: Scheduling;
  beforeEach(() => {
    core = startScheduling();
    writeFileSync(join(core.home, "data/server.json"), JSON.stringify({ port: core.port, pid: process.pid }));
  });
  afterEach(() => core[Symbol.asyncDispose]());

  const all = (): Schedule[] => core.board.read(listSchedules);
  const schedule = (...args: string[]): Promise<Said> => sandpiper(core.home, "schedule", ...args);
  const done = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await schedule(...args);
    expect([code, err]).toEqual([0, ""]);
    return out;
  };
  const file = (name: string, content: string) => writeFileSync(join(core.home, name), content);

  test("what is to be asked each Monday is added with its file, shown, and over in a word", async () => {
    file("sales.csv", "a,b\n1,2\n");
    const weekly = ["Graph this CSV file", "sales.csv", "--cron", "0 9 * * 1", "--tz", "Europe/Berlin"];
    const shown = "Graph this CSV file\n    next 2026-01-05 09:00 (0 9 * * 1, Europe/Berlin)\n";
    expect(await done("add", ...weekly)).toBe(`Added:\n${shown}`);
    expect(all()).toMatchObject([
      { name: "Graph this CSV file", missed: "once", type: "code_exec", files: [{ name: "sales.csv", bytes: 8 }] },
    ]);
    expect(await done("list")).toBe(shown);
    expect(await done("pause", "Graph this CSV file")).toContain("\n    paused (0 9 * * 1");
    expect(await done("resume", all()[0]?.id ?? "")).toBe(shown);
    expect(await done("remove", "Graph this CSV file")).toBe("Removed: Graph this CSV file. Its answers stay.\n");
    expect(await done("list")).toStartWith("There are no schedules.");
  });

  test("what is to be asked once says so, before and after", async () => {
    await done("add", "hello", "--at", "2026-01-01 13:00", "--tz", "UTC", "--name", "One", "--missed", "skip");
    await done("add", "hello", "--at", "2026-01-01T13:00:00Z", "--tz", "UTC", "--name", "Two");
    expect(all().map((one) => [one.cron, one.missed])).toEqual([
      [null, "skip"],
      [null, "once"],
    ]);
    core.now = NOON + 3 * HOUR;
    await core.ticker.check();
    expect(await done("list")).toBe("One\n    missed (once, UTC)\nTwo\n    over, last 2026-01-01 13:00 (once, UTC)\n");
  });

  test("code and this machine's zone are sent when no other are named", async () => {
    file("report.py", "print(1)\n");
    await done("add", "--code", "report.py", "--cron", "@daily");
    expect(all()).toMatchObject([{ name: "Python", timeZone: systemTimeZone(), input: { code: "print(1)\n" } }]);
  });

  test("as JSON every answer is one object", async () => {
    const Row = z.strictObject({
      id: z.string(),
      name: z.literal("Daily"),
      cron: z.literal("30 2 * * *"),
      time_zone: z.literal("Europe/Berlin"),
      missed: z.literal("once"),
      text: z.literal("hello"),
      files: z.array(z.string()),
      conversation_id: z.string(),
      next_at: z.string(),
      paused_at: z.string().nullable(),
      last_tick_at: z.null(),
      last_job_id: z.null(),
    });
    const wanted = ["hello", "--cron", "30 2 * * *", "--tz", "Europe/Berlin", "--name", "Daily"];
    const added = Row.parse(JSON.parse(await done("add", ...wanted, "--json")));
    expect(added).toMatchObject({ next_at: "2026-01-02T01:30:00.000Z", paused_at: null });
    const { schedules } = z.object({ schedules: z.array(Row) }).parse(JSON.parse(await done("list", "--json")));
    expect(schedules).toEqual([added]);
    const paused = Row.parse(JSON.parse(await done("pause", "Daily", "--json")));
    expect(paused).toEqual({ ...added, paused_at: "2026-01-01T12:00:00.000Z" });
    expect(Row.parse(JSON.parse(await done("resume", "Daily", "--json")))).toEqual(added);
    expect(Row.parse(JSON.parse(await done("remove", "Daily", "--json")))).toEqual(added);
    expect(JSON.parse(await done("list", "--json"))).toEqual({ schedules: [] });
  });

  test("a name does not steer the terminal", async () => {
    const name = "evil\u001b[31m\u202egpj";
    await done("add", "hello", "--cron", "@daily", "--name", name);
    const shown = [await done("list"), await done("pause", name), await done("remove", name)].join("");
    expect(shown).toContain("evil\\x1b[31m\\u202egpj");
    expect(shown).not.toContain("\u001b");
    expect(shown).not.toContain("\u202e");
  });

  test.each([
    ["a cron expression that is none", ["add", "x", "--cron", "soon"], "“soon” is no cron expression."],
    ["a time that is over", ["add", "x", "--at", "2020-01-01 00:00", "--tz", "UTC"], "2020-01-01 00:00 is over"],
    ["a zone that nobody knows", ["add", "x", "--cron", "@daily", "--tz", "Mars"], "There is no time zone “Mars”."],
    ["no time", ["add", "x"], "Say when: either cron"],
    ["a schedule that is not there", ["pause", "none"], "There is no schedule “none”."],
    ["one that is not there, to remove", ["remove", "none"], "There is no schedule “none”."],
  ])("%s is refused with a sentence", async (_name, args, sentence) => {
    const { code, out, err } = await schedule(...args);
    expect(err).toContain(sentence);
    expect(err).not.toContain("    at ");
    expect([code, out, all()]).toEqual([2, "", []]);
  });
});

test.each([
  ["nothing to do", [], "Say add, list, pause, resume or remove."],
  ["something else to do", ["toString"], "Say add, list, pause, resume or remove."],
  ["nothing to ask", ["add", "--cron", "@daily"], "Nothing was asked."],
  ["a file that is not there", ["add", "Graph", "gone.csv", "--cron", "@daily"], "There is no file"],
  ["a folder for a file", ["add", "Graph", "data", "--cron", "@daily"], "is not a file"],
  ["code that is not there", ["add", "--code", "gone.py", "--cron", "@daily"], "There is no file"],
  ["an option that does not exist", ["list", "--loud"], "--loud"],
  ["words where none belong", ["list", "please"], "please"],
  ["nothing to pause", ["pause"], "Name one schedule"],
  ["two to remove", ["remove", "Graph", "this"], "Name one schedule"],
])("%s is refused before anybody is asked", async (_name, args, sentence) => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, "data"));
  const { code, out, err } = await sandpiper(folder.path, "schedule", ...args);
  expect(err).toContain(sentence);
  expect(err).not.toContain("    at ");
  expect([code, out]).toEqual([2, ""]);
});

test("without a Sandpiper that runs it says so and starts none", async () => {
  using folder = temporaryFolder();
  const { code, out, err } = await sandpiper(folder.path, "schedule", "list");
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain("Sandpiper is not running, and schedules need it.");
  expect(existsSync(join(folder.path, "data/jobs.db"))).toBe(false);
});
