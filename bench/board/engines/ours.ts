// Sandpiper's board.
import { openBoard } from "../../../src/shared/db.ts";
import { enqueueJob, type NewJob } from "../../../src/shared/jobs.ts";
import { boardFile } from "../workshop.ts";
import { INPUT, JOB_TYPE, type Queue } from "./engine.ts";

export const newJob = (more: Partial<NewJob> = {}): NewJob => ({
  id: Bun.randomUUIDv7(),
  type: JOB_TYPE,
  input: INPUT,
  conversationId: null,
  files: [],
  ...more,
});

export function openOurs(home: string): Queue {
  const board = openBoard(boardFile(home));
  const add = () => enqueueJob(board, newJob(), Date.now());
  return { add, addMany: (count) => Promise.all(Array.from({ length: count }, add)), close: board.close };
}
