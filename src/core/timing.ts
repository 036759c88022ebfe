// When a message's job may begin and by when it must be done: as people send it → as the board has it.
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import { localTime, parseTime, systemTimeZone } from "../shared/time_zones.ts";

/** ISO 8601 (without an offset: local time), or milliseconds since the epoch. */
const Moment = z.union([z.int(), z.string().max(100)]);
export const TIMING = { not_before: Moment.optional(), deadline: Moment.optional() };

export type Timing = {
  readonly not_before?: string | number | undefined;
  readonly deadline?: string | number | undefined;
};

export type When = { readonly runAt?: number; readonly deadlineAt?: number };

/** The last moment that a Date can hold. */
const LATEST = 8.64e15;
/** A smaller number is no time that anybody means, but one in seconds. */
const EARLIEST = 1e11;

/** Throws AppError `bad_request` for what is no time, and for a deadline that cannot be kept. */
export function whenOf(timing: Timing, now: number): When {
  const runAt = timing.not_before === undefined ? null : momentOf("not_before", timing.not_before);
  const deadlineAt = timing.deadline === undefined ? null : momentOf("deadline", timing.deadline);
  if (deadlineAt !== null && deadlineAt <= Math.max(now, runAt ?? now)) {
    const shown = localTime(deadlineAt, systemTimeZone());
    const why = deadlineAt <= now ? "is over" : "is before it may begin";
    throw new AppError("bad_request", `The deadline ${shown} ${why}, so the message was not taken.`);
  }
  return { ...(runAt === null ? {} : { runAt }), ...(deadlineAt === null ? {} : { deadlineAt }) };
}

function momentOf(name: string, given: string | number): number {
  const isWritten = typeof given === "string" && !/^\s*-?\d+\s*$/.test(given);
  const moment = isWritten ? parseTime(given, systemTimeZone()) : Number(given);
  if (moment >= EARLIEST && moment <= LATEST) return moment;
  throw new AppError(
    "bad_request",
    `${name} is ${String(given).trim()}, but must be a time like 2026-12-24T18:00:00Z, or milliseconds since 1970.`,
  );
}
