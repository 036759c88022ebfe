// What doctor finds out about the board and its storage without running anything.
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkBoard, checkModel, checkStorage } from "../../src/cli/doctor.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { openBoard } from "../../src/shared/db.ts";
import { rejectionOf, sqliteShell } from "../shared/temporary.ts";
import { temporaryHome, type Home } from "./home.ts";

const configOf = (home: Home, storageGb = "5") =>
  loadConfig({ SANDPIPER_HOME: home.path, SANDPIPER_STORAGE_GB: storageGb });
const boardRefusal = async (home: Home): Promise<string> => String(await rejectionOf(checkBoard(configOf(home))));
const storageRefusal = async (home: Home, storageGb?: string): Promise<string> =>
  String(await rejectionOf(checkStorage(configOf(home, storageGb))));

test("a sound board is told with its size and that of the log beside it", async () => {
  using home = await temporaryHome(["a.txt"]);
  expect(await checkBoard(configOf(home))).toMatch(/^sound: 2 jobs in 0\.\d+ MiB; the log beside it has 0 MiB$/);
});

test("a board that SQLite finds wrong is damaged", async () => {
  using home = await temporaryHome(["a.txt"]);
  sqliteShell(
    home.file,
    "PRAGMA ignore_check_constraints = ON; INSERT INTO jobs (id, type, status) VALUES ('x', 'chat', 'odd')",
  );
  expect(await boardRefusal(home)).toContain("data/jobs.db is damaged: CHECK constraint failed in jobs");
  writeFileSync(home.file, "no board ".repeat(2_000));
  expect(await boardRefusal(home)).toContain("data/jobs.db is damaged: file is not a database");
});

test("rows that belong to nothing are told", async () => {
  using home = await temporaryHome(["a.txt"]);
  sqliteShell(home.file, "INSERT INTO messages VALUES ('m', 'no conversation', 'user', 'web', 'm', '', NULL, 1)");
  expect(await boardRefusal(home)).toContain("of messages belongs to nothing");
});

test("jobs whose two rows do not agree are told", async () => {
  using home = await temporaryHome(["a.txt"]);
  sqliteShell(home.file, "DROP TRIGGER jobs_au; UPDATE jobs SET status = 'failed' WHERE id = 'stranger'");
  expect(await boardRefusal(home)).toContain("1 jobs have a public row and a run that do not agree");
});

test("a log that was never emptied is told", async () => {
  using home = await temporaryHome(["a.txt"]);
  const board = openBoard(home.file);
  await board.write((tx) => tx.run("DELETE FROM jobs WHERE id = 'stranger'"));
  // In another process: to close the file in this one would drop SQLite's locks on it.
  Bun.spawnSync(["truncate", "-s", "300M", `${home.file}-wal`]);
  const said = await boardRefusal(home);
  board.close();
  expect(said).toContain("jobs.db-wal has grown to 300 MiB: a program keeps an old state of the board open");
});

test("storage is told in files, in gibibytes of the quota, and with what is nobody's", async () => {
  using home = await temporaryHome(["a.txt", "b.txt"]);
  expect(await checkStorage(configOf(home))).toBe("4 files, 0 GiB of 5 GiB");
});

test("files that rows name and that are gone are told", async () => {
  using home = await temporaryHome(["a.txt", "b.txt"]);
  rmSync(join(home.path, "storage/outputs/job-0/a.txt"));
  expect(await storageRefusal(home)).toContain("1 files that the board names are not in storage/");
});

test("a quota that is used up is told", async () => {
  using home = await temporaryHome(["a.txt", "b.txt"]);
  sqliteShell(home.file, "UPDATE uploads SET bytes = 20000000000");
  expect(await storageRefusal(home)).toContain("Uploads and results take 37 GiB of 5 GiB; nothing new is accepted.");
});

test("which model answers is told, and what is wrong with the one that is wanted", async () => {
  using home = await temporaryHome(["a.txt"]);
  const check = (settings: Record<string, string>) =>
    checkModel(loadConfig({ SANDPIPER_HOME: home.path, ...settings }));
  expect(check({})).toBe("none: the built-in planner answers");
  const wanted = { SANDPIPER_MODEL: "openai:gpt-5.4, ollama:llama3.2" };
  expect(check({ ...wanted, OPENAI_API_KEY: "k" })).toBe(
    "openai:gpt-5.4, then ollama:llama3.2; the keys they need are set",
  );
  expect(() => check(wanted)).toThrow("needs a key of OpenAI");
});
