// The job board as it should be, in memory: states, the line, fencing, the story of each job. No SQL, no code of ours.
import type { JobState, JobStatus } from "../../src/shared/types.ts";

export type ModelJob = {
  readonly id: string;
  readonly conversationId: string | null;
  readonly priority: number;
  readonly key: string | null;
  state: JobState;
  /** Where it stands in the line; no two jobs share a place. */
  place: number;
  /** Where it stands in the table. */
  row: number;
  runAt: number | null;
  deadlineAt: number | null;
  attempt: number;
  maxAttempts: number;
  workerId: string | null;
  isCancelAsked: boolean;
  costMicroUsd: number;
  /** Kinds of its events, without those that only tell what comes out of it. */
  readonly story: string[];
  /** How each attempt ended. */
  readonly outcomes: Map<number, string>;
};

/** Without a copy of the job: a claim is held as long as this very job is running this very attempt. */
export type ModelClaim = { readonly job: ModelJob; readonly attempt: number; readonly workerId: string };

export type NewModelJob = Pick<
  ModelJob,
  "id" | "conversationId" | "priority" | "key" | "deadlineAt" | "maxAttempts"
> & {
  readonly runAt: number | null;
};

const HOUR_MS = 3_600_000;
const FINAL: ReadonlySet<JobState> = new Set(["done", "failed", "dead", "cancelled"]);
const ACTIVE: ReadonlySet<JobState> = new Set(["ready", "running", "retrying"]);
const END = { done: "job-completed", failed: "job-failed", dead: "job-failed", cancelled: "job-failed" } as const;

export const isFinal = (state: JobState): boolean => FINAL.has(state);
export const isActive = (state: JobState): boolean => ACTIVE.has(state);

export function statusOf(state: JobState): JobStatus {
  if (state === "running") return "running";
  if (state === "done") return "completed";
  return isFinal(state) ? "failed" : "pending";
}

/** Life: one play of steps. */
export class BoardModel {
  now = 1_800_000_000_000;
  /** The newest event's number; every event has one, and none comes twice. */
  seq = 0;
  readonly jobs = new Map<string, ModelJob>();
  readonly conversations = new Set<string>();
  /** Where a stranger has started a job out of turn, two of one conversation may run side by side. */
  readonly forced = new Set<string>();
  #places = 0;

  /** Ready jobs as they will be claimed. */
  line(): ModelJob[] {
    return this.#in("ready").toSorted((a, b) => b.priority - a.priority || a.place - b.place);
  }

  tell(job: ModelJob, kind: string): void {
    this.seq += 1;
    job.story.push(kind);
  }

  enqueue(wanted: NewModelJob): string {
    const known = wanted.key === null ? undefined : [...this.jobs.values()].find((job) => job.key === wanted.key);
    if (known !== undefined) return known.id;
    const isLater = wanted.runAt !== null && wanted.runAt > this.now;
    const state = isLater ? "scheduled" : this.#placeFor(wanted.conversationId);
    this.#add({ ...wanted, runAt: isLater ? wanted.runAt : null }, state);
    return wanted.id;
  }

  claim(workerId: string, limit: number): ModelClaim[] {
    this.#joinDue();
    return this.line()
      .slice(0, limit)
      .map((job) => {
        Object.assign(job, { state: "running", attempt: job.attempt + 1, workerId });
        this.tell(job, "job-started");
        return { job, attempt: job.attempt, workerId };
      });
  }

  isHeld({ job, attempt, workerId }: ModelClaim): boolean {
    const isThere = this.jobs.get(job.id) === job && job.state === "running";
    return isThere && job.attempt === attempt && job.workerId === workerId;
  }

  /** Also of a claim that was lost: the money is gone. */
  spend(claim: ModelClaim, microUsd: number): void {
    const job = this.jobs.get(claim.job.id);
    if (job !== undefined) job.costMicroUsd += microUsd;
  }

  settle(claim: ModelClaim, state: "done" | "failed" | "cancelled"): boolean {
    if (!this.isHeld(claim)) return false;
    this.#end(claim.job, state, state);
    return true;
  }

