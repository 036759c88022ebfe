// A job that is answered when it comes: it has ended like any other, and nobody waits for it or works on it.
import { expect, test } from "bun:test";
import { insertAnswered } from "../../src/shared/answered.ts";
import { claimJobs, settleJob } from "../../src/shared/claims.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { attemptsOf, enqueueJob, readJob, readRun } from "../../src/shared/jobs.ts";
import { restartJob } from "../../src/shared/control.ts";
import { temporaryBoard } from "./temporary.ts";

const job = (id: string) => ({
  id,
  type: "chat" as const,
  input: { prompt: "/status" },
  conversationId: "T",
  files: [],
  words: "/status",
});

test("an answered job has result, state and both events, and no attempt", async () => {
  using place = temporaryBoard();
  await place.board.write((tx) => insertAnswered(tx, job("a"), "Nothing is running.", 5_000));
  place.board.read((tx) => {
    const output = { stdout: "", text: "Nothing is running.", artifacts: [] };
    expect(readJob(tx, "a")).toMatchObject({ status: "completed", output, createdAt: 5_000, updatedAt: 5_000 });
    expect(readRun(tx, "a")).toMatchObject({ state: "done", attempt: 0, workerId: null, finishedAt: 5_000 });
    expect(attemptsOf(tx, "a")).toEqual([]);
    expect(eventsAfter(tx, 0, 10)).toMatchObject([
      { kind: "job-created", jobId: "a", conversationId: "T", prompt: "/status" },
      { kind: "job-completed", jobId: "a", conversationId: "T", output },
    ]);
  });
  expect(await claimJobs(place.board, "1-a", () => 5, 6_000)).toEqual([]);
  expect(await restartJob(place.board, "a", 6_000)).toBe("refused");
});

test("an answered job neither waits behind one of its conversation nor lets another one pass", async () => {
  using place = temporaryBoard();
  const { board } = place;
  await enqueueJob(board, { ...job("first"), input: { prompt: "Graph this" } }, 1_000);
  const [claim] = await claimJobs(board, "1-a", () => 5, 1_000);
  if (claim === undefined) throw new Error("There was no job.");
  await enqueueJob(board, { ...job("second"), input: { prompt: "Now by month" } }, 2_000);
  await board.write((tx) => insertAnswered(tx, job("a"), "1 running, 1 waiting.", 3_000));
  const states = () => place.rows("SELECT job_id AS id, state FROM job_run ORDER BY created_seq");
  expect(states()).toEqual([
    { id: "first", state: "running" },
    { id: "second", state: "waiting" },
    { id: "a", state: "done" },
  ]);
  await settleJob(board, claim, { output: { stdout: "", text: "", artifacts: [] }, error: null }, 4_000);
  expect(states()[1]).toEqual({ id: "second", state: "ready" });
});
