// What became of one job, read from its rows: whether its events tell a story that can have happened.

export type Event = {
  readonly seq: number;
  readonly job: string;
  readonly attempt: number;
  readonly kind: string;
  /** Of a job-started: the attempt that it names. */
  readonly named: number | null;
};

export type Ending = { readonly attempt: number; readonly outcome: string };

const RETURNS = new Set(["job-retrying", "job-requeued"]);
const RETURN_OUTCOMES = new Set(["lost", "retrying", "handed-back"]);
const ENDS: { readonly [outcome: string]: string } = {
  done: "job-completed",
  failed: "job-failed",
  dead: "job-failed",
};

export const isEnd = (kind: string): boolean => kind === "job-completed" || kind === "job-failed";
export const isDelta = (kind: string): boolean => kind === "text-delta" || kind === "output-delta";

/** What is wrong with a job that has ended; null when nothing is. Events in the order of their seqs. */
export function faultOf(events: readonly Event[], attempt: number, endings: readonly Ending[]): string | null {
  let current = 0;
  let state: "new" | "waiting" | "running" | "ended" = "new";
  for (const event of events) {
    const next = step(state, current, event);
    if (next === null) return `${event.kind} of attempt ${event.attempt} while ${state} in attempt ${current}`;
    if (event.kind === "job-started") current += 1;
    state = next;
  }
  if (state !== "ended") return `it is ${state} at the end`;
  if (current !== attempt) return `${current} starts, but attempt ${attempt}`;
  if (endings.map((one) => one.attempt).join() !== Array.from({ length: attempt }, (_, index) => index + 1).join())
    return `attempts ${endings.map((one) => one.attempt).join()} of ${attempt}`;
  const last = endings.at(-1)?.outcome ?? "";
  if (ENDS[last] !== events.at(-1)?.kind) return `${events.at(-1)?.kind ?? "nothing"} at the end, but ${last}`;
  const wrong = endings.slice(0, -1).find((one) => !RETURN_OUTCOMES.has(one.outcome));
  return wrong === undefined ? null : `attempt ${wrong.attempt} of ${attempt} ended as ${wrong.outcome}`;
}

/** Null: it cannot come here. */
function step(state: "new" | "waiting" | "running" | "ended", attempt: number, event: Event) {
  if (event.kind === "job-created") return state === "new" ? "waiting" : null;
  if (event.kind === "job-started")
    return state === "waiting" && event.attempt === attempt + 1 && event.named === attempt + 1 ? "running" : null;
  if (state !== "running" || event.attempt !== attempt) return null;
  if (RETURNS.has(event.kind)) return "waiting";
  return isEnd(event.kind) ? "ended" : "running";
}
