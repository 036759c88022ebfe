// When something that repeats is due, in every zone, over every change of the clocks.
import { describe, expect, test } from "bun:test";
import { nextTick, parseCron } from "../../src/shared/cron.ts";
import { AppError } from "../../src/shared/errors.ts";
import { localTime } from "../../src/shared/time_zones.ts";

const at = (iso: string): number => Date.parse(iso);

/** The ticks after `from` and before `to`. */
function ticks(cron: string, timeZone: string, from: string, to: string): number[] {
  const found: number[] = [];
  let tick = nextTick(cron, timeZone, at(from));
  while (tick !== null && tick < at(to)) {
    found.push(tick);
    tick = nextTick(cron, timeZone, tick);
  }
  return found;
}

const shown = (cron: string, timeZone: string, from: string, to: string): string[] =>
  ticks(cron, timeZone, from, to).map((tick) => localTime(tick, timeZone));

const refusal = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError && error.code === "bad_request") return error.message;
    throw error;
  }
  throw new Error("It was not refused.");
};

describe("an expression", () => {
  test.each([
    ["0 9 * * 1", "0 9 * * 1"],
    ["  0\t9  * * MON-fri ", "0 9 * * mon-fri"],
    ["*/15 8-18 1,15 jan,jul *", "*/15 8-18 1,15 jan,jul *"],
    ["@Daily", "@daily"],
    ["@hourly", "@hourly"],
    ["@weekly", "@weekly"],
    ["@monthly", "@monthly"],
  ])("%p is taken as %p", (text, plain) => expect(parseCron(text)).toBe(plain));

  test.each([
    ["", "is no cron expression"],
    ["tomorrow", "is no cron expression"],
    ["* * * *", "is no cron expression"],
    ["2026-12-24T18:00:00", "is no cron expression"],
    ["* * * * * *", "has 6 fields. Once a minute is the most"],
    ["*/10 * * * * * 2027", "has 7 fields. Once a minute is the most"],
    ["@reboot", "is not one of @hourly, @daily"],
    ["@daily *", "is not one of @hourly, @daily"],
    ["60 * * * *", "its minute does not exist"],
    ["0 24 * * *", "its hour does not exist"],
    ["0 0 0 * *", "its day does not exist"],
    ["0 0 32 * *", "its day does not exist"],
    ["0 0 * 13 *", "its month does not exist"],
    ["0 0 * * 8", "its day of the week does not exist"],
    ["*/0 * * * *", "illegal stepping: 0"],
    ["30-10 * * * *", "From value is larger than to value"],
    ["x * * * *", "field 1 has characters that mean nothing there"],
    ["0 0 * * fri#6", "nth weekday out of range, should be 1-5 or L."],
    ["0 0 30 2 *", "names a day that no year has"],
    ["0 0 31 4,6,9,11 *", "names a day that no year has"],
  ])("%p is refused: %s", (text, why) => {
    const sentence = refusal(() => parseCron(text));
    expect(sentence).toContain(why);
    expect(sentence).toEndWith(
      " Write five fields: minute, hour, day of the month, month, day of the week; “0 9 * * 1” is Mondays at 9:00.",
    );
  });

  test("of a thousand characters is refused", () =>
    expect(refusal(() => parseCron(`${"1,".repeat(500)}1 * * * *`))).toContain("is too long"));

  test("in a zone that nobody knows is refused", () =>
    expect(refusal(() => nextTick("0 9 * * *", "Mars/Olympus", 0))).toContain("no time zone “Mars/Olympus”"));

  test("that was stored broken is refused, too", () =>
    expect(refusal(() => nextTick("0 9 * *", "UTC", 0))).toContain("cannot be read"));
});

describe("the next tick", () => {
  test("is later than the moment that is asked about, by however little", () => {
    const noon = at("2026-01-01T12:00:00Z");
    expect(nextTick("* * * * *", "UTC", noon - 1)).toBe(noon);
    expect(nextTick("* * * * *", "UTC", noon)).toBe(noon + 60_000);
    expect(nextTick("* * * * *", "UTC", noon + 59_999)).toBe(noon + 60_000);
  });

  test.each([
    ["@hourly", "2026-01-01T13:00:00Z"],
    ["@daily", "2026-01-02T00:00:00Z"],
    ["@weekly", "2026-01-04T00:00:00Z"],
    ["@monthly", "2026-02-01T00:00:00Z"],
    ["@yearly", "2027-01-01T00:00:00Z"],
    ["0 9 * * 7", "2026-01-04T09:00:00Z"],
    ["0 0 13 * 5", "2026-01-02T00:00:00Z"],
    ["0 0 13 * +5", "2026-02-13T00:00:00Z"],
    ["0 12 * * fri#2", "2026-01-09T12:00:00Z"],
  ])("of %s after noon on a Thursday is %s", (cron, tick) =>
    expect(nextTick(cron, "UTC", at("2026-01-01T12:00:00Z"))).toBe(at(tick)),
  );

  test("on 29 February comes in leap years", () =>
    expect(shown("0 12 29 2 *", "Europe/Berlin", "2026-01-01T00:00Z", "2037-01-01T00:00Z")).toEqual([
      "2028-02-29 12:00",
      "2032-02-29 12:00",
      "2036-02-29 12:00",
    ]));

  test("on the 31st leaves out the months that have none", () =>
    expect(shown("0 0 31 * *", "UTC", "2026-01-01T00:00Z", "2027-01-01T00:00Z").map((day) => day.slice(5, 7))).toEqual([
      "01",
      "03",
      "05",
      "07",
      "08",
      "10",
      "12",
    ]));

  test("on the last of the month is its last", () =>
    expect(shown("0 0 L * *", "UTC", "2028-01-15T00:00Z", "2028-05-01T00:00Z").map((day) => day.slice(5, 10))).toEqual([
      "01-31",
      "02-29",
      "03-31",
      "04-30",
    ]));
});

