// The line and the conversations in it: one job of each at a time, in order, and nobody crowds out the others.
import { describe, expect, test } from "bun:test";
import { claimJobs, handBackJob, retryJob, settleJob, type Claim } from "../../src/shared/claims.ts";
import { deleteConversation } from "../../src/shared/conversations.ts";
import { cancelJob, restartJob } from "../../src/shared/control.ts";
import { insertJob, PERSON_PRIORITY } from "../../src/shared/jobs.ts";
import { expireJobs } from "../../src/shared/recovery.ts";
import { DONE, addJobIn, brokenRules, claimOne, loseWorkers, retry, runOf } from "./claiming.ts";
import { addJob, sqliteShell, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const claimed = async (place: TemporaryBoard, limit = 99, now = 2_000): Promise<string[]> =>
  (await claimJobs(place.board, "1-a", () => limit, now)).map((claim) => claim.jobId);

/** `count` jobs of one conversation, called <talk>0, <talk>1 … */
async function addTalk(place: TemporaryBoard, talk: string, count: number): Promise<void> {
  await place.board.write((tx) => {
    for (let index = 0; index < count; index += 1)
      insertJob(tx, { id: `${talk}${index}`, type: "chat", input: {}, conversationId: talk, files: [] }, 1_000);
  });
}

/** How the first of a conversation comes to its end, or to its next attempt. */
const ways: readonly (readonly [
  name: string,
  isOver: boolean,
  go: (place: TemporaryBoard, claim: Claim) => unknown,
])[] = [
  ["is done", true, ({ board }, claim) => settleJob(board, claim, DONE, 3_000)],
  [
    "fails",
    true,
    ({ board }, claim) => settleJob(board, claim, { ...DONE, error: { code: "code", message: "no" } }, 3_000),
  ],
  [
    "is lost for the last time",
    true,
    async (place) => {
      await place.board.write((tx) => tx.run("UPDATE job_run SET max_attempts = 1"));
      await loseWorkers(place);
    },
  ],
  [
    "is stopped and its worker dies",
    true,
    async (place, claim) => {
      await cancelJob(place.board, claim.jobId, 2_500);
      await loseWorkers(place);
    },
  ],
  [
    "is put off and then stopped",
    true,
    async ({ board }, claim) => {
      await retryJob(board, claim, retry(9_000), 3_000);
      await cancelJob(board, claim.jobId, 3_500);
    },
  ],
  [
    "is completed by a stranger",
    true,
    ({ file }) => sqliteShell(file, "UPDATE jobs SET status = 'completed' WHERE id = 'A0'"),
  ],
  [
    "is failed by a stranger",
    true,
    ({ file }) => sqliteShell(file, "UPDATE jobs SET status = 'failed' WHERE id = 'A0'"),
  ],
  ["is deleted by a stranger", true, ({ file }) => sqliteShell(file, "DELETE FROM jobs WHERE id = 'A0'")],
  [
    "is replaced by a stranger with one that has ended",
    true,
    ({ file }) => sqliteShell(file, "REPLACE INTO jobs VALUES ('A0', 'chat', 'completed', '{}', NULL, 1, 1)"),
  ],
  ["is put off", false, ({ board }, claim) => retryJob(board, claim, retry(2_900), 2_800)],
  ["is handed back", false, ({ board }, claim) => handBackJob(board, claim, 3_000)],
  ["is lost", false, (place) => loseWorkers(place)],
  [
    "is put back by a stranger",
    false,
    ({ file }) => sqliteShell(file, "UPDATE jobs SET status = 'pending' WHERE id = 'A0'"),
  ],
];

describe("a conversation", () => {
  test("has one job at a time, in the order in which they came", async () => {
    using place = temporaryBoard();
    await addTalk(place, "A", 3);
    const order: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const [claim, ...more] = await claimJobs(place.board, "1-a", () => 9, 2_000);
      if (claim === undefined) throw new Error("Nothing was claimed.");
      order.push(claim.jobId);
      expect(more).toEqual([]);
      expect(brokenRules(place)).toEqual([]);
      await settleJob(place.board, claim, DONE, 3_000);
    }
    expect(order).toEqual(["A0", "A1", "A2"]);
  });

  test.each(ways)("whose first job %s goes on with the right one", async (_name, isOver, go) => {
    using place = temporaryBoard();
    await addTalk(place, "A", 3);
    const claim = await claimOne(place);
    await go(place, claim);
    expect(brokenRules(place)).toEqual([]);
    expect(await claimed(place, 9, 3_000)).toEqual([isOver ? "A1" : "A0"]);
    expect(await claimed(place, 9, 3_000)).toEqual([]);
    expect(brokenRules(place)).toEqual([]);
  });

  test("goes on after jobs that were stopped while they waited", async () => {
    using place = temporaryBoard();
    await addTalk(place, "A", 4);
    await cancelJob(place.board, "A1", 1_500);
    await cancelJob(place.board, "A0", 1_600);
    expect(await claimed(place)).toEqual(["A2"]);
    expect(brokenRules(place)).toEqual([]);
  });

  test("waits for a retry of its first job, however long that takes", async () => {
    using place = temporaryBoard();
    await addTalk(place, "A", 2);
    await retryJob(place.board, await claimOne(place), retry(9_000), 3_000);
    expect(await claimed(place, 9, 8_999)).toEqual([]);
    expect(await claimed(place, 9, 9_000)).toEqual(["A0"]);
  });

  test.each(["ready", "running", "retrying"] as const)(
    "lets a message wait that comes while one is %s",
    async (state) => {
      using place = temporaryBoard();
      await addJobIn(place, "a", state, { conversationId: "A" });
      await addJob(place.board, "b", { conversationId: "A" });
      expect(runOf(place, "b").state).toBe("waiting");
      expect(brokenRules(place)).toEqual([]);
    },
  );

  test("is not held up by a job of its own that is for later", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "later", { conversationId: "A", runAt: 5_000 });
    await addTalk(place, "A", 2);
    const first = await claimOne(place);
    expect(first.jobId).toBe("A0");
    // Its time comes while another runs: behind all that wait.
    expect(await claimed(place, 9, 6_000)).toEqual([]);
    expect(runOf(place, "later").state).toBe("waiting");
    await addJob(place.board, "alone");
    expect(await claimed(place, 9, 6_000)).toEqual(["alone"]);
    await settleJob(place.board, first, DONE, 7_000);
    const [second] = await claimJobs(place.board, "1-a", () => 9, 8_000);
    expect(second?.jobId).toBe("A1");
    if (second !== undefined) await settleJob(place.board, second, DONE, 9_000);
    expect(await claimed(place, 9, 10_000)).toEqual(["later"]);
    expect(brokenRules(place)).toEqual([]);
  });

  test("puts a job that is run again behind those that wait", async () => {
    using place = temporaryBoard();
    await addTalk(place, "A", 3);
    await cancelJob(place.board, "A0", 1_500);
    expect(await restartJob(place.board, "A0", 1_600)).toBe("restarted");
    expect(runOf(place, "A0").state).toBe("waiting");
    const order: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const claim = await claimOne(place);
      order.push(claim.jobId);
      await settleJob(place.board, claim, DONE, 3_000);
    }
    expect(order).toEqual(["A1", "A2", "A0"]);
    expect(brokenRules(place)).toEqual([]);
  });

  test("of which all are too late ends, and a later message starts at once", async () => {
    using place = temporaryBoard();
    for (const id of ["a", "b", "c"]) await addJob(place.board, id, { conversationId: "A", deadlineAt: 1_500 });
    expect((await expireJobs(place.board, 2_000)).toSorted()).toEqual(["a", "b", "c"]);
    expect(brokenRules(place)).toEqual([]);
    await addJob(place.board, "d", { conversationId: "A" });
    expect(await claimed(place)).toEqual(["d"]);
  });

  test("that is deleted takes its line along", async () => {
    using place = temporaryBoard();
    await place.board.write((tx) => tx.run("INSERT INTO conversations VALUES ('A', 'A', 1, 1)"));
    await addTalk(place, "A", 50);
    await addTalk(place, "B", 1);
    expect(await deleteConversation(place.board, "A")).toMatchObject({ uploadIds: [] });
    expect(await claimed(place)).toEqual(["B0"]);
    expect(brokenRules(place)).toEqual([]);
  });

  // A REPLACE looks at the conversation no more than a fresh row does, which has none.
  test("has one job at a time also after a stranger has REPLACEd one that had ended", async () => {
    using place = temporaryBoard();
    await addTalk(place, "A", 2);
    await settleJob(place.board, await claimOne(place), DONE, 2_500);
    sqliteShell(place.file, "REPLACE INTO jobs VALUES ('A0', 'chat', 'pending', '{}', NULL, 1, 1)");
    expect(brokenRules(place)).toEqual([]);
    expect(await claimed(place)).toEqual(["A1"]);
  });

  test("of which a stranger started a second job goes on when both have ended", async () => {
    using place = temporaryBoard();
    await addTalk(place, "A", 4);
    const first = await claimOne(place);
    sqliteShell(place.file, "UPDATE jobs SET status = 'running' WHERE id = 'A2'");
    await settleJob(place.board, first, DONE, 3_000);
    expect(await claimed(place)).toEqual([]);
    sqliteShell(place.file, "UPDATE jobs SET status = 'completed' WHERE id = 'A2'");
    expect(await claimed(place)).toEqual(["A1"]);
    expect(brokenRules(place)).toEqual([]);
  });
});