  retry(claim: ModelClaim, runAt: number, isCounted: boolean): boolean {
    if (!this.isHeld(claim)) return false;
    const { job } = claim;
    if (job.isCancelAsked) return this.settle(claim, "cancelled");
    Object.assign(job, { state: "retrying", runAt: Math.min(runAt, this.now + HOUR_MS) });
    if (!isCounted) job.maxAttempts += 1;
    this.#leave(job, "retrying", "job-retrying");
    return true;
  }

  handBack(claim: ModelClaim): boolean {
    if (!this.isHeld(claim)) return false;
    const { job } = claim;
    if (job.isCancelAsked) return this.settle(claim, "cancelled");
    job.state = "ready";
    job.maxAttempts += 1;
    this.#leave(job, "handed-back", "job-requeued");
    return true;
  }

  cancel(id: string): "cancelled" | "asked" | "ended" | "unknown" {
    const job = this.jobs.get(id);
    if (job === undefined) return "unknown";
    if (isFinal(job.state)) return "ended";
    if (job.state !== "running" || job.workerId === null) {
      this.#end(job, "cancelled", "cancelled");
      return "cancelled";
    }
    job.isCancelAsked = true;
    return "asked";
  }

  restart(id: string): "restarted" | "refused" | "unknown" {
    const job = this.jobs.get(id);
    if (job === undefined) return "unknown";
    if (job.state === "done" || job.state === "ready" || job.state === "waiting" || job.state === "running")
      return "refused";
    job.state = job.state === "retrying" ? "ready" : this.#placeFor(job.conversationId);
    const deadlineAt = job.deadlineAt !== null && job.deadlineAt > this.now ? job.deadlineAt : null;
    Object.assign(job, { maxAttempts: job.attempt + 3, workerId: null, runAt: null, deadlineAt });
    job.isCancelAsked = false;
    job.place = this.#nextPlace();
    this.tell(job, "job-requeued");
    return "restarted";
  }