describe("when the clocks go forward", () => {
  const night = ["2026-03-28T12:00Z", "2026-03-30T12:00Z"] as const;

  test.each([
    ["30 2 * * *", ["2026-03-29 03:00", "2026-03-30 02:30"]],
    ["0 2 * * *", ["2026-03-29 03:00", "2026-03-30 02:00"]],
    ["0 3 * * *", ["2026-03-29 03:00", "2026-03-30 03:00"]],
    ["30 2,14 * * *", ["2026-03-28 14:30", "2026-03-29 03:00", "2026-03-29 14:30", "2026-03-30 02:30"]],
    ["15,45 2 * * *", ["2026-03-29 03:00", "2026-03-30 02:15", "2026-03-30 02:45"]],
  ])("%s is due once that day, after the gap", (cron, expected) =>
    expect(shown(cron, "Europe/Berlin", ...night)).toEqual(expected.filter((time) => time < "2026-03-30 14:00")),
  );

  test("every half hour goes on every half hour", () => {
    const found = ticks("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", "2026-03-29T03:00Z");
    expect(found.map((tick) => (tick - at("2026-03-29T00:00Z")) / 60_000)).toEqual([30, 60, 90, 120, 150]);
  });

  test("at midnight, the day begins at one o'clock", () =>
    expect(shown("0 0 * * *", "Africa/Cairo", "2026-04-23T00:00Z", "2026-04-25T12:00Z")).toEqual([
      "2026-04-24 01:00",
      "2026-04-25 00:00",
    ]));
});

describe("when the clocks go back", () => {
  test.each(["30 2 * * *", "0 2 * * *", "0 3 * * *", "30 2 25 10 *"])("%s is due once that day", (cron) => {
    const found = shown(cron, "Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25T22:00Z");
    expect(found).toHaveLength(1);
  });

  test("it is due at the first of the two, and not again whenever one asks", () => {
    const first = at("2026-10-25T00:30Z");
    const nextDay = at("2026-10-26T01:30Z");
    expect(nextTick("30 2 * * *", "Europe/Berlin", first - 1)).toBe(first);
    for (let minute = 0; minute < 180; minute += 5)
      expect(nextTick("30 2 * * *", "Europe/Berlin", first + minute * 60_000)).toBe(nextDay);
  });

  test("every half hour goes on every half hour", () => {
    const found = ticks("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:59Z", "2026-10-25T02:00Z");
    expect(found.map((tick) => (tick - at("2026-10-25T00:00Z")) / 60_000)).toEqual([0, 30, 60, 90]);
  });

  test("by half an hour, too", () =>
    expect(ticks("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00Z", "2026-04-05T23:00Z")).toEqual([
      at("2026-04-04T14:45Z"),
      at("2026-04-05T15:15Z"),
    ]));
});

const CHANGES: readonly (readonly [timeZone: string, days: readonly string[]])[] = [
  ["UTC", ["2026-03-28"]],
  ["Europe/Berlin", ["2026-03-28", "2026-10-24"]],
  ["America/New_York", ["2026-03-07", "2026-10-31"]],
  ["Australia/Lord_Howe", ["2026-04-04", "2026-10-03"]],
  ["Africa/Cairo", ["2026-04-23", "2026-10-29"]],
  ["Asia/Kathmandu", ["2026-03-28"]],
];

test.each(CHANGES)("a daily time is due once on each day of a year in %s, whatever it is", (timeZone) => {
  for (const time of ["0 0", "59 0", "30 1", "15 2", "30 2", "0 3", "59 23"]) {
    const found = shown(`${time} * * *`, timeZone, "2026-01-01T12:00Z", "2027-01-01T12:00Z");
    expect(new Set(found.map((day) => day.slice(0, 10))).size).toBe(365);
    expect(found).toHaveLength(365);
  }
});

test.each(CHANGES)("stars and steps agree with a look at every minute around the changes in %s", (timeZone, days) => {
  const hours = {
    "*": () => true,
    "*/2": (hour: number) => hour % 2 === 0,
    "0-23/3": (hour: number) => hour % 3 === 0,
  };
  for (const day of days) {
    const from = at(`${day}T00:00Z`);
    const minutes = Array.from({ length: 2 * 24 * 60 }, (_, index) => from + (index + 1) * 60_000);
    const clocks = new Map(minutes.map((minute) => [minute, localTime(minute, timeZone)]));
    for (const [hour, isDueIn] of Object.entries(hours)) {
      const expected = minutes.filter((minute) => {
        const clock = clocks.get(minute) ?? "";
        return isDueIn(Number(clock.slice(11, 13))) && Number(clock.slice(14, 16)) % 20 === 0;
      });
      const end = new Date(from + (2 * 24 * 60 + 1) * 60_000).toISOString();
      expect(ticks(`*/20 ${hour} * * *`, timeZone, `${day}T00:00Z`, end)).toEqual(expected);
    }
  }
});
