// What was said and run in a conversation before, as a model reads it: the person's words, the cells as its own calls, the
// answers. Made of what is in the database, whoever answered then.
import { cellsOfJob, type Cell } from "../../shared/cells.ts";
import { messagesOf } from "../../shared/conversations.ts";
import type { Tx } from "../../shared/db.ts";
import { jobsOfConversation } from "../../shared/jobs.ts";
import type { Job } from "../../shared/types.ts";
import { ends } from "../workbench.ts";
import type { Message } from "./model.ts";

const MAX_CODE = 4_000;
const MAX_OUTPUT = 1_500;
const MAX_ANSWER = 8_000;
/** So many turns are enough for any model; find_earlier knows the others. */
const MAX_TURNS = 60;

export function historyOf(tx: Tx, conversationId: string, jobId: string): readonly Message[] {
  const jobs = jobsOfConversation(tx, conversationId).filter(
    ({ id, status }) => id !== jobId && (status === "completed" || status === "failed"),
  );
  return jobs.slice(-MAX_TURNS).flatMap((job) => turnOf(tx, job));
}

function turnOf(tx: Tx, job: Job): readonly Message[] {
  const asked = job.input.prompt ?? job.input.code ?? "";
  const answered =
    job.output?.error === undefined ? (job.output?.text ?? "") : `(This failed: ${job.output.error.message})`;
  const cells = cellsOfJob(tx, job.id).flatMap((cell, index) => cellOf(cell, `${job.id}-${index}`));
  return [
    { role: "user", text: asked === "" ? "(files without words)" : ends(asked, MAX_ANSWER) },
    ...cells,
    { role: "assistant", text: ends(answered, MAX_ANSWER) || "(no words)", calls: [] },
  ];
}

function cellOf(cell: Cell, id: string): readonly Message[] {
  const [name, input] =
    cell.kind === "python"
      ? ["run_python", { code: ends(cell.code, MAX_CODE) }]
      : ["run_shell", { command: ends(cell.code, MAX_CODE) }];
  const call = { id: `call_${Bun.hash(id).toString(36)}`, name, input };
  const text = ends(cell.output, MAX_OUTPUT) || "(no output)";
  return [
    { role: "assistant", text: "", calls: [call] },
    { role: "tool", results: [{ call, text, isError: cell.outcome !== "ok" }] },
  ];
}

export type Found = { readonly who: "person" | "assistant"; readonly text: string };

const AROUND = 300;

/** Passages of this conversation with all of these words, the newest first. */
export function findEarlier(tx: Tx, conversationId: string, jobId: string, words: string, limit: number): Found[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [];
  const jobs = new Map(jobsOfConversation(tx, conversationId).map((job) => [job.id, job]));
  const said = messagesOf(tx, conversationId)
    .filter((message) => message.jobId !== jobId)
    .flatMap(({ text, jobId: answeredBy }): Found[] => [
      { who: "person", text },
      { who: "assistant", text: jobs.get(answeredBy ?? "")?.output?.text ?? "" },
    ]);
  return said
    .filter(({ text }) => wanted.every((word) => text.toLowerCase().includes(word)))
    .toReversed()
    .slice(0, limit)
    .map(({ who, text }) => ({ who, text: around(text, wanted[0] ?? "") }));
}

function around(text: string, word: string): string {
  const at = Math.max(0, text.toLowerCase().indexOf(word));
  return text.slice(Math.max(0, at - AROUND), at + AROUND);
}
