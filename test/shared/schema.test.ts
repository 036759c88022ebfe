// What a board consists of, compared with a new one.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openBoard } from "../../src/shared/db.ts";
import { schemaFault } from "../../src/shared/schema.ts";
import { makeOldBoard, OLD_VERSIONS } from "./old_boards.ts";
import { sqliteShell, temporaryBoard, temporaryFolder } from "./temporary.ts";

test("a board has no fault when it is new, after ANALYZE, and as a copy", () => {
  using place = temporaryBoard();
  expect(schemaFault(place.board)).toBe(null);
  sqliteShell(place.file, "ANALYZE");
  expect(schemaFault(place.board)).toBe(null);
  const file = join(place.folder, "copy.db");
  place.board.copyTo(file);
  const copy = openBoard(file);
  expect(schemaFault(copy)).toBe(null);
  copy.close();
});

test.each(OLD_VERSIONS)("a board of version $version has none once it is of this one", (version) => {
  using folder = temporaryFolder();
  const file = join(folder.path, "jobs.db");
  makeOldBoard(file, version, 1);
  const board = openBoard(file);
  expect(schemaFault(board)).toBe(null);
  board.close();
});

test.each([
  ["DROP INDEX job_ready", "no index job_ready"],
  ["DROP VIEW strangers; CREATE VIEW strangers AS SELECT 1", "no trigger strangers_insert"],
  ["DROP INDEX job_ready; CREATE INDEX job_ready ON job_run (turn)", "another index job_ready than Sandpiper's"],
  ['CREATE TABLE "jobs " (a)', "a table “jobs ” that is not Sandpiper's"],
  ["CREATE INDEX theirs ON jobs (created_at)", "an index “theirs” that is not Sandpiper's"],
])("what was done by %p is told", (sql, fault) => {
  using place = temporaryBoard();
  sqliteShell(place.file, sql);
  expect(schemaFault(place.board)).toBe(fault);
});
