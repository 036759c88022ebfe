// The routes of jobs: see them, stop one, run one again, follow what happens.
import { z } from "zod";
import { cancelJob, restartJob } from "../shared/control.ts";
import type { Board, Tx } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import { eventsAfter, latestSeq } from "../shared/events.ts";
import { attemptsOf, listJobs, readJob, readRun, type Attempt, type Run } from "../shared/jobs.ts";
import { JOB_STATES, type JobState, type JobView } from "../shared/types.ts";
import { viewJob } from "../shared/views.ts";
import { route, type Route } from "./http.ts";

export type JobDesk = {
  readonly board: Board;
  readonly now: () => number;
  /** Wakes the worker and whoever follows the events. */
  readonly nudge: () => void;
};

const Limit = z.coerce.number().int().min(1).max(1_000);
const Seq = z.coerce.number().int().min(0);
/** One state or several, separated by commas. */
const States = z
  .string()
  .transform((list) => list.split(",").map((state) => state.trim()))
  .pipe(z.array(z.enum(JOB_STATES)));

export function jobRoutes(desk: JobDesk): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/jobs",
      summary: "Jobs, the newest first; `before` (a job's id) pages backwards, `state` (failed,dead) chooses",
      auth: "paired",
      query: z.object({
        limit: z.coerce.number().int().min(1).max(100).default(50),
        before: z.string().optional(),
        state: States.optional(),
      }),
      status: 200,
      handle: ({ query }) => ({ jobs: desk.board.read((tx) => jobList(tx, query)) }),
    }),
    route({
      method: "GET",
      path: "/api/jobs/:id",
      summary: "One job with its artifacts, code and steps, where it stands, and how its attempts ended",
      auth: "paired",
      status: 200,
      handle: ({ params }) => desk.board.read((tx) => fileOf(tx, params["id"] ?? "")),
    }),
    ...steeringRoutes(desk),
    route({
      method: "GET",
      path: "/api/events",
      summary: "What happened after `after`, of all jobs or of one",
      auth: "paired",
      query: z.object({ after: Seq.default(0), job: z.string().optional(), limit: Limit.default(500) }),
      status: 200,
      handle: ({ query }) =>
        desk.board.read((tx) => ({ events: eventsAfter(tx, query.after, query.limit, query.job), seq: latestSeq(tx) })),
    }),
  ];
}

function steeringRoutes(desk: JobDesk): Route[] {
  return [
    route({
      method: "POST",
      path: "/api/jobs/:id/cancel",
      summary: "Stop a job",
      auth: "paired",
      status: 202,
      handle: async ({ params }) => {
        const id = params["id"] ?? "";
        await cancelJob(desk.board, id, desk.now());
        desk.nudge();
        return { job: viewOf(desk, id) };
      },
    }),
    route({
      method: "POST",
      path: "/api/jobs/:id/retry",
      summary: "Run a job again that failed or was stopped, or at once one that waits for its time",
      auth: "paired",
      status: 202,
      handle: async ({ params }) => {
        const id = params["id"] ?? "";
        if ((await restartJob(desk.board, id, desk.now())) === "refused") throw notAgain(viewOf(desk, id).state);
        desk.nudge();
        return { job: viewOf(desk, id) };
      },
    }),
  ];
}

type ListQuery = {
  readonly limit: number;
  readonly before?: string | undefined;
  readonly state?: readonly JobState[] | undefined;
};

function jobList(tx: Tx, { limit, before, state }: ListQuery): JobView[] {
  const filter = {
    ...(before === undefined ? {} : { before }),
    ...(state === undefined ? {} : { states: state }),
  };
  return listJobs(tx, limit, filter).map((job) => viewJob(tx, job));
}

/** Everything that is known of one job. */
function fileOf(tx: Tx, id: string): { job: JobView; run: Run | null; attempts: Attempt[] } {
  return { job: viewIn(tx, id), run: readRun(tx, id), attempts: attemptsOf(tx, id) };
}

const viewOf = (desk: JobDesk, id: string): JobView => desk.board.read((tx) => viewIn(tx, id));

function viewIn(tx: Tx, id: string): JobView {
  const job = readJob(tx, id);
  if (job === null) throw new AppError("not_found", "There is no such job.");
  return viewJob(tx, job);
}

function notAgain(state: JobState): AppError {
  const why =
    state === "done"
      ? "It has been done, and what is done is not done again. Send the message once more instead."
      : "It runs or waits for its turn already. Stop it first, then it can be run again.";
  return new AppError("conflict", why);
}
