// Local times and the moments that they mean.
import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/shared/errors.ts";
import { localTime, parseTime, parseTimeZone, systemTimeZone } from "../../src/shared/time_zones.ts";

const zone = "Europe/Berlin";
const codeOf = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return error instanceof AppError ? error.code : error;
  }
};

const sentenceOf = (action: () => unknown): string => {
  try {
    return String(action());
  } catch (error) {
    return String(error);
  }
};

test("a zone is known by its name, however it is written", () => {
  expect(parseTimeZone("europe/berlin")).toBe("Europe/Berlin");
  expect(parseTimeZone("utc")).toBe("UTC");
  expect(parseTimeZone(systemTimeZone())).toBe(systemTimeZone());
});

test.each(["", "Berlin", "Mars/Olympus", "+02:00", "-0500", "PST", "Europe/Berlin\u0000"])("%p is no zone", (name) => {
  expect(() => parseTimeZone(name)).toThrow("Use a name like Europe/Berlin");
  expect(codeOf(() => parseTimeZone(name))).toBe("bad_request");
});

test("what is no name is not repeated at length", () => {
  const endless = "x".repeat(10_000);
  for (const parse of [() => parseTimeZone(endless), () => parseTime(endless, zone)])
    expect(sentenceOf(parse).length).toBeLessThan(250);
});

describe("a time", () => {
  test.each([
    ["2026-12-24 18:00", "2026-12-24T17:00:00.000Z"],
    [" 2026-07-24T18:00:30 ", "2026-07-24T16:00:30.000Z"],
    ["2026-12-24T18:00Z", "2026-12-24T18:00:00.000Z"],
    ["2026-12-24T18:00:00.500-05:00", "2026-12-24T23:00:00.500Z"],
    ["2028-02-29 00:00", "2028-02-28T23:00:00.000Z"],
  ])("%p is %s", (text, moment) => expect(new Date(parseTime(text, zone)).toISOString()).toBe(moment));

  test("that the clocks skip is an hour later", () =>
    expect(localTime(parseTime("2026-03-29 02:30", zone), zone)).toBe("2026-03-29 03:30"));

  test("that the clocks show twice is the first", () =>
    expect(new Date(parseTime("2026-10-25 02:30", zone)).toISOString()).toBe("2026-10-25T00:30:00.000Z"));

  test.each([
    "",
    "tomorrow",
    "18:00",
    "2026-12-24",
    "24.12.2026 18:00",
    "2026-02-30 10:00",
    "2026-12-24 25:00",
    "2026-12-24T18:00+99:00",
  ])("is not %p", (text) => {
    expect(() => parseTime(text, zone)).toThrow("Write it like 2026-12-24 18:00");
    expect(codeOf(() => parseTime(text, zone))).toBe("bad_request");
  });

  test("is shown as the clocks of its zone show it", () => {
    const moment = Date.parse("2026-12-31T23:30:00Z");
    expect([zone, "UTC", "Asia/Kathmandu"].map((one) => localTime(moment, one))).toEqual([
      "2027-01-01 00:30",
      "2026-12-31 23:30",
      "2027-01-01 05:15",
    ]);
  });
});