describe("the line", () => {
  test("lets a conversation of one job begin within two claims, though another has ten thousand", async () => {
    using place = temporaryBoard();
    await addTalk(place, "A", 10_000);
    // A's first job runs, its second is next: this is the worst moment to come.
    const running = await claimOne(place);
    await addTalk(place, "B", 1);
    await settleJob(place.board, running, DONE, 2_500);
    const order: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const claim = await claimOne(place);
      order.push(claim.jobId);
      await settleJob(place.board, claim, DONE, 3_000);
    }
    expect(order).toContain("B0");
    expect(brokenRules(place)).toEqual([]);
  });

  test("takes conversations in turn", async () => {
    using place = temporaryBoard();
    for (const talk of ["A", "B", "C"]) await addTalk(place, talk, 3);
    const order: string[] = [];
    for (let round = 0; round < 9; round += 1) {
      const claim = await claimOne(place);
      order.push(claim.jobId);
      await settleJob(place.board, claim, DONE, 3_000);
    }
    expect(order).toEqual(["A0", "B0", "C0", "A1", "B1", "C1", "A2", "B2", "C2"]);
  });

  test("lets a person's message go before a stranger's thousand rows, and keeps those in their order", async () => {
    using place = temporaryBoard();
    sqliteShell(
      place.file,
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
       INSERT INTO jobs SELECT printf('s%04d', 999 - i), 'chat', 'pending', '{}', NULL, 1, 1 FROM n`,
    );
    await addJob(place.board, "message", { conversationId: "talk", priority: PERSON_PRIORITY });
    expect(await claimed(place, 3)).toEqual(["message", "s0999", "s0998"]);
  });

  test("gives nobody the place of another", async () => {
    using place = temporaryBoard();
    await addJobIn(place, "a", "scheduled", { runAt: 2_500 });
    await addJobIn(place, "b", "scheduled", { runAt: 2_500 });
    await addTalk(place, "A", 3);
    await addTalk(place, "B", 2);
    await settleJob(place.board, await claimOne(place), DONE, 2_100);
    await cancelJob(place.board, "B0", 2_200);
    await claimed(place, 1, 3_000);
    await loseWorkers(place);
    const shared = "SELECT turn FROM job_run WHERE state IN ('ready', 'waiting') GROUP BY turn HAVING count(*) > 1";
    expect(place.rows(shared)).toEqual([]);
  });
});
