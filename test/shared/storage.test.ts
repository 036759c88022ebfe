// What storage/ holds: how much there is room for, and which files are nobody's.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { insertArtifact } from "../../src/shared/artifacts.ts";
import { AppError } from "../../src/shared/errors.ts";
import {
  assertStorageRoom,
  forgetUnsafe,
  inputNames,
  insideStorage,
  missingFiles,
  namedFiles,
  orphansOf,
  storageRoom,
  storageUsage,
  sweepStorage,
  YOUNG_MS,
} from "../../src/shared/storage.ts";
import { insertUpload } from "../../src/shared/uploads.ts";
import { temporaryBoard, uploadedFile, type TemporaryBoard } from "./temporary.ts";

const GIB = 2 ** 30;

function place() {
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

const newId = () => `${Bun.randomUUIDv7()}.csv`;
const addUpload = ({ board }: Pick<TemporaryBoard, "board">, id: string, bytes = 3) =>
  board.write((tx) => insertUpload(tx, { ...uploadedFile(id), bytes }, 1));

async function addArtifact({ board }: Pick<TemporaryBoard, "board">, path: string, bytes = 3): Promise<void> {
  const [jobId, id] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
  await board.write((tx) => {
    tx.run("INSERT INTO jobs (id, type, status) VALUES (?, 'chat', 'completed')", jobId);
    insertArtifact(tx, { id, jobId, name: "a", path, mediaType: "text/plain", bytes, sha256: "00" }, 1);
  });
}

/** When nothing is young any more. */
const later = () => Date.now() + YOUNG_MS + 1_000;

const filesOf = (storage: string, place: string): string[] =>
  readdirSync(join(storage, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(storage, place), join(entry.parentPath, entry.name)))
    .toSorted();

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("the quota", () => {
  test("counts uploads and results together", async () => {
    using here = place();
    expect(here.board.read(storageUsage)).toEqual({ uploads: 0, uploadBytes: 0, artifacts: 0, artifactBytes: 0 });
    await addUpload(here, newId(), 2 * GIB);
    await addArtifact(here, "storage/outputs/a/b", GIB);
    expect(here.board.read(storageUsage)).toEqual({
      uploads: 1,
      uploadBytes: 2 * GIB,
      artifacts: 1,
      artifactBytes: GIB,
    });
    expect(here.board.read((tx) => storageRoom(tx, { storageBytes: 5 * GIB }))).toBe(2 * GIB);
    expect(here.board.read((tx) => storageRoom(tx, { storageBytes: 2 * GIB }))).toBe(0);
  });

  test("lets in what fits to the byte, and refuses one more with a sentence that says what helps", async () => {
    using here = place();
    await addUpload(here, newId(), 3 * GIB);
    const ask = (bytes: number) => here.board.read((tx) => assertStorageRoom(tx, { storageBytes: 5 * GIB }, bytes));
    expect(() => ask(2 * GIB)).not.toThrow();
    expect(() => ask(2 * GIB + 1)).toThrow(AppError);
    expect(() => ask(2 * GIB + 1)).toThrow(
      /may take 5 GiB together, and 2 GiB of that are left.*SANDPIPER_STORAGE_GB\.$/,
    );
  });
});

test.each([
  ["storage/uploads/a.csv", "uploads/a.csv"],
  ["storage/uploads/folder/a.csv", "uploads/folder/a.csv"],
  ["storage/uploads/…\n\u202E", "uploads/…\n\u202E"],
  ["storage/outputs/job/graph.png", "outputs/job/graph.png"],
  ["storage/outputs/graph.png", null],
  ["storage/outputs/job/1-mgb2/graph.png", "outputs/job/1-mgb2/graph.png"],
  ["storage/outputs/a/b/c/d/e/f/g/h", "outputs/a/b/c/d/e/f/g/h"],
  ["storage/outputs/a/b/c/d/e/f/g/h/i", null],
  ["storage/uploads", null],
  ["storage/uploads/", null],
  ["storage/uploads/../../secret", null],
  ["storage/uploads/./a", null],
  ["storage/outputs/../secret", null],
  ["storage/temp/a.csv", null],
  ["/storage/uploads/a.csv", null],
  ["/etc/passwd", null],
  ["storage/uploads/a\0b", null],
  [`storage/uploads/${"ä".repeat(128)}`, null],
  ["", null],
])("the path %p of a row is %p inside storage", (path, inside) => expect(insideStorage(path)).toBe(inside));

describe("the sweep", () => {
  test("deletes old uploads, parts and results that no row names, and counts them", async () => {
    using here = place();
    const [kept, orphan] = [newId(), newId()];
    await addUpload(here, kept);
    await addArtifact(here, "storage/outputs/job-a/graph.png");
    await addArtifact(here, "storage/outputs/job-a/2-mgb2/graph.png");
    for (const path of [`uploads/${kept}`, "outputs/job-a/graph.png", "outputs/job-a/2-mgb2/graph.png"]) here.put(path);
    here.put(`uploads/${orphan}`, "12345");
    here.put(`uploads/.${newId()}.part`, "1");
    here.put("outputs/job-a/1-mgb1/.graph.png.part", "22");
    here.put("outputs/job-a/2-mgb2/late.txt", "4444");
    here.put("outputs/job-b/left.txt", "333");
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 5, bytes: 15, missing: [] });
    expect(readdirSync(join(here.storage, "uploads"))).toEqual([kept]);
    expect(filesOf(here.storage, "outputs")).toEqual(["job-a/2-mgb2/graph.png", "job-a/graph.png"]);
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 0, bytes: 0, missing: [] });
  });

  test("leaves alone what is young: its row may be on the way", async () => {
    using here = place();
    here.put(`uploads/${newId()}`);
    here.put("outputs/job/graph.png");
    expect(await collect(orphansOf(here.board, here.storage, Date.now() + YOUNG_MS - 5_000))).toEqual([]);
    expect(await collect(orphansOf(here.board, here.storage, later()))).toHaveLength(2);
  });

  test("takes a copy that brought an old date along for as young as it is", async () => {
    using here = place();
    utimesSync(join(here.storage, here.put(`uploads/${newId()}`)), new Date(1_000), new Date(1_000));
    expect(await collect(orphansOf(here.board, here.storage, Date.now()))).toEqual([]);
  });

  test("leaves alone what other programs put into storage, by name or because a job names it", async () => {
    using here = place();
    const named = newId();
    await here.board.write((tx) => {
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('a', 'chat', ?)", JSON.stringify({ files: [named] }));
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('b', 'chat', 'not json')");
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('c', 'chat', x'00')");
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('d', 'chat', '{\"files\":\"text\"}')");
    });
    for (const path of [`uploads/${named}`, "uploads/sales.csv", "uploads/deep/x.csv", "temp/x.part", "notes.txt"])
      here.put(path);
    here.put("outputs/loose.txt");
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 0, bytes: 0, missing: [] });
    expect(readdirSync(join(here.storage, "uploads")).toSorted()).toEqual([named, "deep", "sales.csv"].toSorted());
  });

  test("never follows a link out of storage, and leaves the link", async () => {
    using here = place();
    const outside = join(here.folder, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, newId()), "precious");
    symlinkSync(outside, join(here.storage, "outputs/job"));
    symlinkSync(join(outside, readdirSync(outside)[0] ?? ""), join(here.storage, "uploads", newId()));
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ files: 0 });
    rmSync(join(here.storage, "uploads"), { recursive: true });
    symlinkSync(outside, join(here.storage, "uploads"));
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ files: 0 });
    expect(readdirSync(outside)).toHaveLength(1);
  });

  test("takes away the empty folders of attempts and of jobs that are gone, an hour later", async () => {
    using here = place();
    await here.board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('here', 'chat')"));
    const folders = ["gone", "here", "here/1-mgb1", "here/theirs"];
    for (const name of folders) mkdirSync(join(here.storage, "outputs", name));
    const left = () => readdirSync(join(here.storage, "outputs"), { recursive: true }).map(String).toSorted();
    await sweepStorage(here.board, here.storage, Date.now());
    expect(left()).toEqual(folders);
    await sweepStorage(here.board, here.storage, later());
    expect(left()).toEqual(["here", "here/theirs"]);
  });

  test("tells of rows whose bytes are gone, and leaves the rows", async () => {
    using here = place();
    const id = newId();
    await addUpload(here, id);
    await addArtifact(here, "storage/outputs/job/graph.png");
    await addArtifact(here, "../../etc/passwd");
    mkdirSync(join(here.storage, "outputs/job/graph.png"), { recursive: true });
    const missing = [`storage/uploads/${id}`, "../../etc/passwd", "storage/outputs/job/graph.png"];
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ missing });
    expect(here.value("SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM artifacts)")).toBe(3);
  });

  test("survives files and folders that vanish while it looks", async () => {
    using here = place();
    for (let count = 0; count < 20; count += 1) here.put(`outputs/job-${count}/a.txt`);
    let seen = 0;
    for await (const orphan of orphansOf(here.board, here.storage, later())) {
      seen += 1;
      if (seen === 1)
        for (let count = 0; count < 20; count += 1) removeUnless(here.storage, `job-${count}`, orphan.path);
    }
    expect(seen).toBe(1);
    rmSync(here.storage, { recursive: true });
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 0, bytes: 0, missing: [] });
  });
});

