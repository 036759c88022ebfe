// Sizes as people read them.
import { expect, test } from "bun:test";
import { gibibytes, mebibytes } from "../../src/shared/sizes.ts";

test("sizes are told rounded down, with hundredths where they matter", () => {
  expect([0, 1, 2 ** 20, 2.999 * 2 ** 20, 9.999 * 2 ** 20, 12.9 * 2 ** 20, 2 ** 41].map(mebibytes)).toEqual([
    "0 MiB",
    "0 MiB",
    "1 MiB",
    "2.99 MiB",
    "9.99 MiB",
    "12 MiB",
    "2,097,152 MiB",
  ]);
  expect([0.01 * 2 ** 30 + 1, 5 * 2 ** 30].map(gibibytes)).toEqual(["0.01 GiB", "5 GiB"]);
});
