// What a person wants to be known in every conversation.
import { z } from "zod";
import type { Board, Tx } from "./db.ts";
import { integer, text } from "./rows.ts";

export type Fact = { readonly id: number; readonly text: string };

/** All of them go along with every request to a model. */
export const MAX_FACTS = 40;
export const MAX_FACT_LENGTH = 200;

const Row = z.object({ id: integer, text });

/** False: there are too many already. One that is known stays as it is. */
export function rememberFact(board: Board, fact: string, jobId: string, now: number): Promise<boolean> {
  return board.write((tx) => {
    if (listFacts(tx).length >= MAX_FACTS) return false;
    tx.run(
      "INSERT INTO facts (text, job_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      fact.slice(0, MAX_FACT_LENGTH),
      jobId,
      now,
    );
    return true;
  });
}

/** False: there is no such fact. */
export function forgetFact(board: Board, id: number): Promise<boolean> {
  return board.write((tx) => tx.run("DELETE FROM facts WHERE id = ?", id) === 1);
}

export function listFacts(tx: Tx): Fact[] {
  return tx.all("SELECT id, text FROM facts ORDER BY id").map((row) => Row.parse(row));
}
