// What storage/ holds by the rows: how much there is room for, and which files are named.
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { AppError } from "../../src/shared/errors.ts";
import {
  assertStorageRoom,
  forgetUnsafe,
  inputNames,
  insideStorage,
  missingFiles,
  namedFiles,
  storageRoom,
  storageUsage,
} from "../../src/shared/storage.ts";
import { insertUpload } from "../../src/shared/uploads.ts";
import { addArtifact, addUpload, newId, storagePlace } from "./stored.ts";
import { uploadedFile } from "./temporary.ts";

const GIB = 2 ** 30;

describe("the quota", () => {
  test("counts uploads and results together", async () => {
    using here = storagePlace();
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
    using here = storagePlace();
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
  ["storage/outputs/graph.png", "outputs/graph.png"],
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

test("every name of a board with thousands of them is told once", async () => {
  using here = storagePlace();
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
  using here = storagePlace();
  await addUpload(here, "../../etc/passwd");
  await addUpload(here, "good.csv");
  await addArtifact(here, "/etc/passwd");
  await addArtifact(here, "storage/outputs/job/graph.png");
  await here.board.write(forgetUnsafe);
  expect([...namedFiles(here.board)].flat()).toEqual(["storage/uploads/good.csv", "storage/outputs/job/graph.png"]);
  expect(existsSync("/etc/passwd")).toBe(true);
});
