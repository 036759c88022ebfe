// What is to be asked again and again, or once and later. Exactly one job a tick, whoever looks and however the clock jumps.
import { z } from "zod";
import { insertMessage } from "./conversations.ts";
import { nextTick } from "./cron.ts";
import type { Board, Tx } from "./db.ts";
import { AppError } from "./errors.ts";
import { insertJob } from "./jobs.ts";
import { integer, optionalInteger, optionalText, parseJson, text } from "./rows.ts";
import { JOB_TYPES, JobInput, type JobType, type UploadedFile } from "./types.ts";
import { readUpload } from "./uploads.ts";

export const MISSED_POLICIES = ["once", "skip"] as const;
/** What becomes of ticks that nobody was there for: one job for all of them, or none. */
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

/** Of the messages that nobody sent. */
const CHANNEL = "schedule";
/** A tick that is later than this was missed. */
export const GRACE_MS = 60_000;

export type Schedule = {
  readonly id: string;
  readonly name: string;
  /** Null for a one-off. */
  readonly cron: string | null;
  readonly timeZone: string;
  readonly missed: MissedPolicy;
  readonly type: JobType;
  readonly input: JobInput;
  readonly files: readonly UploadedFile[];
  /** Its own: where its answers are found. */
  readonly conversationId: string;
  /** The next tick (ms since the epoch); null when there is none any more. */
  readonly nextAt: number | null;
  readonly pausedAt: number | null;
  /** The last tick that became a job, and that job. */
  readonly lastTickAt: number | null;
  readonly lastJobId: string | null;
  readonly createdAt: number;
};

export type NewSchedule = Omit<Schedule, "nextAt" | "pausedAt" | "lastTickAt" | "lastJobId" | "createdAt"> & {
  readonly nextAt: number;
  /** What its conversation begins with. */
  readonly note: string;
};

export type Due = { readonly id: string; readonly tickAt: number };

/** `known`: this tick has its job already. `stale`: it is not this schedule's turn, or not any more. */
export type Fired =
  { readonly outcome: "fired"; readonly jobId: string } | { readonly outcome: "skipped" | "known" | "stale" };

