// The disk becomes full while the board is at work: nothing is half-written, reads go on, and so does work when there is room.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { FILL, onSmallDisk } from "./small_disk.ts";
import { temporaryFolder } from "./temporary.ts";

const MIB = 2 ** 20;
const CLAIMING = JSON.stringify(join(import.meta.dir, "claiming.ts"));

/** What every program below begins with: a board on a disk of its own, and words for what becomes of a unit. */
const BEGIN = `
  import { rmSync, existsSync } from "node:fs";
  import { brokenRules } from ${CLAIMING};
  import { claimJobs, recordEvents, settleJob } from "src/shared/claims.ts";
  import { openBoard } from "src/shared/db.ts";
  import { AppError } from "src/shared/errors.ts";
  import { enqueueJob } from "src/shared/jobs.ts";
  ${FILL}
  const MIB = 2 ** 20;
  const home = process.argv[1];
  const free = () => rmSync(home + "/others", { force: true });
  const job = (id) => ({ id, type: "chat", input: { prompt: id.repeat(200) }, conversationId: null, files: [] });
  const outcome = (unit) => unit.then(
    (value) => ["kept", value],
    (error) => ["refused", error instanceof AppError, error.code, error.message],
  );
  const count = (board) => board.read((tx) => tx.get("SELECT count(*) AS count FROM jobs").count);
  const check = (board) => [board.read((tx) => tx.get("PRAGMA integrity_check").integrity_check), ...brokenRules({ board })];
  const say = (words) => console.log(JSON.stringify(words));`;

const REFUSED = ["refused", true, "unavailable", expect.stringContaining("disk is full")];

const run = async (bytes: number, source: string): Promise<unknown[]> => {
  using disk = temporaryFolder();
  const said = await onSmallDisk(disk.path, bytes, BEGIN + source, disk.path);
  return said.split("\n").map((line): unknown => JSON.parse(line));
};

describe("on a disk that becomes full", () => {
  test("what is refused is refused whole and in a sentence, all else stands, and with room work goes on", async () => {
    const [refused, whole, read, settled, after, sound] = await run(
      8 * MIB,
      `const board = openBoard(home + "/data/jobs.db");
      await enqueueJob(board, job("first"), 1);
      const [claim] = await claimJobs(board, "1-a", () => 1, 2);
      await enqueueJob(board, job("second"), 2);
      fill(home + "/others");
      const kept = ["first", "second"];
      let refusal = null;
      for (let index = 0; index < 5000 && refusal === null; index += 1) {
        const [word, ...why] = await outcome(enqueueJob(board, job("j" + index), 3));
        if (word === "kept") kept.push("j" + index);
        else refusal = [word, ...why];
      }
      say(refusal);
      say(count(board) === kept.length && check(board).join());
      say(board.read((tx) => tx.get("SELECT state FROM job_run WHERE job_id = 'first'").state));
      const end = { output: { stdout: "", text: "", artifacts: [] }, error: null };
      say([await outcome(settleJob(board, claim, end, 4)), await outcome(claimJobs(board, "1-a", () => 1, 4))]);
      free();
      say([await outcome(settleJob(board, claim, end, 5)), await outcome(enqueueJob(board, job("late"), 6))]);
      board.checkpoint();
      say([count(board) === kept.length + 1, check(board).join()]);`,
    );
    expect(refused).toEqual(REFUSED);
    expect([whole, read]).toEqual(["ok", "running"]);
    expect(settled).toEqual([REFUSED, REFUSED]);
    expect(after).toEqual([
      ["kept", true],
      ["kept", "late"],
    ]);
    expect(sound).toEqual([true, "ok"]);
  });

  test("a unit that is larger than what is left is taken back, alone and in company", async () => {
    const [alone, company, sound, after] = await run(
      12 * MIB,
      `const board = openBoard(home + "/data/jobs.db");
      const large = (name) => board.write((tx) => {
        for (let index = 0; index < 400; index += 1)
          tx.run("INSERT INTO jobs (id, type, input_context) VALUES (?, 'chat', ?)", name + index, "x".repeat(50_000));
      });
      say(await outcome(large("a")));
      const thrown = board.write(() => { throw new Error("no"); });
      say([await outcome(large("b")), await outcome(thrown), await outcome(enqueueJob(board, job("small"), 1))]);
      say([count(board) <= 1, check(board).join()]);
      say([await outcome(enqueueJob(board, job("after"), 2)), check(board).join()]);`,
    );
    expect(alone).toEqual(REFUSED);
    // Whoever shared the transaction was refused with it, or kept; nobody was told a thing that is not so.
    expect(z.array(z.array(z.unknown())).parse(company)[0]).toEqual(REFUSED);
    expect(sound).toEqual([true, "ok"]);
    expect(after).toEqual([["kept", "after"], "ok"]);
  });

  test("what was made of a reserve saves the unit, once", async () => {
    const [first, second, sound] = await run(
      8 * MIB,
      `import { writeFileSync } from "node:fs";
      const reserve = home + "/reserve";
      let asked = 0;
      const onFull = () => {
        asked += 1;
        const wasThere = existsSync(reserve);
        rmSync(reserve, { force: true });
        return wasThere;
      };
      const board = openBoard(home + "/data/jobs.db", { onFull });
      writeFileSync(reserve, crypto.getRandomValues(new Uint8Array(65536)));
      fill(home + "/others");
      let kept = 0;
      while (asked === 0) {
        const [word] = await outcome(enqueueJob(board, job("j" + kept), 1));
        if (word !== "kept") break;
        kept += 1;
      }
      say([asked, count(board) === kept]);
      let refusal = null;
      while (refusal === null) {
        const [word, ...why] = await outcome(enqueueJob(board, job("j" + kept), 1));
        if (word === "kept") kept += 1;
        else refusal = [word, ...why];
      }
      say([asked, refusal]);
      say([count(board) === kept, check(board).join()]);`,
    );
    expect(first).toEqual([1, true]);
    expect(second).toEqual([2, REFUSED]);
    expect(sound).toEqual([true, "ok"]);
  });

  test("a file that does not fit is refused in a sentence and leaves nothing; with room it is kept", async () => {
    const [refused, folder, kept] = await run(
      4 * MIB,
      `import { readdirSync } from "node:fs";
      import { storeStream } from "src/shared/files.ts";
      const noise = crypto.getRandomValues(new Uint8Array(MIB));
      const store = () => outcome(storeStream(home + "/uploads/id", "big.bin", new Blob([noise]).stream(), 2 * MIB));
      await store();
      rmSync(home + "/uploads/id");
      fill(home + "/others");
      say(await store());
      say(readdirSync(home + "/uploads"));
      free();
      say((await store())[0]);`,
    );
    expect(refused).toEqual([
      "refused",
      true,
      "unavailable",
      expect.stringMatching(/disk is full.*“big.bin”.*Free some/),
    ]);
    expect([folder, kept]).toEqual([[], "kept"]);
  });

  test("a board that is at rest is not opened, and says so; with room it is, and nothing is missing", async () => {
    const [refused, after] = await run(
      4 * MIB,
      `const open = async () => openBoard(home + "/data/jobs.db");
      const first = await open();
      await enqueueJob(first, job("a"), 1);
      first.close();
      fill(home + "/others");
      say(await outcome(open()));
      free();
      const again = await open();
      say([count(again), await outcome(enqueueJob(again, job("b"), 2)), check(again).join()]);`,
    );
    expect(refused).toEqual(REFUSED);
    expect(after).toEqual([1, ["kept", "b"], "ok"]);
  });
});
