// What a job of the chaos run is to do, carried in its prompt.
import { z } from "zod";

const Task = z.object({
  /** The message or row that asks for it: one job each. */
  message: z.string(),
  /** How long it works (ms). */
  ms: z.number(),
  /** Does it in a sandbox. */
  hasSandbox: z.boolean(),
  /** Pieces of output that it tells on the way. */
  deltas: z.number(),
  /** `once`: its first attempt ends in a failure that may pass. `always`: its code is wrong. */
  fails: z.enum(["never", "once", "always"]),
  /** Does not hear that it is to stop, so that a late result is handed in. */
  isStubborn: z.boolean(),
});
export type Task = z.infer<typeof Task>;

export const sayTask = (task: Task): string => `task ${JSON.stringify(task)}`;

export const hearTask = (prompt: string): Task => Task.parse(JSON.parse(prompt.slice("task ".length)));

/** Mostly short, now and then long enough for everything to happen meanwhile. */
export function randomTask(message: string, hasDeltas: boolean): Task {
  const isLong = Math.random() < 0.08;
  return {
    message,
    ms: Math.round(isLong ? 400 + Math.random() * 1_200 : Math.random() * 120),
    hasSandbox: Math.random() < 0.25,
    deltas: hasDeltas && Math.random() < 0.4 ? 1 + Math.floor(Math.random() * 4) : 0,
    fails: pick(Math.random()),
    isStubborn: Math.random() < 0.5,
  };
}

function pick(random: number): Task["fails"] {
  if (random < 0.03) return "once";
  return random < 0.05 ? "always" : "never";
}
