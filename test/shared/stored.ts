// A board with a storage of its own, and rows of files that may be there or not.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { insertArtifact } from "../../src/shared/artifacts.ts";
import { insertUpload } from "../../src/shared/uploads.ts";
import { temporaryBoard, uploadedFile, type TemporaryBoard } from "./temporary.ts";

export function storagePlace() {
  const board = temporaryBoard();
  const storage = join(board.folder, "storage");
  mkdirSync(join(storage, "uploads"), { recursive: true });
  mkdirSync(join(storage, "outputs"));
  const put = (path: string, text = "abc") => {
    mkdirSync(join(storage, path, ".."), { recursive: true });
    writeFileSync(join(storage, path), text);
    return path;
  };
  return { ...board, [Symbol.dispose]: () => board[Symbol.dispose](), storage, put };
}

export const newId = () => `${Bun.randomUUIDv7()}.csv`;
export const addUpload = ({ board }: Pick<TemporaryBoard, "board">, id: string, bytes = 3) =>
  board.write((tx) => insertUpload(tx, { ...uploadedFile(id), bytes }, 1));

export async function addArtifact({ board }: Pick<TemporaryBoard, "board">, path: string, bytes = 3): Promise<void> {
  const [jobId, id] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
  await board.write((tx) => {
    tx.run("INSERT INTO jobs (id, type, status) VALUES (?, 'chat', 'completed')", jobId);
    insertArtifact(tx, { id, jobId, name: "a", path, mediaType: "text/plain", bytes, sha256: "00" }, 1);
  });
}
