// Local times and the moments that they mean. Pure: nothing here looks at the clock.
import { AppError } from "./errors.ts";

/** The zone as it is listed (`europe/berlin` is Europe/Berlin). Throws AppError `bad_request` for anything else. */
export function parseTimeZone(name: string): string {
  const known = isOffset(name) ? null : canonical(name);
  if (known !== null) return known;
  throw new AppError(
    "bad_request",
    `There is no time zone “${name.slice(0, 80)}”. Use a name like Europe/Berlin, America/New_York or UTC.`,
  );
}

/** The zone that this machine is set to. */
export const systemTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

const TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?$/i;

/**
 * The moment (ms since the epoch) of an ISO 8601 date and time. Without an offset it is local time of the zone: one that
 * the clocks skip in spring is an hour later, of two in autumn it is the first. Throws AppError `bad_request`.
 */
export function parseTime(text: string, timeZone: string): number {
  const [whole, date, time, offset] = TIME.exec(text.trim()) ?? [];
  const moment = whole === undefined ? null : momentOf(`${date}T${time}`, offset, timeZone);
  if (moment !== null) return moment;
  throw new AppError(
    "bad_request",
    `“${text.slice(0, 80)}” is no date and time. Write it like 2026-12-24 18:00 or 2026-12-24T18:00:00Z.`,
  );
}

/** `2026-12-24 18:00`, as clocks of the zone show it. */
export function localTime(at: number, timeZone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDateTime();
  return local.toString({ smallestUnit: "minute" }).replace("T", " ");
}

/** `+02:00` has no summer time, and who writes it would mostly miss that. */
const isOffset = (name: string): boolean => /^[+-]/.test(name);

function canonical(name: string): string | null {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Null for a date that no calendar has. */
function momentOf(local: string, offset: string | undefined, timeZone: string): number | null {
  try {
    if (offset !== undefined) return Temporal.Instant.from(local + offset).epochMilliseconds;
    return Temporal.PlainDateTime.from(local).toZonedDateTime(timeZone).epochMilliseconds;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
