// The sentence that goes with a result.
import type { Plan } from "./plan.ts";

/** Markdown: what was understood and done, then the facts from stdout where they are the answer. */
export function answer(plan: Plan, outcome: { readonly stdout: string }): string {
  return `${plan.title}\n\n${outcome.stdout}`;
}
