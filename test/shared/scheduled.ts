// Schedules for a test, and what became of their ticks.
import type { Board } from "../../src/shared/db.ts";
import { createSchedule, type NewSchedule, type Schedule } from "../../src/shared/schedules.ts";

/** Noon of a Thursday. */
export const NOON = Date.parse("2026-01-01T12:00:00Z");
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Every hour in UTC, made at noon. */
export function addSchedule(board: Board, id: string, other: Partial<NewSchedule> = {}, now = NOON): Promise<Schedule> {
  const whole: NewSchedule = {
    id,
    name: `Name of ${id}`,
    cron: "0 * * * *",
    timeZone: "UTC",
    missed: "once",
    type: "chat",
    input: { prompt: `Prompt of ${id}` },
    files: [],
    conversationId: `talk-${id}`,
    note: `Note of ${id}`,
    nextAt: NOON + HOUR,
    ...other,
  };
  return createSchedule(board, whole, now);
}

/** The ticks that have a job, by the keys of their messages; fails when a tick has more than one. */
export function tickedAt(board: Board, id: string): number[] {
  const rows = board.read((tx) =>
    tx.all(
      `SELECT channel_message_id AS key, count(*) AS jobs FROM messages JOIN job_run ON job_run.job_id = messages.job_id
       WHERE channel = 'schedule' AND role = 'user' AND messages.conversation_id = ?
       GROUP BY channel_message_id ORDER BY channel_message_id`,
      `talk-${id}`,
    ),
  );
  const jobs = board.read((tx) => tx.all("SELECT 1 FROM job_run WHERE conversation_id = ?", `talk-${id}`)).length;
  if (jobs !== rows.length) throw new Error(`${rows.length} ticks have ${jobs} jobs.`);
  return rows.map((row) => Number(String(row["key"]).slice(id.length + 1)));
}
