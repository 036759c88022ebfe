// What a board consists of. In one that comes from elsewhere nothing may be lacking, and nothing may be added: a trigger that
// somebody put into it would go on working after it was put back.
import { z } from "zod";
import { emptyBoard, type Board } from "./db.ts";
import { optionalText, text } from "./rows.ts";

const PartRow = z.object({ type: text, name: text, tbl_name: text, sql: optionalText });
type Part = z.infer<typeof PartRow>;

/** Tables of SQLite's own, by what makes them: a name proves nothing. Some come with ANALYZE, one goes with a copy. */
const INTERNAL = new Set([
  "CREATE TABLE sqlite_sequence(name,seq)",
  "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
  "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
]);

/** The first thing that is not as in a new board, as it goes on after “the board has”; null when all is as it should be. */
export function schemaFault(board: Board): string | null {
  const wanted = freshParts();
  const found = new Map(partsOf(board).map((part) => [keyOf(part), part]));
  for (const part of wanted) {
    const { type, name } = part;
    const other = found.get(keyOf(part));
    if (other === undefined) return `no ${type} ${name}`;
    if (other.sql !== part.sql || other.tbl_name !== part.tbl_name) return `another ${type} ${name} than Sandpiper's`;
    found.delete(keyOf(part));
  }
  const [added] = found.values();
  if (added === undefined) return null;
  const article = added.type === "index" ? "an" : "a";
  return `${article} ${added.type} “${added.name.slice(0, 100)}” that is not Sandpiper's`;
}

const keyOf = ({ type, name }: Part): string => `${type} ${name}`;

function freshParts(): Part[] {
  const fresh = emptyBoard();
  try {
    return partsOf(fresh);
  } finally {
    fresh.close();
  }
}

function partsOf(board: Board): Part[] {
  const sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
  const parts = board.read((tx) => tx.all(sql)).map((row) => PartRow.parse(row));
  return parts.filter((part) => !INTERNAL.has(part.sql ?? ""));
}
