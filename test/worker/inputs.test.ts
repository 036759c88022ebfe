// The files that a job names, and what they are called inside.
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/shared/config.ts";
import { insertUpload } from "../../src/shared/uploads.ts";
import { findInputs } from "../../src/worker/inputs.ts";
import { rejectionOf, temporaryBoard, uploadedFile } from "../shared/temporary.ts";

function storage(...names: string[]) {
  const place = temporaryBoard();
  for (const name of names) {
    const path = join(place.folder, "storage", name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, name);
  }
  const config = loadConfig({ SANDPIPER_HOME: place.folder });
  const find = (...ids: string[]) => findInputs(ids, config, place.board);
  return { ...place, find };
}

test("an upload is called what its sender called it, a file of another program what it is called there", async () => {
  using place = storage("uploads/id-1.csv", "temp/theirs.csv");
  await place.board.write((tx) => insertUpload(tx, uploadedFile("id-1.csv", "Rain in May.csv"), 1));
  expect(await place.find("id-1.csv", "theirs.csv")).toEqual([
    {
      source: join(place.folder, "storage/uploads/id-1.csv"),
      name: "Rain in May.csv",
      target: "/home/user/Rain in May.csv",
    },
    { source: join(place.folder, "storage/temp/theirs.csv"), name: "theirs.csv", target: "/home/user/theirs.csv" },
  ]);
});

test("two of one name stay two", async () => {
  using place = storage("uploads/a/data.csv", "uploads/b/data.csv", "uploads/data-2.csv");
  expect((await place.find("a/data.csv", "b/data.csv", "data-2.csv", "a/data.csv")).map((file) => file.target)).toEqual(
    ["/home/user/data.csv", "/home/user/data-2.csv", "/home/user/data-2-2.csv", "/home/user/data-3.csv"],
  );
});

test("a name that harms is made harmless", async () => {
  using place = storage("uploads/id");
  await place.board.write((tx) => insertUpload(tx, uploadedFile("id", "../../.bashrc"), 1));
  expect((await place.find("id"))[0]?.target).toBe("/home/user/bashrc");
});

test.each([
  ["../data/jobs.db", "bad_request"],
  ["/etc/passwd", "bad_request"],
  ["gone.csv", "not_found"],
])("%s is refused with a sentence", async (name, code) => {
  using place = storage("uploads/a.csv");
  expect(await rejectionOf(place.find("a.csv", name))).toMatchObject({ code });
});
