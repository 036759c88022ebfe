// Folders that change places: whatever was done when the power went, the next one finishes it.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../src/shared/errors.ts";
import { carryOut, decideSwaps, finishSwaps, freeName, lockSwaps, type Swap } from "../../src/shared/swap.ts";
import { temporaryFolder } from "./temporary.ts";

function house() {
  const folder = temporaryFolder();
  const home = folder.path;
  for (const name of ["data", "storage", "data.restore", "storage.restore"]) mkdirSync(join(home, name));
  for (const name of ["data", "storage"]) {
    writeFileSync(join(home, name, "file"), "old");
    writeFileSync(join(home, name, "own"), "mine");
    writeFileSync(join(home, `${name}.restore`, "file"), "new");
  }
  const swaps = ["data", "storage"].map((name): Swap => ({
    target: join(home, name),
    staged: join(home, `${name}.restore`),
    before: join(home, `${name}.before`),
    keep: ["own"],
  }));
  const read = (path: string) => readFileSync(join(home, path), "utf8");
  return { home, swaps, read, journal: { source: "backup", swaps }, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

function expectNew({ home, read }: ReturnType<typeof house>): void {
  for (const name of ["data", "storage"]) {
    expect([read(`${name}/file`), read(`${name}/own`), read(`${name}.before/file`)]).toEqual(["new", "mine", "old"]);
  }
  expect(readdirSync(home).toSorted()).toEqual(["data", "data.before", "storage", "storage.before"]);
}

test("both folders change places, the old ones stay beside them, and what is to be kept comes along", () => {
  using here = house();
  decideSwaps(here.home, here.journal);
  expect(carryOut(here.home)).toEqual(here.journal);
  expectNew(here);
});

test("without a decision nothing happens, and nothing is left behind", () => {
  using here = house();
  const before = readdirSync(here.home);
  expect(finishSwaps(here.home)).toBeNull();
  expect(carryOut(here.home)).toBeNull();
  expect(readdirSync(here.home)).toEqual(before);
  expect(here.read("data/file")).toBe("old");
});

/** Every rename that is made, in its order. */
const STEPS: readonly (readonly [from: string, to: string])[] = [
  ["data", "data.before"],
  ["data.restore", "data"],
  ["data.before/own", "data/own"],
  ["storage", "storage.before"],
  ["storage.restore", "storage"],
  ["storage.before/own", "storage/own"],
];

test.each(Array.from({ length: STEPS.length + 1 }, (_, done) => done))(
  "killed after %p renames, it is finished by whoever comes next",
  (done) => {
    using here = house();
    decideSwaps(here.home, here.journal);
    for (const [from, to] of STEPS.slice(0, done)) renameSync(join(here.home, from), join(here.home, to));
    expect(finishSwaps(here.home)).toEqual(here.journal);
    expectNew(here);
    expect(finishSwaps(here.home)).toBeNull();
  },
);

test("a folder that another program made anew in between is kept as well", () => {
  using here = house();
  decideSwaps(here.home, here.journal);
  renameSync(join(here.home, "data"), join(here.home, "data.before"));
  mkdirSync(join(here.home, "data"));
  writeFileSync(join(here.home, "data/file"), "in between");
  finishSwaps(here.home);
  expect([here.read("data/file"), here.read("data.before/file"), here.read("data.before-2/file")]).toEqual([
    "new",
    "old",
    "in between",
  ]);
  expect(here.read("data/own")).toBe("mine");
});

test("where there was nothing, the new takes its place", () => {
  using here = house();
  renameSync(join(here.home, "data"), join(here.home, "elsewhere"));
  decideSwaps(here.home, here.journal);
  carryOut(here.home);
  expect(here.read("data/file")).toBe("new");
  expect(existsSync(join(here.home, "data.before"))).toBe(false);
});

test("a new folder that brings its own is not overwritten by the old one's", () => {
  using here = house();
  writeFileSync(join(here.home, "data.restore/own"), "theirs");
  decideSwaps(here.home, here.journal);
  carryOut(here.home);
  expect([here.read("data/own"), here.read("data.before/own")]).toEqual(["theirs", "mine"]);
});

test("while one is at it, a second is told to wait", () => {
  using here = house();
  decideSwaps(here.home, here.journal);
  const lock = lockSwaps(here.home);
  expect(() => finishSwaps(here.home)).toThrow(AppError);
  expect(here.read("data/file")).toBe("old");
  lock.release();
  finishSwaps(here.home);
  expectNew(here);
});

test.each(["not json", "{}", '{"source":1,"swaps":[]}'])(
  "a journal that is not ours (%p) is refused and left",
  (text) => {
    using here = house();
    writeFileSync(join(here.home, "restore.json"), text);
    expect(() => finishSwaps(here.home)).toThrow(/is not ours\. Move it away/);
    expect([here.read("data/file"), here.read("restore.json")]).toEqual(["old", text]);
  },
);

test("a name that is taken gets a number", () => {
  using here = house();
  expect(freeName(join(here.home, "free"))).toBe(join(here.home, "free"));
  expect(freeName(join(here.home, "data"))).toBe(join(here.home, "data-2"));
});
