// When something that repeats is due. Pure: nothing here looks at the clock.
import { Cron } from "croner";
import { AppError } from "./errors.ts";
import { parseTimeZone } from "./time_zones.ts";

const NICKNAMES: ReadonlySet<string> = new Set(["@hourly", "@daily", "@weekly", "@monthly", "@yearly"]);

const FORM =
  "Write five fields: minute, hour, day of the month, month, day of the week; “0 9 * * 1” is Mondays at 9:00.";

/** The longest that makes sense has every minute in it. */
const MAX_LENGTH = 500;

/**
 * The expression in its plain form: five fields, or @hourly, @daily, @weekly, @monthly, @yearly. Throws AppError
 * `bad_request` for what is none, for one with seconds (once a minute is the most) and for one that never comes.
 */
export function parseCron(text: string): string {
  const cron = text.trim().replace(/\s+/g, " ").toLowerCase();
  const refuse = (why: string) => new AppError("bad_request", `“${cron.slice(0, 80)}” ${why} ${FORM}`);
  if (cron.length > MAX_LENGTH) throw refuse("is too long.");
  const fields = cron.split(" ").length;
  if (cron.startsWith("@") && !NICKNAMES.has(cron)) throw refuse(`is not one of ${[...NICKNAMES].join(", ")}.`);
  if (fields > 5)
    throw refuse(`has ${fields} fields. Once a minute is the most, so there are no seconds, and no years.`);
  if (fields < 5 && !NICKNAMES.has(cron)) throw refuse("is no cron expression.");
  // The calendar repeats after 400 years, so what does not come after one moment never comes.
  if (nextTick(cron, "UTC", 0) === null) throw refuse("names a day that no year has.");
  return cron;
}

/**
 * The first tick after `afterMs`, both in ms since the epoch; null when there is none any more. A fixed time of the day
 * ("30 2 * * *", "0 9,17 * * 1-5") comes exactly once on each day that it names: when the clocks skip it, at the moment
 * when they go on; when they show it twice, at the first. Stars and steps ("0 * * * *") follow the hours as they pass.
 * Throws AppError `bad_request`.
 */
export function nextTick(cron: string, timeZone: string, afterMs: number): number | null {
  const zone = parseTimeZone(timeZone);
  try {
    const options = { timezone: zone, mode: "5-part", fixedTimeRule: "no-wildcard" } as const;
    return new Cron(cron, options).nextRun(new Date(afterMs))?.getTime() ?? null;
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new AppError("bad_request", `“${cron}” cannot be read: ${reasonOf(error)}. ${FORM}`, { cause: error });
  }
}

/** croner names fields as its code does, and counts days and months from 0. */
function reasonOf(error: Error): string {
  const reason = error.message.replace(/^CronPattern: (Syntax error, )?/, "").replace(/\.$/, "");
  return reason
    .replace(/^configuration entry (\d).*/, "field $1 has characters that mean nothing there")
    .replace(/^Invalid value for (\w+).*/, "its $1 does not exist")
    .replace(/\. Value: .*/, "")
    .replace("dayOfWeek", "day of the week");
}
