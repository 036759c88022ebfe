// When a schedule is due, once or again and again: as people send it → as the board has it.
import { z } from "zod";
import { nextTick, parseCron } from "../shared/cron.ts";
import { AppError } from "../shared/errors.ts";
import { localTime, parseTime, parseTimeZone, systemTimeZone } from "../shared/time_zones.ts";

export const RECURRENCE = {
  /** Again and again. */
  cron: z.string().max(1_000).optional(),
  /** Once: an ISO 8601 date and time; without an offset it is local time of the zone. */
  at: z.string().max(100).optional(),
  time_zone: z.string().max(100).optional(),
};
const Wanted = z.object(RECURRENCE);

/** `cron` is null for once. */
export type Recurrence = { readonly cron: string | null; readonly timeZone: string; readonly nextAt: number };

/** Throws AppError `bad_request` for what is no time, two of them or none, and for one that is over. */
export function recurrenceOf(wanted: z.infer<typeof Wanted>, now: number): Recurrence {
  const timeZone = parseTimeZone(wanted.time_zone ?? systemTimeZone());
  if (wanted.cron !== undefined && wanted.at === undefined) {
    const cron = parseCron(wanted.cron);
    const nextAt = nextTick(cron, timeZone, now);
    if (nextAt !== null) return { cron, timeZone, nextAt };
  }
  if (wanted.at === undefined || wanted.cron !== undefined)
    throw new AppError("bad_request", "Say when: either cron, for again and again, or at, for once.");
  const nextAt = parseTime(wanted.at, timeZone);
  if (nextAt > now) return { cron: null, timeZone, nextAt };
  throw new AppError(
    "bad_request",
    `${localTime(nextAt, timeZone)} is over: in ${timeZone} it is ${localTime(now, timeZone)}.`,
  );
}
