// What must hold when all is over: the board against the ledger, and against what a follower was told.
import type { Seen } from "./follower.ts";
import type { Line } from "./ledger.ts";
import type { JobRecord, Records } from "./records.ts";
import { hearTask } from "./task.ts";
import { faultOf, isDelta, isEnd } from "./story.ts";

export type Evidence = {
  readonly records: Records;
  readonly ledger: readonly Line[];
  readonly seen: ReadonlyMap<number, Seen>;
  /** Nobody wrote deltas before this seq. */
  readonly firstDeltaSeq: number;
  /** Messages and rows that may or may not have got in. */
  readonly unsure: number;
};

/** One sentence for each thing that must not be. */
export type Findings = {
  readonly lost: string[];
  readonly doneTwice: string[];
  readonly unfounded: string[];
  readonly beyondMax: string[];
  readonly stories: string[];
  readonly events: string[];
  readonly order: string[];
  readonly uninvited: string[];
  readonly sandboxes: string[];
};

export function judge(evidence: Evidence): Findings {
  return {
    lost: lost(evidence),
    doneTwice: doneTwice(evidence),
    unfounded: unfounded(evidence),
    beyondMax: beyondMax(evidence),
    stories: evidence.records.jobs.flatMap((job) => story(evidence.records, job)),
    events: [...gaps(evidence), ...toldOtherwise(evidence)],
    order: order(evidence),
    uninvited: uninvited(evidence),
    sandboxes: killedTooEarly(evidence),
  };
}

type Of<Kind extends Line["kind"]> = Extract<Line, { kind: Kind }>;

export function linesOf<Kind extends Line["kind"]>(ledger: readonly Line[], kind: Kind): Of<Kind>[] {
  return ledger.filter((line): line is Of<Kind> => line.kind === kind);
}

/** Acknowledged, but not there or not ended. */
function lost({ records, ledger }: Evidence): string[] {
  const ended = new Set(records.jobs.filter((job) => job.finished_at !== null).map((job) => job.id));
  return linesOf(ledger, "acknowledged")
    .filter(({ job }) => !ended.has(job))
    .map(({ job, door }) => `${job} (${door}) was acknowledged and has not ended`);
}

/** More than one end: by the events on the board, by what the follower was told, or by what workers said. */
function doneTwice({ records, ledger, seen }: Evidence): string[] {
  const ends = [
    ["events", records.events.filter(({ kind }) => isEnd(kind))],
    ["told", [...seen.values()].filter(({ kind }) => isEnd(kind))],
    ["said", linesOf(ledger, "said").filter(({ outcome }) => outcome === "job-settled")],
  ] as const;
  return ends.flatMap(([by, list]) =>
    [...Map.groupBy<string, { readonly job: string }>(list, ({ job }) => job)]
      .filter(([, times]) => times.length > 1)
      .map(([job, times]) => `${job} ended ${times.length} times (${by})`),
  );
}

/** The result must be the very one that a handler made in the attempt that counts, in the worker that held it. */
function unfounded({ records, ledger }: Evidence): string[] {
  const effects = new Map(linesOf(ledger, "effect").map((line) => [line.mark, line]));
  return records.jobs.flatMap((job) => {
    const last = records.attemptsOf(job.id).at(-1);
    if (last?.outcome !== "done") return [];
    const effect = effects.get(job.mark ?? "");
    const isFounded =
      effect?.job === job.id &&
      effect.attempt === last.attempt &&
      effect.worker === last.workerId &&
      job.state === "done";
    return isFounded ? [] : [`${job.id} has the result ${job.mark ?? "null"} of ${JSON.stringify(effect ?? null)}`];
  });
}

function beyondMax({ records, ledger }: Evidence): string[] {
  const limits = new Map(records.jobs.map((job) => [job.id, job.max_attempts]));
  const onBoard = records.jobs.filter((job) => job.attempt > job.max_attempts).map((job) => job.id);
  const inLedger = linesOf(ledger, "started")
    .filter(({ job, attempt }) => attempt > (limits.get(job) ?? 0))
    .map(({ job }) => job);
  return [...new Set([...onBoard, ...inLedger])].map((job) => `${job} was tried more often than it may be`);
}

function story(records: Records, job: JobRecord): string[] {
  const fault = faultOf(records.eventsOf(job.id), job.attempt, records.attemptsOf(job.id));
  return fault === null ? [] : [`${job.id}: ${fault}`];
}

