// The routes of schedules: what is to be asked is read like a message, when is read here.
import { z } from "zod";
import { nextTick, parseCron } from "../shared/cron.ts";
import type { Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import * as schedules from "../shared/schedules.ts";
import { localTime, parseTime, parseTimeZone, systemTimeZone } from "../shared/time_zones.ts";
import { parse, route, type Route } from "./http.ts";
import type { Inbox } from "./inbox.ts";
import { decide } from "./intent.ts";
import { draftFromForm, draftFromJson, readForm, textOf, type Draft } from "./receive.ts";

export type ScheduleDesk = {
  readonly board: Board;
  readonly inbox: Inbox;
  readonly now: () => number;
  /** The table was changed: the next tick may be another. */
  readonly schedulesChanged: () => void;
};

const TIMING = {
  /** Again and again. */
  cron: z.string().max(1_000).optional(),
  /** Once: an ISO 8601 date and time; without an offset it is local time of the zone. */
  at: z.string().max(100).optional(),
  time_zone: z.string().max(100).optional(),
  name: z.string().max(100).optional(),
  missed: z.enum(schedules.MISSED_POLICIES).default("once"),
};
const Timing = z.object(TIMING);
type Timing = z.infer<typeof Timing>;

const Wanted = z.strictObject({
  text: z.string().max(100_000).default(""),
  files: z.array(z.string().max(200)).max(50).optional(),
  code: z.string().max(1_000_000).optional(),
  example: z.string().max(100).optional(),
  ...TIMING,
});
type Wanted = z.infer<typeof Wanted>;

export function scheduleRoutes(desk: ScheduleDesk): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/schedules",
      summary: "All schedules, in the order of their making",
      auth: "paired",
      status: 200,
      handle: () => ({ schedules: desk.board.read(schedules.listSchedules) }),
    }),
    route({
      method: "POST",
      path: "/api/schedules",
      summary:
        "Ask later, once (at) or again and again (cron): multipart (text, files, code, cron or at, time_zone, name, missed) or JSON",
      auth: "paired",
      accepts: "multipart-or-json",
      body: Wanted,
      status: 201,
      handle: async ({ request, body }) => changed(desk, await add(desk, request, body)),
    }),
    route({
      method: "POST",
      path: "/api/schedules/:id/pause",
      summary: "Let a schedule rest",
      auth: "paired",
      status: 200,
      handle: async ({ params }) =>
        changed(desk, await schedules.pauseSchedule(desk.board, params["id"] ?? "", desk.now())),
    }),
    route({
      method: "POST",
      path: "/api/schedules/:id/resume",
      summary: "Let a paused schedule go on; what was due in the pause is not made up for",
      auth: "paired",
      status: 200,
      handle: async ({ params }) =>
        changed(desk, await schedules.resumeSchedule(desk.board, params["id"] ?? "", desk.now())),
    }),
    route({
      method: "DELETE",
      path: "/api/schedules/:id",
      summary: "Remove a schedule; its answers stay",
      auth: "paired",
      status: 204,
      handle: async ({ params }) => {
        const leftover = await schedules.deleteSchedule(desk.board, params["id"] ?? "");
        if (leftover === null) throw unknown();
        await desk.inbox.release(leftover.map((file) => file.id));
        desk.schedulesChanged();
      },
    }),
  ];
}

const unknown = () => new AppError("not_found", "There is no such schedule any more.");

function changed(desk: ScheduleDesk, schedule: schedules.Schedule | null): { schedule: schedules.Schedule } {
  if (schedule === null) throw unknown();
  desk.schedulesChanged();
  return { schedule };
}

async function add(desk: ScheduleDesk, request: Request, body: Wanted | undefined): Promise<schedules.Schedule> {
  if (body !== undefined) return keep(desk, body, () => draftFromJson(desk.inbox, body));
  const form = await readForm(request);
  return keep(desk, timingOf(form), () => draftFromForm(desk.inbox, form));
}

/** Whatever is wrong with the time is known before a file is kept. */
async function keep(desk: ScheduleDesk, timing: Timing, read: () => Promise<Draft>): Promise<schedules.Schedule> {
  const { board, inbox, now } = desk;
  const when = whenOf(timing, now());
  const draft = await read();
  try {
    const schedule = {
      id: Bun.randomUUIDv7(),
      conversationId: Bun.randomUUIDv7(),
      name: nameOf(timing, draft, board.read(schedules.listSchedules)),
      missed: timing.missed,
      files: draft.files,
      note: noteOf(when),
      ...when,
      ...decide(draft, []),
    };
    return await schedules.createSchedule(board, schedule, now());
  } catch (error) {
    await inbox.drop(draft.fresh);
    throw error;
  }
}

function timingOf(form: FormData): Timing {
  const fields = Object.keys(TIMING).map((name) => [name, textOf(form.get(name))] as const);
  // `parse` words the refusal.
  return Timing.parse(parse(Timing, Object.fromEntries(fields.filter(([, value]) => value !== "")), "form"));
}

type When = { readonly cron: string | null; readonly timeZone: string; readonly nextAt: number };

function whenOf(timing: Timing, now: number): When {
  const timeZone = parseTimeZone(timing.time_zone ?? systemTimeZone());
  if (timing.cron !== undefined && timing.at === undefined) {
    const cron = parseCron(timing.cron);
    const nextAt = nextTick(cron, timeZone, now);
    if (nextAt !== null) return { cron, timeZone, nextAt };
  }
  if (timing.at === undefined || timing.cron !== undefined)
    throw new AppError("bad_request", "Say when: either cron, for again and again, or at, for once.");
  const nextAt = parseTime(timing.at, timeZone);
  if (nextAt > now) return { cron: null, timeZone, nextAt };
  throw new AppError(
    "bad_request",
    `${localTime(nextAt, timeZone)} is over: in ${timeZone} it is ${localTime(now, timeZone)}.`,
  );
}

/** The given one, or the beginning of what is asked, with a number if there is such a one. */
function nameOf(timing: Timing, draft: Draft, others: readonly schedules.Schedule[]): string {
  const given = oneLine(timing.name ?? "");
  if (given !== "") return given;
  const asked = oneLine(draft.text) || draft.files.map((file) => file.name).join(", ") || "Python";
  const stem =
    asked.length <= 60
      ? asked
      : `${asked
          .slice(0, 59)
          .toWellFormed()
          .replace(/\uFFFD$/, "")}…`;
  const taken = new Set(others.map((other) => other.name));
  let name = stem;
  for (let count = 2; taken.has(name); count += 1) name = `${stem} (${count})`;
  return name;
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

/** What the conversation of the schedule begins with. */
function noteOf({ cron, timeZone, nextAt }: When): string {
  const first = `${localTime(nextAt, timeZone)} (${timeZone})`;
  return cron === null
    ? `Scheduled for ${first}. The answer will be here.`
    : `Scheduled: \`${cron}\`, the first time on ${first}. The answers will be here.`;
}
