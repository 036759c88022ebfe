// What a person allows: they were shown something with its hash, and decide about just that.
import { z } from "zod";
import { decideApproval } from "../shared/approvals.ts";
import type { Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import { route, type Route } from "./http.ts";

export type ApprovalDesk = {
  readonly board: Board;
  readonly now: () => number;
  /** Wakes the worker and whoever follows the events. */
  readonly nudge: () => void;
};

const Decision = z.strictObject({
  decision: z.enum(["approved", "refused"]),
  sha256: z.string().length(64),
});

export function approvalRoutes({ board, now, nudge }: ApprovalDesk): Route[] {
  return [
    route({
      method: "POST",
      path: "/api/approvals/:id",
      summary:
        "Say yes or no to what a job asked for; `sha256` is that of what was shown. A yes makes a job that goes on",
      auth: "paired",
      body: Decision,
      status: 200,
      handle: async ({ params, body }) => {
        const decided = await decideApproval(board, params["id"] ?? "", body.sha256, body.decision, now());
        if (decided.outcome !== "decided") throw refusalOf(decided.outcome);
        nudge();
        return { job_id: decided.jobId };
      },
    }),
  ];
}

function refusalOf(outcome: "unknown" | "changed" | "expired" | "known"): AppError {
  if (outcome === "unknown") return new AppError("not_found", "Nothing was asked under this id.");
  const why = {
    changed: "This is not what you were shown. Reload the page and look again.",
    expired: "This came too late: the question was a day old. Ask again.",
    known: "This has been decided already.",
  } as const;
  return new AppError("conflict", why[outcome]);
}
