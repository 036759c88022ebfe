// A board that cannot be opened says why in a sentence for people, and leaves everything as it was.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { checkDatabase, holdLock, openBoard } from "../../src/shared/db.ts";
import { AppError } from "../../src/shared/errors.ts";
import { makeOldBoard, OLD_VERSIONS } from "./old_boards.ts";
import { FILL, onReadOnlyDisk, onSmallDisk, withoutPowers } from "./small_disk.ts";
import { addJob, temporaryFolder, type TemporaryFolder } from "./temporary.ts";

const MIB = 2 ** 20;
let folder: TemporaryFolder;
let sound: string;
let files = 0;

beforeAll(async () => {
  folder = temporaryFolder();
  sound = join(folder.path, "sound.db");
  const board = openBoard(sound);
  for (let index = 0; index < 400; index += 1) await addJob(board, `j${index}`);
  board.checkpoint();
  board.close();
});
afterAll(() => folder[Symbol.dispose]());

const place = (): string => {
  files += 1;
  const file = join(folder.path, `${files}/data/jobs.db`);
  mkdirSync(dirname(file), { recursive: true });
  return file;
};

function refusalOf(open: () => unknown): AppError {
  try {
    open();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("It was opened.");
}

/** One or two sentences that name the file and what helps, and nothing of how we found out. */
const isForPeople = (message: string, file: string): boolean =>
  message.includes(file) && /^[^\n]{30,250}\.$/.test(message) && !/SQLITE|E[A-Z]{4,}|\bat \S+:\d/.test(message);

describe("a board is refused", () => {
  const cases: readonly (readonly [name: string, spoil: (file: string) => void, code: string, words: RegExp])[] = [
    ["with a folder in its place", (file) => mkdirSync(file), "config", /cannot be written/],
    [
      "with a file in the place of its folder",
      (file) => {
        const home = dirname(dirname(file));
        mkdirSync(join(home, "elsewhere"));
        Bun.spawnSync(["rmdir", dirname(file)]);
        writeFileSync(dirname(file), "not a folder");
      },
      "config",
      /cannot be written/,
    ],
    ["that is no board at all", (file) => writeFileSync(file, "Hello. ".repeat(1_000)), "config", /is damaged/],
    [
      "that was cut in the middle",
      (file) => {
        copyFileSync(sound, file);
        truncateSync(file, 20_000);
      },
      "config",
      /is damaged/,
    ],
    [
      "whose first page is noise",
      (file) => {
        const bytes = readFileSync(sound);
        bytes.set(crypto.getRandomValues(new Uint8Array(1_900)), 100);
        writeFileSync(file, bytes);
      },
      "config",
      /is damaged/,
    ],
    [
      "that another program made for itself",
      (file) => {
        const theirs = new Database(file);
        theirs.run("CREATE TABLE jobs (id TEXT PRIMARY KEY, what TEXT)");
        theirs.run("INSERT INTO jobs VALUES ('a', 'theirs')");
        theirs.close(true);
      },
      "config",
      /another program/,
    ],
    [
      "of a newer Sandpiper",
      (file) => {
        const newer = new Database(file);
        newer.run("PRAGMA user_version = 999");
        newer.close(true);
      },
      "config",
      /newer Sandpiper/,
    ],
  ];

  test.each(cases)("%s, and stays as it is", (_name, spoil, code, words) => {
    const file = place();
    spoil(file);
    const isFile = existsSync(file) && statSync(file).isFile();
    const before = isFile ? readFileSync(file) : null;
    const refusal = refusalOf(() => openBoard(file));
    expect([refusal.code, refusal.message]).toEqual([code, expect.stringMatching(words)]);
    expect(isForPeople(refusal.message, "jobs.db")).toBe(true);
    if (before !== null) expect(readFileSync(file).equals(before)).toBe(true);
    expect(existsSync(join(dirname(file), "backups"))).toBe(false);
  });

  test("in a folder where nothing may be written", async () => {
    for (const template of [null, sound]) {
      const file = place();
      if (template !== null) copyFileSync(template, file);
      const said = await onReadOnlyDisk(dirname(file), OPEN, file);
      expect(JSON.parse(said)).toMatchObject({ isApp: true, code: "config" });
      expect(said).toContain(`${file} cannot be written`);
    }
  });

  test("whose folder lets nobody in, or nothing be written", async () => {
    for (const mode of [0o000, 0o555]) {
      const file = place();
      copyFileSync(sound, file);
      chmodSync(dirname(file), mode);
      const said = await withoutPowers(folder.path, OPEN, file);
      chmodSync(dirname(file), 0o700);
      expect(JSON.parse(said)).toMatchObject({ isApp: true, code: "config" });
      expect(said).toContain(`${file} cannot be written`);
    }
  });
});

test("a board that was made unwritable is its owner's again", async () => {
  const file = place();
  copyFileSync(sound, file);
  chmodSync(file, 0o444);
  const said = await withoutPowers(
    folder.path,
    `import { openBoard } from "src/shared/db.ts";
    const board = openBoard(process.argv[1]);
    console.log(await board.write((tx) => tx.run("DELETE FROM jobs WHERE id = 'j0'")));`,
    file,
  );
  expect([said, statSync(file).mode & 0o777]).toEqual(["1", 0o600]);
});

test("a board whose pages are noise is found out by a look at all of it", () => {
  const file = place();
  const bytes = readFileSync(sound);
  for (let page = 20; page < 24; page += 1) bytes.set(crypto.getRandomValues(new Uint8Array(2_000)), page * 2_048);
  writeFileSync(file, bytes);
  expect(checkDatabase(file).length).toBeGreaterThan(0);
  expect(checkDatabase(sound)).toEqual([]);
});

test.each([
  ["a folder", (file: string) => mkdirSync(file)],
  ["no lock", (file: string) => writeFileSync(file, "Hello. ".repeat(1_000))],
])("a lock that is %s is told in a sentence", (_name, spoil) => {
  const file = join(dirname(place()), "core.lock");
  spoil(file);
  expect(isForPeople(refusalOf(() => holdLock(file)).message, file)).toBe(true);
});

test("a lock in a folder where nothing may be written is told in a sentence", async () => {
  const data = dirname(place());
  const said = await onReadOnlyDisk(data, OPEN.replaceAll("openBoard", "holdLock"), join(data, "core.lock"));
  expect(JSON.parse(said)).toMatchObject({ isApp: true, code: "config" });
});

describe("on a full disk", () => {
  test("a new board is refused in a sentence", async () => {
    const said = await onSmallDisk(
      folder.path,
      MIB,
      `${FILL}; fill(process.argv[1] + "/others"); ${OPEN.replace("process.argv[1]", `process.argv[1] + "/data/jobs.db"`)}`,
      folder.path,
    );
    expect(JSON.parse(said)).toMatchObject({ isApp: true, code: "unavailable" });
  });

  test.each(OLD_VERSIONS)(
    "a board of version $version is left as it is, and no piece of a backup stays",
    async (old) => {
      const original = join(folder.path, `old-${old.version}.db`);
      makeOldBoard(original, old, 20);
      const room = statSync(original).size + 300 * 1_024;
      using disk = temporaryFolder();
      const said = await onSmallDisk(
        disk.path,
        room,
        `import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
      import { Database } from "bun:sqlite";
      const [home, original] = process.argv.slice(1);
      const file = home + "/data/jobs.db";
      mkdirSync(home + "/data");
      copyFileSync(original, file);
      ${OPEN.replace("process.argv[1]", "file")}
      const board = new Database(file);
      const all = (sql) => board.query(sql).values()[0][0];
      console.log(JSON.stringify([all("PRAGMA user_version"), all("PRAGMA integrity_check"), all("SELECT count(*) FROM jobs")]));
      console.log(JSON.stringify(readdirSync(home + "/data/backups")));`,
        disk.path,
        original,
      );
      const [refusal, board, backups] = said.split("\n").map((line): unknown => JSON.parse(line));
      expect(refusal).toMatchObject({ isApp: true, code: "unavailable" });
      expect(board).toEqual([old.version, "ok", 280]);
      expect(backups).toEqual([]);
    },
  );
});

const OPEN = `
  import { openBoard, holdLock } from "src/shared/db.ts";
  import { AppError } from "src/shared/errors.ts";
  try {
    openBoard(process.argv[1]);
    console.log(JSON.stringify("It was opened."));
  } catch (error) {
    const { code, message } = error;
    console.log(JSON.stringify({ isApp: error instanceof AppError, code, message }));
  }`;
