// The ledger, in whole micro-dollars: what a call of a model or a sandbox may cost is reserved before it begins, and the real
// figure takes its place afterwards. What is reserved counts as spent, so that no limit is passed by several at once.
import type { Board, Tx } from "./db.ts";
import { integer, optionalInteger, text } from "./rows.ts";

export const SCOPES = ["job", "day", "month"] as const;
export type Scope = (typeof SCOPES)[number];

/** Micro-dollars a job, a day and a month (both UTC). */
export type Limits = Readonly<Record<Scope, number>>;

export type Reservation = {
  readonly id: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly workerId: string;
  readonly kind: "model" | "sandbox";
  readonly provider: string;
  /** The model; of a sandbox the provider's name for it, null until that is known. */
  readonly subject: string | null;
  /** At most, whatever happens. */
  readonly reservedMicroUsd: number;
  /** Of a sandbox: how long it lives if nobody ends it. */
  readonly timeoutSeconds?: number;
};

export type Standing = { readonly scope: Scope; readonly spentMicroUsd: number; readonly limitMicroUsd: number };

/** `refused`: the limit that it would pass; nothing was written. `warned`: limits of which four fifths are now used. */
export type Reserved = { readonly refused: Standing | null; readonly warned: readonly Standing[] };

const WARN_SHARE = 0.8;

