import { expect, test } from "bun:test";
import { retryDelayMs } from "../../src/web/live.ts";
import { bytesText, costText, dayText, durationText, kindText, limitText, visible } from "../../src/web/text.ts";

test("characters that hide or turn a name are spelt out", () => {
  expect(visible("invoice\u202Efdp.exe")).toBe("invoice‹U+202E›fdp.exe");
  expect(visible("a\u0000b\nc\u200Bd")).toBe("a‹U+0000›b‹U+000A›c‹U+200B›d");
});

test("names in other scripts and emoji stay as they are", () => {
  expect(visible("متن 数据 👩‍🔬.csv")).toBe("متن 数据 👩‍🔬.csv");
});

test("sizes, limits, times and costs are short", () => {
  expect([0, 999, 1_000, 48_219, 999_900, 2_400_000].map(bytesText)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "48 kB",
    "1.0 MB",
    "2.4 MB",
  ]);
  expect(limitText(100 * 2 ** 20)).toBe("100 MB");
  expect([0.2, 180, 1_240, 59_990, 61_000].map(durationText)).toEqual([
    "1 ms",
    "180 ms",
    "1.2 s",
    "1 min 0 s",
    "1 min 1 s",
  ]);
  expect([0.0031, 1.5].map(costText)).toEqual(["$0.0031", "$1.50"]);
});

test("a media type has a plain name", () => {
  expect(["text/csv", "application/pdf", "text/html", "application/x-unknown"].map(kindText)).toEqual([
    "Table",
    "PDF",
    "Web page",
    "File",
  ]);
});

test("conversations are grouped by the calendar, not by 24 hours", () => {
  const now = new Date(2026, 10, 20, 0, 30).getTime();
  expect(dayText(now - 20 * 60_000, now)).toBe("Today");
  expect(dayText(now - 40 * 60_000, now)).toBe("Yesterday");
  expect(dayText(now - 5 * 86_400_000, now)).toBe("Previous 7 days");
  expect(dayText(new Date(2026, 8, 1).getTime(), now)).toBe("September 2026");
});

test("the wait before a new connection doubles, is spread, and has a ceiling", () => {
  expect(retryDelayMs(0, () => 0)).toBe(200);
  expect(retryDelayMs(0, () => 1)).toBe(400);
  expect(retryDelayMs(3, () => 1)).toBe(3_200);
  expect(retryDelayMs(50, () => 1)).toBe(10_000);
});
