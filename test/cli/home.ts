// A folder of Sandpiper's with a board and files in it, named as badly as names can be; and backups that were tampered with.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { readArchive, writeArchive } from "../../src/cli/archive.ts";
import { insertArtifact } from "../../src/shared/artifacts.ts";
import { openBoard } from "../../src/shared/db.ts";
import { insertUpload } from "../../src/shared/uploads.ts";
import { sqliteShell, temporaryFolder, type TemporaryFolder } from "../shared/temporary.ts";

export const HOSTILE_NAMES = [
  "graph.png",
  "-rf",
  " two  words ",
  "line\nbreak.csv",
  "\u202Egnp.exe",
  "quote'\"$(id)`id`.csv",
  "back\\slash",
  "..hidden",
  "ü".repeat(100),
  "x".repeat(140),
  "表計算.xlsx",
  "manifest.json",
];

export type Home = TemporaryFolder & { readonly file: string };

/** One upload and one artifact for each name, an empty one, one of a megabyte, and a stranger's job with files of its own. */
export async function temporaryHome(names: readonly string[] = HOSTILE_NAMES): Promise<Home> {
  const folder = temporaryFolder();
  const home = { ...folder, file: join(folder.path, "data/jobs.db") };
  const board = openBoard(home.file);
  for (const [index, name] of names.entries()) {
    const body = index === 0 ? "" : index === 1 ? "noise".repeat(2 ** 18) : `${name}\n`;
    const [uploadId, jobId] = [`${Bun.randomUUIDv7()}.csv`, `job-${index}`];
    const facts = { mediaType: "text/csv", bytes: Buffer.byteLength(body), sha256: sha256(body) };
    const path = `storage/outputs/${jobId}/${name}`;
    put(folder.path, `storage/uploads/${uploadId}`, body);
    put(folder.path, path, body);
    await board.write((tx) => {
      tx.run("INSERT INTO jobs (id, type, status, input_context) VALUES (?, 'chat', 'completed', ?)", jobId, name);
      insertUpload(tx, { id: uploadId, name, ...facts }, 1);
      insertArtifact(tx, { id: Bun.randomUUIDv7(), jobId, name, path, ...facts }, 1);
    });
  }
  for (const name of ["sales 2026.csv", "deep/er/x.csv"]) put(folder.path, `storage/uploads/${name}`, name);
  const files = ["sales 2026.csv", "deep/er/x.csv", "not there.csv", "../../data/token", "/etc/passwd"];
  // A moment in nanoseconds: no number of ours holds it.
  const sql =
    "INSERT INTO jobs (id, type, input_context, created_at) VALUES ('stranger', 'code_exec', ?, 1795000000000000000)";
  await board.write((tx) => tx.run(sql, JSON.stringify({ files })));
  board.close();
  put(folder.path, "data/token", "token of this machine");
  put(folder.path, "storage/temp/mine.csv", "mine");
  return home;
}

export function put(home: string, path: string, body: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), body);
}

/** All rows, and the sum of every file of storage/ by its path. */
export function stateOf(home: string): { rows: string; files: Record<string, string> } {
  const storage = join(home, "storage");
  const paths = readdirSync(storage, { recursive: true }).map(String).toSorted();
  const files = paths.filter((path) => statSync(join(storage, path)).isFile());
  const dump = sqliteShell(join(home, "data/jobs.db"), ".dump");
  return {
    // SQLite's own, and empty.
    rows: indexesLast(dump.replace("DELETE FROM sqlite_sequence;\n", "")),
    files: Object.fromEntries(files.map((path) => [path, sha256(readFileSync(join(storage, path)))])),
  };
}

export const sha256 = (body: string | Uint8Array): string => createHash("sha256").update(body).digest("hex");

export type Piece = { readonly name: string; readonly body: Uint8Array };

/** What is in a backup, in its order. */
export async function piecesOf(archive: Uint8Array): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const { name, chunks } of readArchive(stream(gunzipSync(archive)))) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    pieces.push({ name, body: Buffer.concat(parts) });
  }
  return pieces;
}

export async function archiveOf(pieces: readonly Piece[]): Promise<Uint8Array> {
  return gzipSync(await tarOf(pieces));
}

export async function tarOf(pieces: readonly Piece[]): Promise<Buffer> {
  const entries = pieces.map(({ name, body }) => ({ name, bytes: body.byteLength, chunks: stream(body) }));
  const blocks: Uint8Array[] = [];
  for await (const block of writeArchive(stream(...entries))) blocks.push(block);
  return Buffer.concat(blocks);
}

/** The header of something that is no regular file: a link to `target`, a folder, a device, records of `bytes`. */
export async function headerOf(kind: string, name: string, target = "", bytes = 0): Promise<Buffer> {
  const block = (await tarOf([{ name, body: new Uint8Array() }])).subarray(0, 512);
  block.write(bytes.toString(8).padStart(11, "0"), 124);
  block.write(kind, 156);
  block.write(target, 157);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

export async function* stream<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** A copy has its indexes before its triggers, in whatever order they were made. */
function indexesLast(dump: string): string {
  const lines = dump.split("\n");
  const isIndex = (line: string) => /^CREATE (UNIQUE )?INDEX /.test(line);
  return [...lines.filter((line) => !isIndex(line)), ...lines.filter(isIndex)].join("\n");
}