/** What costs nothing is never refused. */
export function reserveSpend(board: Board, wanted: Reservation, limits: Limits, now: number): Promise<Reserved> {
  return board.write((tx) => {
    const cost = wanted.reservedMicroUsd;
    const standings = cost === 0 ? [] : standingsOf(tx, wanted.jobId, limits, now);
    const refused = standings.find(({ spentMicroUsd, limitMicroUsd }) => spentMicroUsd + cost > limitMicroUsd) ?? null;
    if (refused !== null) return { refused, warned: [] };
    const warned = standings.flatMap((standing) => {
      const after = { ...standing, spentMicroUsd: standing.spentMicroUsd + cost };
      const isNear = after.spentMicroUsd >= after.limitMicroUsd * WARN_SHARE;
      return isNear && !wasWarned(tx, standing.scope, wanted.jobId, now) ? [after] : [];
    });
    tx.run(
      `INSERT INTO spend (id, job_id, attempt, worker_id, kind, provider, subject, created_at, reserved_micro_usd, units, warned)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      wanted.id,
      wanted.jobId,
      wanted.attempt,
      wanted.workerId,
      wanted.kind,
      wanted.provider,
      wanted.subject,
      now,
      cost,
      wanted.timeoutSeconds === undefined ? "{}" : JSON.stringify({ timeoutSeconds: wanted.timeoutSeconds }),
      warned.map(({ scope }) => scope).join(","),
    );
    carry(tx, wanted.jobId, wanted.attempt, cost);
    return { refused: null, warned };
  });
}

/** What is settled for less may bring a sum below the line again; people are told once all the same. */
function wasWarned(tx: Tx, scope: Scope, jobId: string, now: number): boolean {
  const where = scope === "job" ? "job_id = ?" : "created_at >= ?";
  const key = scope === "job" ? jobId : startOf(scope, now);
  return tx.get(`SELECT 1 FROM spend WHERE ${where} AND instr(warned, ?) > 0 LIMIT 1`, key, scope) !== null;
}

/** The job's own figures follow the ledger in the same transaction; an attempt that has not ended has none yet. */
function carry(tx: Tx, jobId: string, attempt: number | null, differenceMicroUsd: number): void {
  if (differenceMicroUsd === 0) return;
  // Not below nothing: an id that was deleted and came again may be told of what its first life had reserved.
  tx.run("UPDATE job_run SET cost_micro_usd = max(0, cost_micro_usd + ?) WHERE job_id = ?", differenceMicroUsd, jobId);
  tx.run(
    `UPDATE job_attempts SET cost_micro_usd = (SELECT sum(coalesce(spend.cost_micro_usd, spend.reserved_micro_usd))
       FROM spend WHERE spend.job_id = job_attempts.job_id AND spend.attempt = job_attempts.attempt)
     WHERE job_id = ? AND attempt = ?`,
    jobId,
    attempt,
  );
}

/** Where each limit stands, what was allowed on top of it included. */
export function standingsOf(tx: Tx, jobId: string, limits: Limits, now: number): Standing[] {
  return SCOPES.map((scope) => ({
    scope,
    spentMicroUsd: scope === "job" ? spentByJob(tx, jobId) : spentSince(tx, startOf(scope, now)),
    limitMicroUsd: limits[scope] + raiseOf(tx, scope, jobId, now),
  }));
}

/** The first moment of the day or the month (UTC). */
export function startOf(scope: "day" | "month", now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), scope === "day" ? date.getUTCDate() : 1);
}

const SUM = "SELECT coalesce(sum(coalesce(cost_micro_usd, reserved_micro_usd)), 0) AS n FROM spend";

export const spentSince = (tx: Tx, since: number): number =>
  integer.parse(tx.get(`${SUM} WHERE created_at >= ?`, since)?.["n"]);

export const spentByJob = (tx: Tx, jobId: string): number =>
  integer.parse(tx.get(`${SUM} WHERE job_id = ?`, jobId)?.["n"]);

/** What the same would have cost elsewhere. */
export const savedSince = (tx: Tx, since: number): number =>
  integer.parse(tx.get("SELECT coalesce(sum(saved_micro_usd), 0) AS n FROM spend WHERE created_at >= ?", since)?.["n"]);

export const savedByJob = (tx: Tx, jobId: string): number =>
  integer.parse(tx.get("SELECT coalesce(sum(saved_micro_usd), 0) AS n FROM spend WHERE job_id = ?", jobId)?.["n"]);

export const savedByConversation = (tx: Tx, conversationId: string): number =>
  integer.parse(
    tx.get(
      "SELECT coalesce(sum(saved_micro_usd), 0) AS n FROM spend JOIN job_run USING (job_id) WHERE conversation_id = ?",
      conversationId,
    )?.["n"],
  );

/** A person's yes counts in the day or month in which it was given, or for the job that goes on with it. */
function raiseOf(tx: Tx, scope: Scope, jobId: string, now: number): number {
  const where = scope === "job" ? "used_by = ?" : "decided_at >= ?";
  const row = tx.get(
    `SELECT coalesce(sum(json_extract(subject, '$.subject.microUsd')), 0) AS n FROM approvals
     WHERE kind = 'spend' AND decision = 'approved' AND json_extract(subject, '$.subject.scope') = ? AND ${where}`,
    scope,
    scope === "job" ? jobId : startOf(scope, now),
  );
  return integer.parse(row?.["n"]);
}

export type Settlement = {
  readonly costMicroUsd: number;
  readonly savedMicroUsd?: number;
  /** The price, or what was used, is not known for certain. */
  readonly isEstimate: boolean;
  readonly units: Readonly<Record<string, number>>;
};

/** Puts the real figure in place of the reservation; once. */
export function settleSpend(board: Board, id: string, end: Settlement, now: number): Promise<void> {
  return board.write((tx) => settle(tx, id, end, now));
}

function settle(tx: Tx, id: string, end: Settlement, now: number): void {
  const row = tx.get("SELECT job_id, attempt, reserved_micro_usd FROM spend WHERE id = ? AND ended_at IS NULL", id);
  if (row === null) return;
  tx.run(
    `UPDATE spend SET ended_at = ?, cost_micro_usd = ?, saved_micro_usd = ?, is_estimate = ?, units = ?
     WHERE id = ? AND ended_at IS NULL`,
    now,
    end.costMicroUsd,
    end.savedMicroUsd ?? 0,
    end.isEstimate ? 1 : 0,
    JSON.stringify(end.units),
    id,
  );
  const difference = end.costMicroUsd - integer.parse(row["reserved_micro_usd"]);
  carry(tx, text.parse(row["job_id"]), optionalInteger.parse(row["attempt"]), difference);
}

/** The provider's own name for a sandbox; written before it is used. */
export function nameSandbox(board: Board, id: string, sandboxId: string): Promise<void> {
  return board.write((tx) => void tx.run("UPDATE spend SET subject = ? WHERE id = ?", sandboxId, id));
}

/** Nothing of the attempt that it was made for runs any more. */
const ABANDONED = `ended_at IS NULL AND worker_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM job_run
  WHERE job_run.job_id = spend.job_id AND job_run.attempt = spend.attempt AND state = 'running')`;

/** Questions to models whose worker died: nobody knows what they cost, so it is what was reserved. Returns how many. */
export function settleAbandonedCalls(board: Board, now: number): Promise<number> {
  if (board.read((tx) => tx.get(`SELECT 1 FROM spend WHERE kind = 'model' AND ${ABANDONED} LIMIT 1`)) === null)
    return Promise.resolve(0);
  return board.write((tx) =>
    tx.run(
      `UPDATE spend SET ended_at = ?, cost_micro_usd = reserved_micro_usd, is_estimate = 1 WHERE kind = 'model' AND ${ABANDONED}`,
      now,
    ),
  );
}

export type Orphan = {
  readonly id: string;
  readonly jobId: string;
  readonly attempt: number | null;
  /** Null: its worker died before it could write down the name. */
  readonly sandboxId: string | null;
  readonly createdAt: number;
  /** Null: from a time before this was kept. */
  readonly timeoutSeconds: number | null;
};

/** Sandboxes that are not known to have ended although the attempt they were made for does not run any more. */
export function orphanSandboxes(tx: Tx, provider: "local" | "e2b"): Orphan[] {
  return tx
    .all(
      `SELECT id, job_id, attempt, subject, created_at, json_extract(units, '$.timeoutSeconds') AS timeout FROM spend
       WHERE kind = 'sandbox' AND provider = ? AND ${ABANDONED}`,
      provider,
    )
    .map((row) => ({
      id: text.parse(row["id"]),
      jobId: text.parse(row["job_id"]),
      attempt: optionalInteger.parse(row["attempt"]),
      sandboxId: row["subject"] === null ? null : text.parse(row["subject"]),
      createdAt: integer.parse(row["created_at"]),
      timeoutSeconds: optionalInteger.parse(row["timeout"]),
    }));
}

/** Whether the attempt that a sandbox was made for is the one that runs. */
export function isAttemptRunning(tx: Tx, jobId: string, attempt: number): boolean {
  return (
    tx.get("SELECT 1 FROM job_run WHERE job_id = ? AND attempt = ? AND state = 'running'", jobId, attempt) !== null
  );
}

/** One that somebody else ended: it cost what its time cost until `goneAt`, and not more than until its timeout. */
export function closeLeaked(board: Board, id: string, goneAt: number): Promise<void> {
  return board.write((tx) => {
    const row = tx.get(
      `SELECT created_at, reserved_micro_usd, json_extract(units, '$.timeoutSeconds') AS timeout FROM spend
       WHERE id = ? AND ended_at IS NULL`,
      id,
    );
    if (row === null) return;
    const reserved = integer.parse(row["reserved_micro_usd"]);
    const timeout = optionalInteger.parse(row["timeout"]);
    const passed = Math.ceil((goneAt - integer.parse(row["created_at"])) / 1_000);
    // Where nobody knows how long it lived, or the clock was put back, it is all that was reserved.
    const share = timeout === null || timeout === 0 || passed < 1 ? 1 : Math.min(1, passed / timeout);
    const leakedSeconds = timeout === null ? Math.max(0, passed) : Math.ceil(timeout * share);
    settle(tx, id, { costMicroUsd: Math.ceil(reserved * share), isEstimate: true, units: { leakedSeconds } }, goneAt);
  });
}

export type Leaked = {
  readonly jobId: string;
  readonly attempt: number | null;
  readonly workerId: string | null;
  readonly sandboxId: string;
  readonly startedAt: number;
  /** Micro-dollars a second. */
  readonly price: number;
};

/** One of E2B's that ran without a row (the board was restored, or its row was given up): it gets one, with what it has cost. */
export function recordLeaked(board: Board, leaked: Leaked, now: number): Promise<void> {
  const { jobId, attempt, workerId, sandboxId, price } = leaked;
  const startedAt = Math.min(leaked.startedAt, now);
  const leakedSeconds = Math.max(1, Math.ceil((now - startedAt) / 1_000));
  const costMicroUsd = Math.ceil(leakedSeconds * price);
  return board.write((tx) => {
    if (tx.get("SELECT 1 FROM spend WHERE job_id = ? AND subject = ?", jobId, sandboxId) !== null) return;
    tx.run(
      `INSERT INTO spend (id, job_id, attempt, worker_id, kind, provider, subject, created_at, ended_at, reserved_micro_usd,
       cost_micro_usd, is_estimate, units) VALUES (?, ?, ?, ?, 'sandbox', 'e2b', ?, ?, ?, 0, ?, 1, ?)`,
      Bun.randomUUIDv7(),
      jobId,
      attempt,
      workerId,
      sandboxId,
      startedAt,
      now,
      costMicroUsd,
      JSON.stringify({ leakedSeconds }),
    );
    carry(tx, jobId, attempt, costMicroUsd);
  });
}