/** Together with its conversation, whose first message holds the files. Throws AppError `conflict` for a name that is taken. */
export function createSchedule(board: Board, schedule: NewSchedule, now: number): Promise<Schedule> {
  const noteId = Bun.randomUUIDv7();
  return board.write((tx) => {
    const { id, name, conversationId } = schedule;
    if (tx.get("SELECT 1 FROM schedules WHERE name = ?", name) !== null)
      throw new AppError("conflict", `There is a schedule “${name}” already. Choose another name, or remove that one.`);
    tx.run(
      "INSERT INTO conversations (id, title, created_at, updated_at) VALUES (?, ?, ?, ?)",
      conversationId,
      name,
      now,
      now,
    );
    const note = { id: noteId, conversationId, role: "assistant", text: schedule.note, files: schedule.files } as const;
    insertMessage(tx, { ...note, channel: CHANNEL, channelMessageId: id, jobId: null }, now);
    tx.run(
      `INSERT INTO schedules (id, name, cron, time_zone, missed, type, input, conversation_id, next_at, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      name,
      schedule.cron,
      schedule.timeZone,
      schedule.missed,
      schedule.type,
      JSON.stringify(schedule.input),
      conversationId,
      schedule.nextAt,
      now,
    );
    return toSchedule(tx, tx.get("SELECT * FROM schedules WHERE id = ?", id) ?? {});
  });
}

/** In the order of their making. */
export function listSchedules(tx: Tx): Schedule[] {
  return tx.all("SELECT * FROM schedules ORDER BY rowid").map((row) => toSchedule(tx, row));
}

export function readSchedule(tx: Tx, id: string): Schedule | null {
  const row = tx.get("SELECT * FROM schedules WHERE id = ?", id);
  return row === null ? null : toSchedule(tx, row);
}

/** Null if there is no such schedule. */
export function pauseSchedule(board: Board, id: string, now: number): Promise<Schedule | null> {
  return board.write((tx) => {
    tx.run("UPDATE schedules SET paused_at = ? WHERE id = ? AND paused_at IS NULL", now, id);
    return readSchedule(tx, id);
  });
}

/** What would have been due in the pause is not made up for. Throws AppError `conflict` for a one-off whose time is over. */
export function resumeSchedule(board: Board, id: string, now: number): Promise<Schedule | null> {
  return board.write((tx) => {
    const schedule = readSchedule(tx, id);
    if (schedule === null || schedule.pausedAt === null) return schedule;
    const nextAt = schedule.cron === null ? schedule.nextAt : nextTick(schedule.cron, schedule.timeZone, now);
    if (nextAt === null || nextAt <= now)
      throw new AppError("conflict", `The time of “${schedule.name}” is over. Add a new schedule instead.`);
    tx.run("UPDATE schedules SET paused_at = NULL, next_at = ? WHERE id = ?", nextAt, id);
    return readSchedule(tx, id);
  });
}

/**
 * Its conversation stays for the sake of the answers; without any it goes, too. Returns the files whose bytes are now
 * nobody's; null if there is no such schedule.
 */
export function deleteSchedule(board: Board, id: string): Promise<UploadedFile[] | null> {
  return board.write((tx) => {
    const schedule = readSchedule(tx, id);
    if (schedule === null) return null;
    const { conversationId, files } = schedule;
    tx.run("DELETE FROM schedules WHERE id = ?", id);
    const isUnused =
      tx.get("SELECT 1 FROM messages WHERE conversation_id = ? AND role = 'user'", conversationId) === null &&
      tx.get("SELECT 1 FROM job_run WHERE conversation_id = ?", conversationId) === null;
    if (!isUnused) return [];
    tx.run("DELETE FROM conversations WHERE id = ?", conversationId);
    const sql = "DELETE FROM uploads WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message_uploads WHERE upload_id = ?1)";
    return files.filter((file) => tx.run(sql, file.id) === 1);
  });
}

/** Those whose next tick has come, the earliest first. */
export function dueSchedules(tx: Tx, now: number): Due[] {
  const sql = "SELECT id, next_at FROM schedules WHERE next_at <= ? AND paused_at IS NULL ORDER BY next_at";
  return tx.all(sql, now).map((row) => ({ id: text.parse(row["id"]), tickAt: integer.parse(row["next_at"]) }));
}

/** When the next tick of all comes (ms since the epoch); null when none will. */
export function earliestTick(tx: Tx): number | null {
  const sql = "SELECT min(next_at) AS at FROM schedules WHERE next_at IS NOT NULL AND paused_at IS NULL";
  return optionalInteger.parse(tx.get(sql)?.["at"] ?? null);
}

/**
 * One transaction: the tick becomes a message of the schedule's conversation and its job, and the schedule goes on to its
 * next tick. Asking twice for the same tick changes nothing, because message and job are known by it.
 */
export function fireSchedule(board: Board, id: string, tickAt: number, now: number): Promise<Fired> {
  const ids = { messageId: Bun.randomUUIDv7(), jobId: Bun.randomUUIDv7() };
  return board.write((tx) => {
    const schedule = readSchedule(tx, id);
    if (schedule === null || schedule.pausedAt !== null || schedule.nextAt !== tickAt || tickAt > now)
      return { outcome: "stale" };
    tx.run("UPDATE schedules SET next_at = ? WHERE id = ?", tickAfter(schedule, tickAt, now), id);
    const key = `${id}:${tickAt}`;
    if (isSaid(tx, key)) return { outcome: "known" };
    if (schedule.missed === "skip" && now - tickAt > GRACE_MS) return { outcome: "skipped" };
    const jobId = askNow(tx, schedule, key, ids, now);
    tx.run("UPDATE schedules SET last_tick_at = ?, last_job_id = ? WHERE id = ?", tickAt, jobId, id);
    return { outcome: "fired", jobId };
  });
}

/**
 * For a clock that went back, or a zone whose rules have changed: ticks that are still to come are reckoned anew. Those
 * that had their job have it still and do not get another.
 */
export function reckonSchedules(board: Board, now: number): Promise<number> {
  return board.write((tx) => {
    const sql = "SELECT * FROM schedules WHERE cron IS NOT NULL AND paused_at IS NULL AND next_at > ?";
    const moved = tx.all(sql, now).filter((row) => {
      const { id, cron, timeZone, nextAt } = toSchedule(tx, row);
      const right = cron === null ? nextAt : nextTick(cron, timeZone, now);
      return right !== nextAt && tx.run("UPDATE schedules SET next_at = ? WHERE id = ?", right, id) === 1;
    });
    return moved.length;
  });
}

/** `skip` still takes every tick that is not too late; `once` leaves out all that have passed. */
function tickAfter(schedule: Schedule, tickAt: number, now: number): number | null {
  if (schedule.cron === null) return null;
  const from = schedule.missed === "skip" ? now - GRACE_MS - 1 : now;
  return nextTick(schedule.cron, schedule.timeZone, Math.max(tickAt, from));
}

function askNow(
  tx: Tx,
  schedule: Schedule,
  key: string,
  ids: { readonly messageId: string; readonly jobId: string },
  now: number,
): string {
  const { type, input, files, conversationId } = schedule;
  const job = { id: ids.jobId, type, input, files, conversationId, priority: 0, idempotencyKey: `schedule:${key}` };
  const jobId = insertJob(tx, job, now);
  const message = { id: ids.messageId, conversationId, role: "user", text: input.prompt ?? "", files } as const;
  insertMessage(tx, { ...message, channel: CHANNEL, channelMessageId: key, jobId }, now);
  tx.run("UPDATE conversations SET updated_at = ? WHERE id = ?", now, conversationId);
  return jobId;
}

function isSaid(tx: Tx, key: string): boolean {
  return tx.get("SELECT 1 FROM messages WHERE channel = ? AND channel_message_id = ?", CHANNEL, key) !== null;
}

const ScheduleRow = z.object({
  id: text,
  name: text,
  cron: optionalText,
  time_zone: text,
  missed: z.enum(MISSED_POLICIES),
  type: z.enum(JOB_TYPES),
  input: z.unknown(),
  conversation_id: text,
  next_at: optionalInteger,
  paused_at: optionalInteger,
  last_tick_at: optionalInteger,
  last_job_id: optionalText,
  created_at: integer,
});

function toSchedule(tx: Tx, row: Record<string, unknown>): Schedule {
  const one = ScheduleRow.parse(row);
  const input = JobInput.parse(parseJson(one.input));
  return {
    id: one.id,
    name: one.name,
    cron: one.cron,
    timeZone: one.time_zone,
    missed: one.missed,
    type: one.type,
    input,
    files: (input.files ?? []).flatMap((id) => readUpload(tx, id) ?? []),
    conversationId: one.conversation_id,
    nextAt: one.next_at,
    pausedAt: one.paused_at,
    lastTickAt: one.last_tick_at,
    lastJobId: one.last_job_id,
    createdAt: one.created_at,
  };
}
