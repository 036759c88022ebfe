// A look at the board from outside, at the very moment of a kill: it changes nothing.
import { openBoard } from "../../src/shared/db.ts";
import { latestSeq } from "../../src/shared/events.ts";
import { integer } from "../../src/shared/rows.ts";

export type Observer = Disposable & {
  /** Jobs that a worker could take now. */
  readonly ready: () => number;
  /** Jobs that have not ended. */
  readonly open: () => number;
  readonly running: () => number;
  /** Jobs that run in the worker with this pid, by their rows. */
  readonly heldBy: (pid: number) => number;
  /** Jobs whose public row says something else than their run. */
  readonly mismatches: () => number;
  readonly newestSeq: () => number;
  /** Whether anybody can write, or is kept from it for so long. */
  readonly canWrite: (withinMs: number) => Promise<boolean>;
};

const MISMATCHES = `
SELECT (SELECT count(*) FROM jobs LEFT JOIN job_run ON job_id = id WHERE job_id IS NULL
  OR status <> CASE state WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running' WHEN 'failed' THEN 'failed'
    WHEN 'dead' THEN 'failed' WHEN 'cancelled' THEN 'failed' ELSE 'pending' END
  OR (finished_at IS NULL) <> (status = 'pending' OR status = 'running'))
  + (SELECT count(*) FROM job_run LEFT JOIN jobs ON id = job_id WHERE id IS NULL) AS count`;

export function observe(database: string): Observer {
  const board = openBoard(database);
  const count = (sql: string, ...values: string[]) =>
    board.read((tx) => integer.parse(tx.get(sql, ...values)?.["count"]));
  return {
    ready: () => count("SELECT count(*) AS count FROM job_run WHERE state = 'ready'"),
    open: () => count("SELECT count(*) AS count FROM job_run WHERE finished_at IS NULL"),
    running: () => count("SELECT count(*) AS count FROM job_run WHERE state = 'running'"),
    // The worker's id begins with its pid.
    heldBy: (pid) =>
      count("SELECT count(*) AS count FROM job_run WHERE state = 'running' AND worker_id GLOB ?", `${pid}-*`),
    mismatches: () => count(MISMATCHES),
    newestSeq: () => board.read(latestSeq),
    canWrite: (withinMs) => Promise.race([board.write(() => true, "soft"), Bun.sleep(withinMs).then(() => false)]),
    [Symbol.dispose]: () => board.close(),
  };
}
