// Units of work that share a commit: what one of them does to the others, to the disk, and to the event loop.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { GroupCommits } from "../../src/shared/group_commit.ts";
import { rejectionOf, temporaryBoard, temporaryFolder } from "./temporary.ts";

/** A board of one table whose commits can be counted and whose statements can be made to fail. */
function workshop(onFull: () => boolean = () => false) {
  const folder = temporaryFolder();
  const database = new Database(join(folder.path, "work.db"), { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL)");
  const said: string[] = [];
  const failures = new Map<string, string[]>();
  const meet = (what: string) => {
    said.push(what);
    const code = failures.get(what)?.shift();
    if (code !== undefined) throw Object.assign(new Error(code), { code });
  };
  const engine = {
    run: (sql: string) => {
      meet(sql);
      database.run(sql);
    },
    isInTransaction: () => database.inTransaction,
    version: () => {
      meet("version");
      return z.number().parse(database.query("PRAGMA data_version").values()[0]?.[0]);
    },
  };
  const tx = {
    note: (id: string) => void database.query("INSERT INTO notes VALUES (?)").run(id),
    run: (sql: string) => void database.run(sql),
  };
  const commits = new GroupCommits(engine, tx, "full", onFull);
  return {
    file: join(folder.path, "work.db"),
    write: commits.write,
    close: () => commits.close(),
    /** From now on this statement fails as often as there are codes. */
    fail: (sql: string, ...codes: string[]) => failures.set(sql, codes),
    count: (sql: string) => said.filter((one) => one === sql).length,
    notes: () => database.query("SELECT id FROM notes ORDER BY id").values().flat(),
    [Symbol.dispose]: () => {
      database.close(false);
      folder[Symbol.dispose]();
    },
  };
}

const outcomes = (units: readonly Promise<unknown>[]) =>
  Promise.all(
    units.map((unit) =>
      unit.then(
        () => "done",
        (error: unknown) => (error instanceof Error ? error.message : "?"),
      ),
    ),
  );

describe("units of one turn", () => {
  test("share one commit, in the order in which they came", async () => {
    using shop = workshop();
    const order: number[] = [];
    const units = Array.from({ length: 50 }, (_, index) =>
      shop.write((tx) => {
        order.push(index);
        tx.note(`n${index}`);
        return index;
      }),
    );
    expect(await Promise.all(units)).toEqual(order);
    expect(order.toSorted((a, b) => a - b)).toEqual(order);
    expect(shop.notes().length).toBe(50);
    expect(shop.count("COMMIT")).toBe(1);
  });

  test("that are very many are split, so that other programs get their turn", async () => {
    using shop = workshop();
    await Promise.all(Array.from({ length: 600 }, (_, index) => shop.write((tx) => tx.note(`n${index}`))));
    expect(shop.notes().length).toBe(600);
    expect(shop.count("COMMIT")).toBe(3);
  });

  test("that come while others are being resolved are committed next", async () => {
    using shop = workshop();
    await shop.write((tx) => tx.note("first")).then(() => shop.write((tx) => tx.note("second")));
    expect(shop.count("COMMIT")).toBe(2);
    expect(shop.notes()).toEqual(["first", "second"]);
  });

  test("show each other what they wrote", async () => {
    using place = temporaryBoard();
    const write = place.board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('a', 'chat')"));
    const read = place.board.write((tx) => tx.get("SELECT count(*) AS jobs FROM jobs"));
    expect(await Promise.all([write, read])).toEqual([1, { jobs: 1 }]);
  });
});

describe("a unit that throws", () => {
  test("takes back itself and nobody else", async () => {
    using shop = workshop();
    const units = [
      shop.write((tx) => tx.note("a")),
      shop.write((tx) => {
        tx.note("taken back");
        throw new Error("no");
      }),
      shop.write((tx) => tx.note("a")),
      shop.write((tx) => tx.note("b")),
    ];
    expect(await outcomes(units)).toEqual(["done", "no", "UNIQUE constraint failed: notes.id", "done"]);
    expect(shop.notes()).toEqual(["a", "b"]);
    expect(shop.count("COMMIT")).toBe(1);
  });

  test("alone leaves nothing behind and nothing open", async () => {
    using shop = workshop();
    const refused = shop.write((tx) => {
      tx.note("taken back");
      throw new Error("no");
    });
    expect(await rejectionOf(refused)).toMatchObject({ message: "no" });
    await shop.write((tx) => tx.note("b"));
    expect(shop.notes()).toEqual(["b"]);
  });

  test("every one of a turn leaves nothing behind", async () => {
    using shop = workshop();
    const units = Array.from({ length: 3 }, (_, index) =>
      shop.write((tx) => {
        tx.note(`n${index}`);
        throw new Error(`no ${index}`);
      }),
    );
    expect(await outcomes(units)).toEqual(["no 0", "no 1", "no 2"]);
    expect(shop.notes()).toEqual([]);
  });

  test("and ends the whole transaction is told, and nobody is told that something stands which does not", async () => {
    using shop = workshop();
    const units = [
      shop.write((tx) => tx.note("a")),
      shop.write((tx) => tx.run("INSERT OR ROLLBACK INTO notes SELECT id FROM notes LIMIT 1")),
      shop.write((tx) => tx.note("b")),
    ];
    const said = await outcomes(units);
    expect(said[1]).toContain("UNIQUE");
    expect(shop.notes()).toEqual(["a", "b"].filter((_, index) => said[index * 2] === "done"));
    await shop.write((tx) => tx.note("after"));
    expect(shop.notes()).toContain("after");
  });
});

describe("a commit that fails", () => {
  test("is told to all whose work it was", async () => {
    using shop = workshop();
    shop.fail("COMMIT", "SQLITE_CONSTRAINT", "SQLITE_CONSTRAINT");
    expect(await outcomes([shop.write((tx) => tx.note("a")), shop.write((tx) => tx.note("b"))])).toEqual([
      "SQLITE_CONSTRAINT",
      "SQLITE_CONSTRAINT",
    ]);
    expect(shop.notes()).toEqual([]);
    await shop.write((tx) => tx.note("c"));
    expect(shop.notes()).toEqual(["c"]);
  });

  test.each(["SQLITE_FULL", "SQLITE_IOERR_WRITE"])("with %s is tried again when room was made", async (code) => {
    let asked = 0;
    using shop = workshop(() => (asked += 1) === 1);
    shop.fail("COMMIT", code);
    expect(await outcomes([shop.write((tx) => tx.note("a")), shop.write((tx) => tx.note("b"))])).toEqual([
      "done",
      "done",
    ]);
    expect(shop.notes()).toEqual(["a", "b"]);
    expect(asked).toBe(1);
  });

  test("because the disk is full and stays full is told in a sentence for people", async () => {
    let asked = 0;
    using shop = workshop(() => (asked += 1) === 1);
    shop.fail("COMMIT", "SQLITE_FULL", "SQLITE_FULL");
    const refusal = await rejectionOf(shop.write((tx) => tx.note("a")));
    expect(refusal).toMatchObject({ code: "unavailable", cause: { code: "SQLITE_FULL" } });
    expect(String(refusal)).toContain("disk is full");
    expect(asked).toBe(2);
    expect(shop.notes()).toEqual([]);
  });
});

describe("what goes wrong beside the units", () => {
  test("never makes them run again once they are committed, nor tells of work that stands that it does not", async () => {
    using shop = workshop();
    shop.fail("version", "SQLITE_IOERR_READ");
    expect(await outcomes([shop.write((tx) => tx.note("a"))])).toEqual([expect.stringContaining("disk")]);
    expect(shop.notes()).toEqual([]);
    shop.fail("version", "SQLITE_BUSY_RECOVERY");
    const both = [shop.write((tx) => tx.note("b")), shop.write((tx) => tx.note("c"))];
    expect(await outcomes(both)).toEqual(["done", "done"]);
    expect(shop.notes()).toEqual(["b", "c"]);
  });

  test("while the level is set is waited for like any lock", async () => {
    using shop = workshop();
    shop.fail("PRAGMA synchronous = normal", "SQLITE_BUSY");
    await shop.write((tx) => tx.note("a"), "soft");
    expect(shop.notes()).toEqual(["a"]);
  });

  test("is told when the file has been closed", async () => {
    using place = temporaryBoard();
    const board = openBoard(place.file);
    board.close();
    expect(await rejectionOf(board.write(() => null, "soft"))).toBeInstanceOf(Error);
  });

  test.each([
    ["a disk that is full before they begin", "BEGIN IMMEDIATE", ["a", "b"]],
    ["a disk that is full when one of them runs again", "", ["b"]],
  ])("is %s: room is made, and they are done", async (_name, statement, left) => {
    let asked = 0;
    using shop = workshop(() => (asked += 1) === 1);
    shop.fail(statement, "SQLITE_FULL");
    let runs = 0;
    const units = [
      shop.write((tx) => {
        tx.note("a");
        if (statement === "") throw new Error("no");
      }),
      shop.write((tx) => {
        tx.note("b");
        runs += 1;
        // In the second run; the first was taken back with its neighbour's.
        if (statement === "" && runs === 1) throw Object.assign(new Error("full"), { code: "SQLITE_FULL" });
      }),
    ];
    expect(await outcomes(units)).toEqual([statement === "" ? "no" : "done", "done"]);
    expect([shop.notes(), asked]).toEqual([left, 1]);
  });
});

describe("while another writer has the file", () => {
  test("a unit waits, the event loop goes on, and the unit lands when the other is gone", async () => {
    using place = temporaryBoard();
    const other = new Database(place.file);
    other.run("BEGIN IMMEDIATE");
    let landed = false;
    const ours = place.board
      .write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('ours', 'chat')"))
      .then(() => (landed = true));
    let turns = 0;
    // Far more turns than any wait that blocks the loop would let through: each of those would last for ever.
    for (; turns < 2_000; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect([turns, landed]).toEqual([2_000, false]);
    expect(place.value("SELECT count(*) FROM jobs")).toBe(0);
    other.run("INSERT INTO jobs (id, type) VALUES ('theirs', 'chat')");
    other.run("COMMIT");
    other.close();
    await ours;
    expect(place.rows("SELECT id FROM jobs ORDER BY rowid")).toEqual([{ id: "theirs" }, { id: "ours" }]);
  });

  test("between a throw and the second run, everything waits and is done once", async () => {
    using shop = workshop();
    let runs = 0;
    const units = [
      shop.write((tx) => tx.note("a")),
      shop.write(() => {
        runs += 1;
        // The first BEGIN was the group's; the second, which fences each unit off, meets the other writer.
        if (runs === 1) shop.fail("BEGIN IMMEDIATE", "SQLITE_BUSY", "SQLITE_BUSY");
        throw new Error("no");
      }),
    ];
    expect(await outcomes(units)).toEqual(["done", "no"]);
    expect(shop.notes()).toEqual(["a"]);
    // Refused twice, begun for the group twice, and once more to fence off.
    expect(shop.count("BEGIN IMMEDIATE")).toBe(5);
  });

  test("commits leave gaps, also when the other has not got in for a moment", async () => {
    using shop = workshop();
    const other = new Database(shop.file, { strict: true });
    other.run("INSERT INTO notes VALUES ('theirs')");
    other.close(true);
    const startedAt = performance.now();
    for (let index = 0; index < 10; index += 1) await shop.write((tx) => tx.note(`n${index}`));
    // Nine gaps of 3 ms at least: SQLite's own wait needs them to find the lock free.
    expect(performance.now() - startedAt).toBeGreaterThan(27);
  });

  test("units that are still waiting at the end are told so", async () => {
    using place = temporaryBoard();
    const other = new Database(place.file);
    other.run("BEGIN IMMEDIATE");
    const board = openBoard(place.file);
    const waiting = board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('late', 'chat')"));
    await turns(5);
    board.close();
    expect(await rejectionOf(waiting)).toMatchObject({ code: "unavailable" });
    other.run("ROLLBACK");
    other.close();
    await turns(5);
    expect(place.value("SELECT count(*) FROM jobs")).toBe(0);
  });

  test("is one thing; a file that cannot be written at all is told at once to everybody who waits", async () => {
    using shop = workshop();
    shop.fail("BEGIN IMMEDIATE", "SQLITE_CORRUPT");
    expect(await outcomes([shop.write((tx) => tx.note("a")), shop.write((tx) => tx.note("b"))])).toEqual([
      "SQLITE_CORRUPT",
      "SQLITE_CORRUPT",
    ]);
    await shop.write((tx) => tx.note("c"));
    expect(shop.notes()).toEqual(["c"]);
  });
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("how hard a commit insists", () => {
  const FULL = 2;
  const NORMAL = 1;
  let reads = 0;
  /** SQLite puts the answer into the statement when it compiles it, so each question needs words of its own. */
  const level = (board: Board, durability?: "soft" | "durable") =>
    board.write((tx) => tx.get(`PRAGMA synchronous /* ${(reads += 1)} */`)?.["synchronous"], durability);

  test("is up to its units: a soft one does not wait for the disk, a durable one does, and both in turn", async () => {
    using place = temporaryBoard();
    expect(await level(place.board)).toBe(FULL);
    expect(await level(place.board, "soft")).toBe(NORMAL);
    expect(await level(place.board, "soft")).toBe(NORMAL);
    expect(await level(place.board, "durable")).toBe(FULL);
    expect(await level(place.board)).toBe(FULL);
  });

  test("is that of the most insistent of them", async () => {
    using place = temporaryBoard();
    expect(await Promise.all([level(place.board, "soft"), level(place.board), level(place.board, "soft")])).toEqual([
      FULL,
      FULL,
      FULL,
    ]);
  });

  test("of a board that never waits for the disk stays normal", async () => {
    using folder = temporaryFolder();
    const board = openBoard(join(folder.path, "data/jobs.db"), { synchronous: "normal" });
    expect(await level(board)).toBe(NORMAL);
    expect(await level(board, "soft")).toBe(NORMAL);
    board.close();
  });
});
