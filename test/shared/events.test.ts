// The story of every job: one rising cursor for all who follow.
import { describe, expect, test } from "bun:test";
import { recordEvents, settleJob } from "../../src/shared/claims.ts";
import { appendEvent, eventsAfter, latestSeq } from "../../src/shared/events.ts";
import type { JobEventBody } from "../../src/shared/types.ts";
import { claimOne, DONE, loseWorkers } from "./claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const subject = (jobId: string, conversationId: string | null = null) => ({ jobId, conversationId, attempt: 1 });
const say = (place: TemporaryBoard, jobId: string, ...texts: string[]) =>
  place.board.write((tx) => {
    for (const text of texts) appendEvent(tx, subject(jobId), 2_000, { kind: "text-delta", text });
  });
const after = (place: TemporaryBoard, seq: number, limit = 100, jobId?: string) =>
  place.board.read((tx) => eventsAfter(tx, seq, limit, jobId));

describe("seq", () => {
  test("rises over all jobs, and pages meet without a gap or a double", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    await say(place, "a", "1", "2");
    await say(place, "b", "3", "4", "5");
    const pages: number[][] = [];
    for (let page = after(place, 0, 3); page.length > 0; page = after(place, page.at(-1)?.seq ?? 0, 3))
      pages.push(page.map((event) => event.seq));
    expect(pages).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
    expect(place.board.read(latestSeq)).toBe(7);
  });

  test("of one job leaves out the others", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    await say(place, "b", "x");
    expect(after(place, 0, 100, "b").map((event) => event.seq)).toEqual([2, 3]);
    expect(after(place, 2, 100, "b").map((event) => event.seq)).toEqual([3]);
    expect(after(place, 0, 100, "c")).toEqual([]);
  });

  test("rises in the story of an id that was deleted and came again, also over pages", async () => {
    using place = temporaryBoard();
    for (let life = 0; life < 2; life += 1) {
      await addJob(place.board, "a");
      await say(place, "a", "x");
      await place.board.write((tx) => tx.run("DELETE FROM jobs"));
    }
    await addJob(place.board, "a");
    await say(place, "a", "y");
    const whole = after(place, 0, 100, "a").map((event) => [event.seq, event.kind]);
    expect(whole).toEqual([
      [3, "job-deleted"],
      [6, "job-deleted"],
      [7, "job-created"],
      [8, "text-delta"],
    ]);
    const paged: number[] = [];
    for (let page = after(place, 0, 1, "a"); page.length > 0; page = after(place, paged.at(-1) ?? 0, 1, "a"))
      paged.push(...page.map((event) => event.seq));
    expect(paged).toEqual([3, 6, 7, 8]);
  });

  test("is 0 before the first event, and never used twice, whatever is deleted", async () => {
    using place = temporaryBoard();
    expect(place.board.read(latestSeq)).toBe(0);
    await addJob(place.board, "a");
    await say(place, "a", "x");
    await place.board.write((tx) => tx.run("DELETE FROM jobs WHERE id = 'a'"));
    expect(after(place, 0)).toMatchObject([{ seq: 3, kind: "job-deleted", jobId: "a" }]);
    await addJob(place.board, "b");
    expect(after(place, 3).map((event) => event.seq)).toEqual([4]);
  });

  test.each([
    ["ends", "job-completed"],
    ["loses its worker", "job-requeued"],
  ])("of the event that tells that a job %s is above all that were read before, pieces too", async (way, kind) => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    await recordEvents(place.board, claim, [{ kind: "text-delta", text: "x" }], 2_500);
    const read = place.board.read(latestSeq);
    if (way === "ends") await settleJob(place.board, claim, DONE, 3_000);
    else await loseWorkers(place);
    expect(after(place, read)).toMatchObject([{ seq: read + 1, kind }]);
  });
});

test("an event comes back as it was written, with the conversation of its job", async () => {
  using place = temporaryBoard();
  await addJob(place.board, "a", { conversationId: "talk" });
  const body: JobEventBody = { kind: "output-delta", stream: "stderr", text: '"é\u0000\u2028😀' };
  await place.board.write((tx) => appendEvent(tx, subject("a", "talk"), 2_000, body));
  expect(after(place, 1)).toEqual([{ ...body, seq: 2, jobId: "a", conversationId: "talk", at: 2_000 }]);
});

test.each([
  ["no JSON", "text-delta", "{"],
  ["no object", "text-delta", "7"],
  ["an unknown kind", "job-exploded", "{}"],
])("a row with %s is passed over", async (_name, kind, data) => {
  using place = temporaryBoard();
  await addJob(place.board, "a");
  await place.board.write((tx) =>
    tx.run("INSERT INTO job_events (job_id, attempt, at, kind, data) VALUES ('a', 0, 0, ?, ?)", kind, data),
  );
  await say(place, "a", "x");
  expect(after(place, 1).map((event) => event.seq)).toEqual([3]);
});
