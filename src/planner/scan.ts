// The rewritten request while rules eat their way through it: a rule takes what it understands, the rest stays.
import type { Mention, Reading } from "./mentions.ts";
import type { ColumnProfile } from "./profile.ts";

export type Scan = { text: string; readonly mentions: readonly Mention[] };

/** What eaten words leave behind, so that words on both sides do not become neighbours. */
const GAP = " . ";

export function scanOf(reading: Reading): Scan {
  return { text: ` ${reading.text} `, mentions: reading.mentions };
}

/** Every match of `pattern` is offered to `use`: false leaves it, a text (words parted by single spaces) stands in for it, all else eats it. Patterns must be global. */
export function take(
  scan: Scan,
  pattern: RegExp,
  use: (match: readonly (string | undefined)[]) => boolean | string | void,
): void {
  scan.text = scan.text.replace(pattern, (...parts: readonly unknown[]) => {
    const match = parts.filter((part) => typeof part === "string" || part === undefined);
    const whole = match[0] ?? "";
    const answer = use(match);
    return typeof answer === "string" ? ` ${answer}` : answer === false ? whole : GAP;
  });
}

/** True if the pattern occurs; it is eaten. */
export function has(scan: Scan, pattern: RegExp): boolean {
  let found = false;
  take(scan, pattern, () => {
    found = true;
  });
  return found;
}

export function mentionAt(scan: Scan, mark: string | undefined): Mention | null {
  return mark === undefined ? null : (scan.mentions[Number(mark.replace(/^\D+/, ""))] ?? null);
}

export function columnAt(scan: Scan, mark: string | undefined): ColumnProfile | null {
  const mention = mentionAt(scan, mark);
  return mention?.mark === "C" ? mention.column : null;
}

/** The columns still standing in the text, in order, once each. */
export function columnsLeft(scan: Scan): readonly ColumnProfile[] {
  const marks = scan.text.match(/\bC\d+\b/g) ?? [];
  return [...new Set(marks.map((mark) => columnAt(scan, mark)).filter((column) => column !== null))];
}