function removeUnless(storage: string, job: string, path: string): void {
  if (!path.startsWith(`outputs/${job}/`)) rmSync(join(storage, "outputs", job), { recursive: true });
}

test("every name of a board with thousands of them is told once", async () => {
  using here = place();
  await here.board.write((tx) => {
    for (let count = 0; count < 1_203; count += 1) {
      insertUpload(tx, uploadedFile(`u${count}`), 1);
      tx.run(
        "INSERT INTO jobs (id, type, input_context) VALUES (?, 'chat', ?)",
        `j${count}`,
        JSON.stringify({ files: [`f${count}`] }),
      );
    }
    tx.run("DELETE FROM jobs WHERE rowid BETWEEN 400 AND 1100");
  });
  const uploads = [...namedFiles(here.board)].flat();
  expect([uploads.length, new Set(uploads).size]).toEqual([1_203, 1_203]);
  const inputs = [...inputNames(here.board)].flat();
  expect([inputs.length, new Set(inputs).size]).toEqual([502, 502]);
  expect(await missingFiles(here.board, here.storage)).toHaveLength(1_203);
});

test("rows that name a file outside of storage can be forgotten, all others stay", async () => {
  using here = place();
  await addUpload(here, "../../etc/passwd");
  await addUpload(here, "good.csv");
  await addArtifact(here, "/etc/passwd");
  await addArtifact(here, "storage/outputs/job/graph.png");
  await here.board.write(forgetUnsafe);
  expect([...namedFiles(here.board)].flat()).toEqual(["storage/uploads/good.csv", "storage/outputs/job/graph.png"]);
  expect(existsSync("/etc/passwd")).toBe(true);
});
