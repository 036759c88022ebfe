// The routes of schedules: what is to be asked is read like a message, and kept until its time.
import { z } from "zod";
import type { Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import * as schedules from "../shared/schedules.ts";
import { localTime } from "../shared/time_zones.ts";
import { route, type Route } from "./http.ts";
import type { Inbox } from "./inbox.ts";
import { decide } from "./intent.ts";
import { ASKED, readDraft, type Draft } from "./receive.ts";
import { RECURRENCE, recurrenceOf, type Recurrence } from "./recurrence.ts";

export type ScheduleDesk = {
  readonly board: Board;
  readonly inbox: Inbox;
  readonly now: () => number;
  /** The table was changed: the next tick may be another. */
  readonly schedulesChanged: () => void;
};

const Wanted = z.strictObject({
  ...ASKED,
  ...RECURRENCE,
  name: z.string().max(100).optional(),
  missed: z.enum(schedules.MISSED_POLICIES).default("once"),
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
      summary: "Ask later, once (at) or again and again (cron): multipart or JSON",
      auth: "paired",
      accepts: "multipart-or-json",
      body: Wanted,
      status: 201,
      handle: async ({ body, files }) => changed(desk, await add(desk, body, files)),
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

/** Whatever is wrong with the time is known before a file is kept. */
async function add(desk: ScheduleDesk, wanted: Wanted, files: readonly File[]): Promise<schedules.Schedule> {
  const { board, inbox, now } = desk;
  const recurrence = recurrenceOf(wanted, now());
  const draft = await readDraft(inbox, wanted, files);
  try {
    const schedule = {
      id: Bun.randomUUIDv7(),
      conversationId: Bun.randomUUIDv7(),
      name: nameOf(wanted.name ?? "", draft, board.read(schedules.listSchedules)),
      missed: wanted.missed,
      files: draft.files,
      note: noteOf(recurrence),
      ...recurrence,
      ...decide(draft, []),
    };
    return await schedules.createSchedule(board, schedule, now());
  } catch (error) {
    await inbox.drop(draft.fresh);
    throw error;
  }
}

/** The given one, or the beginning of what is asked, with a number if there is such a one. */
function nameOf(given: string, draft: Draft, others: readonly schedules.Schedule[]): string {
  if (oneLine(given) !== "") return oneLine(given);
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
function noteOf({ cron, timeZone, nextAt }: Recurrence): string {
  const first = `${localTime(nextAt, timeZone)} (${timeZone})`;
  return cron === null
    ? `Scheduled for ${first}. The answer will be here.`
    : `Scheduled: \`${cron}\`, the first time on ${first}. The answers will be here.`;
}
