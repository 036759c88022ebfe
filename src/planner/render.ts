// A plan as a Python program that a person may read.
import type { Plan } from "./plan.ts";

/** Python for the sandbox: reads the file, computes, prints a short result, shows figures. Names enter as data only. */
export function render(plan: Plan): string {
  return plan.title;
}
