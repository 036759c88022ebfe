// The last line of a test run, from the totals that Bun prints.
import { stripVTControlCharacters } from "node:util";

/** Reads Bun's summary: the last " N pass", " N fail"… of its output. */
export function readTotals(output, exitCode) {
  const plain = stripVTControlCharacters(output);
  const last = (word) =>
    Number(
      plain
        .match(new RegExp(`^ *(\\d+) ${word}$`, "gm"))
        ?.at(-1)
        ?.match(/\d+/)?.[0] ?? 0,
    );
  // An error outside a test, or a run that broke off, is a failure that Bun's count of tests does not have.
  const failed = Math.max(last("fail"), last("errors?"), exitCode === 0 ? 0 : 1);
  return { passed: last("pass"), failed, skipped: last("skip") + last("todo") };
}

/** Percent of lines that Bun's coverage table gives for all files; null where there is no table. */
export function readCoverage(output) {
  const row = /All files\s*\|\s*[\d.]+\s*\|\s*([\d.]+)/.exec(stripVTControlCharacters(output));
  return row === null ? null : Number(row[1]);
}

/** "12 passed, 0 failed", and what was skipped when anything was. */
export function totalsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