  /** The worker is dead. Returns the ids of the jobs it held. */
  reclaim(workerId: string): string[] {
    const lost = byId(this.#in("running").filter((job) => job.workerId === workerId));
    for (const job of lost)
      if (job.isCancelAsked) this.#end(job, "cancelled", "cancelled");
      else if (job.attempt >= job.maxAttempts) this.#end(job, "dead", "dead");
      else {
        job.state = "ready";
        this.#leave(job, "lost", "job-requeued");
      }
    return lost.map((job) => job.id);
  }

  expire(): string[] {
    const isLate = ({ deadlineAt, state }: ModelJob) =>
      deadlineAt !== null && deadlineAt <= this.now && !isFinal(state) && state !== "running";
    const late = byId([...this.jobs.values()].filter(isLate)).toSorted(
      (a, b) => (a.deadlineAt ?? 0) - (b.deadlineAt ?? 0),
    );
    for (const job of late) this.#end(job, "failed", "failed");
    return late.map((job) => job.id);
  }

  strangerInserts(id: string, status: JobStatus): void {
    const state = ({ pending: "ready", running: "running", completed: "done", failed: "failed" } as const)[status];
    const plain = { id, conversationId: null, priority: 0, key: null, deadlineAt: null, runAt: null };
    this.#add({ ...plain, maxAttempts: 3 }, state);
  }

  /** By an UPDATE. */
  strangerSays(job: ModelJob, status: JobStatus): void {
    if (status === statusOf(job.state)) return;
    const wasOpen = !isFinal(job.state);
    const outcome = { pending: "handed-back", running: "", completed: "done", failed: "cancelled" }[status];
    if (job.state === "running" && job.attempt > 0 && !job.outcomes.has(job.attempt))
      job.outcomes.set(job.attempt, outcome);
    Object.assign(job, { workerId: null, runAt: null, place: this.#nextPlace() });
    if (status === "pending") {
      const others = this.#of(job.conversationId).filter((other) => other !== job);
      job.state = others.some((other) => ACTIVE.has(other.state)) ? "waiting" : "ready";
      Object.assign(job, { maxAttempts: job.attempt + 3, isCancelAsked: false });
      this.tell(job, "job-requeued");
      return;
    }
    job.state = status === "running" ? "running" : status === "completed" ? "done" : "failed";
    if (status === "running" && job.conversationId !== null) this.forced.add(job.conversationId);
    this.tell(job, { running: "job-started", completed: "job-completed", failed: "job-failed" }[status]);
    if (wasOpen && isFinal(job.state)) this.#promote(job.conversationId);
  }

  /** A row that takes the place of another is the last one of the table. */
  strangerReplaces(job: ModelJob, status: JobStatus): void {
    job.row = this.#nextPlace();
    this.strangerSays(job, status);
  }

  /** Jobs with this status, in the order in which one statement for all of them comes by. */
  withStatus(status: JobStatus): ModelJob[] {
    return [...this.jobs.values()].filter((job) => statusOf(job.state) === status).toSorted((a, b) => a.row - b.row);
  }

  delete(job: ModelJob): void {
    this.jobs.delete(job.id);
    this.seq += 1;
    if (!isFinal(job.state)) this.#promote(job.conversationId);
  }

  forget(conversationId: string): string[] | "unknown" | "running" {
    if (!this.conversations.has(conversationId)) return "unknown";
    const jobs = this.#of(conversationId);
    if (jobs.some((job) => job.state === "running")) return "running";
    for (const job of jobs) this.delete(job);
    this.conversations.delete(conversationId);
    this.forced.delete(conversationId);
    return jobs.map((job) => job.id);
  }

  #add(job: NewModelJob, state: JobState): void {
    const fresh = { attempt: 0, workerId: null, isCancelAsked: false, costMicroUsd: 0, story: [], outcomes: new Map() };
    const whole: ModelJob = { ...job, ...fresh, state, place: this.#nextPlace(), row: this.#nextPlace() };
    this.jobs.set(job.id, whole);
    this.tell(whole, "job-created");
  }

  /** Retries go back to their old place, what was scheduled joins at the end. */
  #joinDue(): void {
    const { now } = this;
    // A retry that lies farther away than any may be was put off before the clock went back.
    for (const job of this.#in("retrying"))
      if (job.runAt !== null && (job.runAt <= now || job.runAt > now + HOUR_MS))
        Object.assign(job, { state: "ready", runAt: null });
    const due = byId(this.#in("scheduled")).filter((job) => job.runAt !== null && job.runAt <= now);
    for (const job of due.toSorted((a, b) => (a.runAt ?? 0) - (b.runAt ?? 0))) {
      Object.assign(job, { state: this.#placeFor(job.conversationId), runAt: null, place: this.#nextPlace() });
      this.tell(job, "job-requeued");
    }
  }

  #end(job: ModelJob, state: keyof typeof END, outcome: string): void {
    if (job.attempt > 0 && !job.outcomes.has(job.attempt)) job.outcomes.set(job.attempt, outcome);
    Object.assign(job, { state, runAt: null });
    this.tell(job, END[state]);
    this.#promote(job.conversationId);
  }

  #leave(job: ModelJob, outcome: string, kind: string): void {
    job.outcomes.set(job.attempt, outcome);
    job.workerId = null;
    this.tell(job, kind);
  }

  #promote(conversationId: string | null): void {
    const jobs = this.#of(conversationId);
    if (jobs.some((job) => ACTIVE.has(job.state))) return;
    const [next] = jobs.filter((job) => job.state === "waiting").toSorted((a, b) => a.place - b.place);
    if (next !== undefined) Object.assign(next, { state: "ready", place: this.#nextPlace() });
  }

  #placeFor(conversationId: string | null): "ready" | "waiting" {
    const isBehind = this.#of(conversationId).some((job) => ACTIVE.has(job.state) || job.state === "waiting");
    return isBehind ? "waiting" : "ready";
  }

  #of(conversationId: string | null): ModelJob[] {
    return conversationId === null
      ? []
      : [...this.jobs.values()].filter((job) => job.conversationId === conversationId);
  }

  #in(state: JobState): ModelJob[] {
    return [...this.jobs.values()].filter((job) => job.state === state);
  }

  #nextPlace(): number {
    this.#places += 1;
    return this.#places;
  }
}

const byId = (jobs: readonly ModelJob[]): ModelJob[] => jobs.toSorted((a, b) => (a.id < b.id ? -1 : 1));
