// Log files that never fill the disk.
import { expect, test } from "bun:test";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rotatedFile } from "../../src/shared/rotate.ts";
import { temporaryFolder } from "./temporary.ts";

const contents = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));

test("a full file makes room, and only the newest few are kept", () => {
  using folder = temporaryFolder();
  const file = rotatedFile(join(folder.path, "logs/a.jsonl"), 8, 2);
  for (const line of ["one", "two", "three", "four", "five", "six", "seven"]) file.append(line);
  expect(contents(join(folder.path, "logs"))).toEqual({
    "a.jsonl": "seven\n",
    "a.jsonl.1": "six\n",
    "a.jsonl.2": "five\n",
  });
});

test("a line that is larger than a file is kept whole", () => {
  using folder = temporaryFolder();
  const file = rotatedFile(join(folder.path, "a"), 8, 1);
  file.append("x".repeat(20));
  file.append("y");
  expect(contents(folder.path)).toEqual({ a: "y\n", "a.1": `${"x".repeat(20)}\n` });
});

test("a file of an earlier run is gone on with, by its size in bytes", () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "a"), "éé\n");
  rotatedFile(join(folder.path, "a"), 8, 1).append("1");
  rotatedFile(join(folder.path, "a"), 8, 1).append("22");
  expect(contents(folder.path)).toEqual({ a: "22\n", "a.1": "éé\n1\n" });
});

test("others cannot read it", () => {
  using folder = temporaryFolder();
  rotatedFile(join(folder.path, "logs/a")).append("1");
  expect(statSync(join(folder.path, "logs/a")).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder.path, "logs")).mode & 0o777).toBe(0o700);
});
