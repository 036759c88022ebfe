// The file itself: its contract with strangers, its versions, and several processes at one time.
import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { SCHEMA_VERSION, openBoard } from "../../src/shared/db.ts";
import { shellSession } from "./shell_session.ts";
import { rejectionOf, sqliteShell, temporaryBoard, temporaryFolder } from "./temporary.ts";

describe("the jobs table", () => {
  test("has exactly the seven columns of the contract, in their order", () => {
    using place = temporaryBoard();
    sqliteShell(place.file, "INSERT INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 1, 2)");
    expect(Object.keys(place.rows("SELECT * FROM jobs")[0] ?? {})).toEqual([
      "id",
      "type",
      "status",
      "input_context",
      "output_result",
      "created_at",
      "updated_at",
    ]);
  });

  test.each([
    ["a status that does not exist", "INSERT INTO jobs VALUES ('a', 'chat', 'DONE', '{}', NULL, 1, 1)"],
    ["no id", "INSERT INTO jobs VALUES (NULL, 'chat', 'pending', '{}', NULL, 1, 1)"],
    ["no type", "INSERT INTO jobs VALUES ('a', NULL, 'pending', '{}', NULL, 1, 1)"],
    ["eight values", "INSERT INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 1, 1, 1)"],
  ])("refuses %s", (_name, sql) => {
    using place = temporaryBoard();
    expect(() => sqliteShell(place.file, sql)).toThrow();
    expect(place.value("SELECT count(*) FROM jobs")).toBe(0);
    expect(place.value("SELECT count(*) FROM job_run")).toBe(0);
  });
});

describe("a version", () => {
  test("is reached once: opening again changes nothing", () => {
    using place = temporaryBoard();
    sqliteShell(place.file, "INSERT INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 1, 1)");
    const schema = place.rows("SELECT * FROM sqlite_schema ORDER BY name");
    const again = openBoard(place.file);
    const after = again.read((tx) => tx.all("SELECT * FROM sqlite_schema ORDER BY name"));
    again.close();
    expect(after).toEqual(schema);
    expect(place.value("SELECT count(*) FROM jobs")).toBe(1);
    expect(place.value("PRAGMA user_version")).toBe(SCHEMA_VERSION);
  });

  test("of a newer Sandpiper is refused with a sentence, and the file is left as it is", () => {
    using place = temporaryBoard();
    sqliteShell(place.file, "PRAGMA user_version = 999");
    expect(() => openBoard(place.file)).toThrow(/newer Sandpiper/);
    expect(place.value("PRAGMA user_version")).toBe(999);
  });

  test("is made once by processes that start together", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "data/jobs.db");
    const source = `
      import { SCHEMA_VERSION, openBoard } from ${JSON.stringify(join(import.meta.dir, "../../src/shared/db.ts"))};
      const board = openBoard(process.argv[1]);
      await board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES (?, 'chat')", String(process.pid)));
      board.close();`;
    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, "-e", source, file], { stdout: "pipe", stderr: "pipe" }),
    );
    const said = await Promise.all(children.map((child) => new Response(child.stderr).text()));
    expect(said).toEqual(["", "", "", ""]);
    expect(sqliteShell(file, "SELECT count(*) FROM job_run", "PRAGMA integrity_check")).toBe("4\nok");
  });
});

test("the folder and the file are the owner's alone", () => {
  using place = temporaryBoard();
  expect(statSync(dirname(place.file)).mode & 0o777).toBe(0o700);
  expect(statSync(place.file).mode & 0o777).toBe(0o600);
});

describe("a unit of work", () => {
  test("that throws leaves nothing behind", async () => {
    using place = temporaryBoard();
    const unit = place.board.write((tx) => {
      tx.run("INSERT INTO jobs (id, type) VALUES ('a', 'chat')");
      throw new Error("no");
    });
    expect(await rejectionOf(unit)).toMatchObject({ message: "no" });
    expect(place.value("SELECT count(*) FROM jobs")).toBe(0);
  });

  test("waits until another process has let go of the file", async () => {
    using place = temporaryBoard();
    await using other = await shellSession(place.file);
    await other.say("BEGIN IMMEDIATE; INSERT INTO jobs VALUES ('theirs', 'chat', 'pending', '{}', NULL, 1, 1);");
    const order: string[] = [];
    const ours = place.board
      .write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('ours', 'chat')"))
      .then(() => order.push("ours"));
    // The first attempt has failed by now; readers go on.
    expect(place.value("SELECT count(*) FROM jobs")).toBe(0);
    order.push("theirs");
    await other.say("COMMIT;");
    await ours;
    expect(order).toEqual(["theirs", "ours"]);
    expect(place.rows("SELECT job_id FROM job_run ORDER BY created_seq")).toEqual([
      { job_id: "theirs" },
      { job_id: "ours" },
    ]);
  });

  test("is not held up by a stranger's open read, and the stranger keeps its view", async () => {
    using place = temporaryBoard();
    await using other = await shellSession(place.file);
    await other.say("BEGIN;");
    expect(await other.say("SELECT count(*) FROM jobs;")).toBe("0");
    await place.board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('ours', 'chat')"));
    expect(await other.say("SELECT count(*) FROM jobs;")).toBe("0");
    await other.say("COMMIT;");
    expect(await other.say("SELECT count(*) FROM jobs;")).toBe("1");
  });

  test("shows that another connection has committed, and only then", async () => {
    using place = temporaryBoard();
    const before = place.board.dataVersion();
    await place.board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('ours', 'chat')"));
    expect(place.board.dataVersion()).toBe(before);
    sqliteShell(place.file, "INSERT INTO jobs (id, type) VALUES ('theirs', 'chat')");
    expect(place.board.dataVersion()).not.toBe(before);
  });

  test("of two processes that count together never loses one", async () => {
    using place = temporaryBoard();
    const child = `
      import { SCHEMA_VERSION, openBoard } from ${JSON.stringify(join(import.meta.dir, "../../src/shared/db.ts"))};
      const board = openBoard(process.argv[1]);
      for (let count = 0; count < 60; count += 1)
        await board.write((tx) => tx.run("UPDATE jobs SET created_at = created_at + 1"));
      board.close();`;
    sqliteShell(place.file, "INSERT INTO jobs VALUES ('a', 'chat', 'pending', '{}', NULL, 0, 0)");
    const other = Bun.spawn([process.execPath, "-e", child, place.file], { stdout: "ignore", stderr: "inherit" });
    for (let count = 0; count < 60; count += 1)
      await place.board.write((tx) => tx.run("UPDATE jobs SET created_at = created_at + 1"));
    expect(await other.exited).toBe(0);
    expect(place.value("SELECT created_at FROM jobs")).toBe(120);
  });
});
