// What only a person may allow: exactly what was shown to them, once, and not for ever. A yes makes a job that goes on.
import { createHash } from "node:crypto";
import { z } from "zod";
import { addReply, readReply } from "./deliveries.ts";
import type { Board, Tx } from "./db.ts";
import { appendEvent } from "./events.ts";
import { insertJob, PERSON_PRIORITY, readJob, readRun } from "./jobs.ts";
import { integer, optionalInteger, optionalText, parseJson, text } from "./rows.ts";
import { JOB_TYPES, type Approval, type JobApproval } from "./types.ts";

/** An answer that comes later is about something that nobody remembers. */
const LIFE_MS = 24 * 3_600_000;

const Subject = z.record(z.string(), z.unknown());
const Row = z.object({
  id: text,
  job_id: text,
  conversation_id: optionalText,
  kind: text,
  subject: text,
  sha256: text,
  created_at: integer,
  expires_at: integer,
  decision: z.enum(["approved", "refused"]).nullable(),
  decided_at: optionalInteger,
  used_by: optionalText,
});

export type ApprovalWish = Pick<Approval, "kind" | "title" | "subject">;

export type KeptApproval = JobApproval & { readonly usedBy: string | null };

/** Keys in order, so that the same subject always has the same text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  const parts = entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`);
  return `{${parts.join(",")}}`;
}

/** The title is part of what a person saw, so it is part of what the hash binds. */
const bound = ({ kind, title, subject }: ApprovalWish): string => canonicalJson({ kind, subject, title });

const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");

/** Written and told in one transaction. */
export function requestApproval(
  board: Board,
  asker: { readonly jobId: string; readonly conversationId: string | null; readonly attempt: number },
  wish: ApprovalWish,
  now: number,
): Promise<Approval> {
  const content = bound(wish);
  const approval: Approval = {
    id: Bun.randomUUIDv7(),
    jobId: asker.jobId,
    ...wish,
    sha256: sha256(content),
    expiresAt: now + LIFE_MS,
  };
  return board.write((tx) => {
    tx.run(
      `INSERT INTO approvals (id, job_id, conversation_id, kind, subject, sha256, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      approval.id,
      asker.jobId,
      asker.conversationId,
      wish.kind,
      content,
      approval.sha256,
      now,
      approval.expiresAt,
    );
    appendEvent(tx, asker, now, { kind: "approval-requested", approval });
    return approval;
  });
}

export function readApproval(tx: Tx, id: string, now: number): KeptApproval | null {
  const row = tx.get("SELECT * FROM approvals WHERE id = ?", id);
  return row === null ? null : toApproval(row, now);
}

/** In the order in which they were asked. One that nobody answered counts as open; whoever answers learns that it is late. */
export function approvalsOfJob(tx: Tx, jobId: string): JobApproval[] {
  return tx.all("SELECT * FROM approvals WHERE job_id = ? ORDER BY rowid", jobId).map((row) => toApproval(row, 0));
}

export type Decided =
  /** `jobId` goes on with it; null after a no. */
  | { readonly outcome: "decided"; readonly jobId: string | null }
  | { readonly outcome: "unknown" | "changed" | "expired" | "known" };

/** `sha256` is of what the person was shown: if it is not that of what is kept, nothing is decided. */
export function decideApproval(
  board: Board,
  id: string,
  shown: string,
  decision: "approved" | "refused",
  now: number,
): Promise<Decided> {
  return board.write((tx) => decide(tx, id, shown, decision, now));
}

/** Statement. As `decideApproval`. */
export function decide(tx: Tx, id: string, shown: string, decision: "approved" | "refused", now: number): Decided {
  const approval = readApproval(tx, id, now);
  if (approval === null) return { outcome: "unknown" };
  if (approval.sha256 !== shown) return { outcome: "changed" };
  if (approval.decision === "expired") return { outcome: "expired" };
  const isOurs = tx.run(
    "UPDATE approvals SET decision = ?, decided_at = ? WHERE id = ? AND decision IS NULL AND expires_at > ?",
    decision,
    now,
    id,
    now,
  );
  if (isOurs === 0) return { outcome: "known" };
  const run = readRun(tx, approval.jobId);
  const subject = { jobId: approval.jobId, conversationId: run?.conversationId ?? null, attempt: run?.attempt ?? 0 };
  appendEvent(tx, subject, now, { kind: "approval-decided", approvalId: id, decision });
  const jobId = decision === "approved" ? goOn(tx, approval, now) : null;
  // Just this job may use it.
  tx.run("UPDATE approvals SET used_by = ? WHERE id = ?", jobId, id);
  return { outcome: "decided", jobId };
}

/** The job that asked, once more, with the person's yes; its answer goes where the question went. */
function goOn(tx: Tx, approval: KeptApproval, now: number): string | null {
  const job = readJob(tx, approval.jobId);
  const type = JOB_TYPES.find((one) => one === job?.type);
  if (job === null || type === undefined) return null;
  const id = Bun.randomUUIDv7();
  const chatId = readReply(tx, job.id)?.chatId ?? null;
  if (chatId !== null) addReply(tx, id, chatId, null);
  const { files, prompt } = job.input;
  const { conversationId } = job;
  const words = `Yes: ${approval.title}`;
  // A conversation tells by itself what it was about.
  const asked = conversationId === null ? { prompt: prompt ?? "" } : { prompt: words };
  const input = { ...asked, approval: approval.id, ...(files === undefined ? {} : { files }) };
  return insertJob(tx, { id, type, input, conversationId, files: [], words, priority: PERSON_PRIORITY }, now);
}

/** The yes that was given for this job to go on with; null for everybody who was not meant, and when it is too old. */
export function useApproval(board: Board, id: string, jobId: string, now: number): Promise<KeptApproval | null> {
  return board.write((tx) => {
    // Another attempt of the same job goes on with it, too.
    const taken = tx.run(
      "UPDATE approvals SET used_at = coalesce(used_at, ?) WHERE id = ? AND used_by = ? AND decision = 'approved' AND expires_at > ?",
      now,
      id,
      jobId,
      now,
    );
    return taken === 1 ? readApproval(tx, id, now) : null;
  });
}

function toApproval(row: Record<string, unknown>, now: number): KeptApproval {
  const kept = Row.parse(row);
  const wish = z.object({ kind: text, title: text, subject: Subject }).parse(parseJson(kept.subject));
  return {
    ...wish,
    id: kept.id,
    jobId: kept.job_id,
    // Of what is kept, not what was kept about it.
    sha256: sha256(kept.subject) === kept.sha256 ? kept.sha256 : "",
    expiresAt: kept.expires_at,
    decision: kept.decision ?? (kept.expires_at <= now ? "expired" : null),
    usedBy: kept.used_by,
  };
}
