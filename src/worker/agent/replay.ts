// A conversation's variables and files in a fresh sandbox: its cells are run again, in order, and the digest of what comes of
// them is compared with the one that was taken then.
import { z } from "zod";
import { recordState, type Cell } from "../../shared/cells.ts";
import type { Board } from "../../shared/db.ts";
import { parseJson } from "../../shared/rows.ts";
import { createConsole } from "../console.ts";
import type { JobSandbox } from "../e2b_client.ts";
import digestSource from "./digest.py" with { type: "text" };
import preludeSource from "./prelude.py" with { type: "text" };

const PREFIX = "SANDPIPER-STATE ";
const MAX_STATE_BYTES = 2 ** 20;

type State = Readonly<Record<string, string>>;

export type Replayed = {
  readonly cells: number;
  /** Names whose values are not what they were; for the model, so that it does not rely on them. */
  readonly different: readonly string[];
  /** Cells that had a way out then are not run without it. */
  readonly skipped: number;
  /** There was no time for all of them. */
  readonly isCutShort: boolean;
};

/** First thing in every sandbox of the conversation. */
export async function begin(sandbox: JobSandbox, conversationId: string, timeoutMs: number): Promise<void> {
  const seed = Number(Bun.hash(conversationId) % 2n ** 31n);
  const code = `${preludeSource}\n_sandpiper_prelude(${seed})\ndel _sandpiper_prelude`;
  await sandbox.run(code, { timeoutMs, onOutput: () => undefined });
}

/** Says nothing to anybody; within `timeoutMs`. `before` is how it was left then. */
export async function replay(
  sandbox: JobSandbox,
  cells: readonly Cell[],
  before: State | null,
  timeoutMs: number,
): Promise<Replayed> {
  const giveUpAt = performance.now() + timeoutMs;
  let [ran, skipped] = [0, 0];
  for (const cell of cells) {
    const left = giveUpAt - performance.now();
    if (left <= 0) return { cells: ran, different: [], skipped, isCutShort: true };
    if (cell.hadNetwork) skipped += 1;
    else {
      await again(sandbox, cell, left);
      ran += 1;
    }
  }
  const now = before === null ? null : await stateOf(sandbox, Math.max(1_000, giveUpAt - performance.now()));
  return {
    cells: ran,
    different: before === null || now === null ? [] : differences(before, now),
    skipped,
    isCutShort: false,
  };
}

async function again(sandbox: JobSandbox, cell: Cell, timeoutMs: number): Promise<void> {
  const options = { timeoutMs, onOutput: () => undefined };
  // One that failed then fails again at the same place; what it had done before that, it does again.
  if (cell.kind === "shell") await sandbox.command(cell.code, options);
  else await sandbox.run(cell.code, options);
}

/** Null: the sandbox would not say. */
export async function stateOf(sandbox: JobSandbox, timeoutMs: number): Promise<State | null> {
  const output = createConsole(null, MAX_STATE_BYTES);
  const { error } = await sandbox.run(digestSource, { timeoutMs, onOutput: output.write });
  const line = output
    .stdout()
    .split("\n")
    .find((one) => one.startsWith(PREFIX));
  if (error !== null || line === undefined) return null;
  const state = z.record(z.string().max(500), z.string().max(64)).safeParse(parseJson(line.slice(PREFIX.length)));
  return state.success ? state.data : null;
}

/** For the next time. */
export async function keepState(sandbox: JobSandbox, board: Board, jobId: string, timeoutMs: number): Promise<void> {
  const state = await stateOf(sandbox, timeoutMs);
  if (state !== null) await recordState(board, jobId, state);
}

export function differences(before: State, now: State): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((name) => before[name] !== now[name])
    .sort();
}