/** Seqs that are not there. Before the first deltas there may be none, after them no more than there were deltas. */
function gaps({ records, ledger, firstDeltaSeq, seen }: Evidence): string[] {
  const there = new Set(records.events.map(({ seq }) => seq));
  const newest = records.events.at(-1)?.seq ?? 0;
  const missing = Array.from({ length: newest }, (_, index) => index + 1).filter((seq) => !there.has(seq));
  const early = missing.filter((seq) => seq <= firstDeltaSeq).map((seq) => `seq ${seq} is missing`);
  const late = missing.length - early.length;
  const announced = linesOf(ledger, "deltas").reduce((sum, line) => sum + line.count, 0);
  const tooMany = late > announced ? [`${late} seqs are missing for ${announced} deltas`] : [];
  const whole = missing
    .filter((seq) => !isDelta(seen.get(seq)?.kind ?? "text-delta"))
    .map((seq) => `seq ${seq} was told as ${seen.get(seq)?.kind ?? ""} and is gone`);
  return [...early, ...tooMany, ...whole];
}

/** What is on the board and was never told, or was told as something else. */
function toldOtherwise({ records, seen }: Evidence): string[] {
  return records.events.flatMap(({ seq, job, kind }) => {
    const told = seen.get(seq);
    if (told?.job === job && told.kind === kind) return [];
    return [
      `seq ${seq} is ${kind} of ${job} and was told as ${told === undefined ? "nothing" : `${told.kind} of ${told.job}`}`,
    ];
  });
}

/** One after the other in the order in which they were acknowledged: by the seqs, and by the ledger. */
function order({ records, ledger }: Evidence): string[] {
  const place = new Map<string, number>();
  const starts = new Map<string, number>();
  const effects = new Map<string, number>();
  ledger.forEach((line, index) => {
    if (line.kind === "acknowledged") place.set(line.job, index);
    if (line.kind === "started" && !starts.has(line.job)) starts.set(line.job, index);
    if (line.kind === "effect") effects.set(`${line.job} ${line.attempt}`, index);
  });
  const talks = Map.groupBy(
    records.jobs.filter((job) => job.conversation_id !== null),
    (job) => job.conversation_id,
  );
  const endOf = (job: JobRecord) => records.eventsOf(job.id).findLast(({ kind }) => isEnd(kind))?.seq ?? Infinity;
  const startOf = (job: JobRecord) =>
    records.eventsOf(job.id).find(({ kind }) => kind === "job-started")?.seq ?? Infinity;
  // One that was given up after its last worker was stopped may have its effect when that worker wakes: it counts no more.
  const effectOf = (job: JobRecord) => (job.state === "dead" ? -1 : (effects.get(`${job.id} ${job.attempt}`) ?? -1));
  return [...talks.values()].flatMap((jobs) => [
    ...pairs(jobs)
      .filter(([first, second]) => endOf(first) > startOf(second))
      .map(([first, second]) => `${second.id} began before ${first.id} had ended`),
    ...pairs(jobs)
      .filter(([first, second]) => effectOf(first) > (starts.get(second.id) ?? Infinity))
      .map(([first, second]) => `${second.id} began, says the ledger, before ${first.id} had its effect`),
    ...pairs(jobs.filter((job) => place.has(job.id)))
      .filter(([first, second]) => (place.get(first.id) ?? 0) > (place.get(second.id) ?? 0))
      .map(([first, second]) => `${first.id} was acknowledged after ${second.id}, but stands before it`),
  ]);
}

const pairs = <T>(list: readonly T[]): [T, T][] =>
  list.slice(1).flatMap((second, index) => {
    const first = list[index];
    return first === undefined ? [] : [[first, second]];
  });

/** More jobs than anybody may have sent, or two of one message. */
function uninvited({ records, ledger, unsure }: Evidence): string[] {
  const known = new Set(linesOf(ledger, "acknowledged").map(({ job }) => job));
  const unknown = records.jobs.filter(({ id }) => !known.has(id));
  const tooMany =
    unknown.length > unsure ? [`${unknown.length} jobs were not acknowledged, but only ${unsure} may be`] : [];
  const doubles = [...Map.groupBy(records.jobs, ({ prompt }) => hearTask(prompt).message)]
    .filter(([, jobs]) => jobs.length > 1)
    .map(([message, jobs]) => `message ${message} made ${jobs.length} jobs`);
  return [...tooMany, ...doubles];
}

/** A handler asks the provider about its sandbox before it ends. */
function killedTooEarly({ records }: Evidence): string[] {
  return records.jobs.flatMap(({ id }) =>
    records
      .attemptsOf(id)
      .filter(({ errorCode }) => errorCode === "sandbox")
      .map(({ attempt }) => `the sandbox of attempt ${attempt} of ${id} was killed under it`),
  );
}
