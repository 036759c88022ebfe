// Words and file profiles → a plan.
import type { PlanRequest, PlanResult } from "./plan.ts";

/** What to do about `prompt`. Pure and quick: no model, no I/O, no clock. */
export function plan(request: PlanRequest): PlanResult {
  return { kind: "refuse", message: request.prompt };
}
