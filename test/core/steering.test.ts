// The doors through which jobs are seen and steered over HTTP.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { claimJobs, retryJob, settleJob } from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import { eventsAfter } from "../../src/shared/events.ts";
import { DONE, claimOne, jobOf, runOf, spend } from "../shared/claiming.ts";
import { addJob } from "../shared/temporary.ts";
import { refusalOf, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterAll(() => core[Symbol.asyncDispose]());

const error = { code: "unavailable", message: "The sandbox went away." };
const retry = (id: string) => core.post(`/api/jobs/${id}/retry`, {});
const Listed = z.object({ jobs: z.array(z.object({ id: z.string() })) });
const listed = async (query: string) =>
  Listed.parse(await (await core.call(`/api/jobs?${query}`)).json()).jobs.map((job) => job.id);

describe("run again", () => {
  test("a failed job is in the line with fresh attempts, and everybody is told", async () => {
    await addJob(core.board, "failed");
    await settleJob(core.board, await claimOne(core), { ...DONE, error }, 3_000);
    const response = await retry("failed");
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ job: { id: "failed", status: "pending", state: "ready" } });
    expect(runOf(core, "failed")).toMatchObject({ attempt: 1, maxAttempts: 4, finishedAt: null });
    expect(core.board.read((tx) => eventsAfter(tx, 0, 99, "failed")).at(-1)?.kind).toBe("job-requeued");
    await cancelJob(core.board, "failed", 4_000);
  });

  test("a stopped job, too", async () => {
    await addJob(core.board, "stopped");
    await cancelJob(core.board, "stopped", 2_000);
    expect((await retry("stopped")).status).toBe(202);
    expect(jobOf(core, "stopped")?.output).toBe(null);
    await cancelJob(core.board, "stopped", 4_000);
  });

  test("one that waits for its time runs at once", async () => {
    await addJob(core.board, "later", { runAt: 9e12 });
    expect((await retry("later")).status).toBe(202);
    expect(runOf(core, "later")).toMatchObject({ state: "ready", runAt: null });
    await cancelJob(core.board, "later", 4_000);
  });

  test("one that has been done, waits for its turn or does not exist is refused with a sentence", async () => {
    await addJob(core.board, "done");
    await settleJob(core.board, await claimOne(core), DONE, 3_000);
    expect(await refusalOf(await retry("done"))).toMatchObject({ status: 409, code: "conflict" });
    await addJob(core.board, "ready");
    expect(await refusalOf(await retry("ready"))).toMatchObject({ status: 409, code: "conflict" });
    expect(await refusalOf(await retry("none"))).toMatchObject({ status: 404, code: "not_found" });
    await cancelJob(core.board, "ready", 4_000);
  });

  test("needs the token", async () => {
    const response = await core.post("/api/jobs/done/retry", {}, { Authorization: "Bearer wrong" });
    expect(await refusalOf(response)).toMatchObject({ status: 401 });
  });
});

describe("the list", () => {
  test("holds the jobs of one state or of several, the newest first", async () => {
    await addJob(core.board, "dead-end");
    await settleJob(core.board, await claimOne(core), { ...DONE, error }, 3_000);
    await addJob(core.board, "some-day", { runAt: 9e12 });
    expect(await listed("state=failed")).toEqual(["dead-end"]);
    expect((await listed("state=failed,%20scheduled")).slice(0, 2)).toEqual(["some-day", "dead-end"]);
    expect(await listed("state=failed,scheduled&limit=1")).toEqual(["some-day"]);
    expect(await listed("state=failed,scheduled&before=some-day&limit=1")).toEqual(["dead-end"]);
    expect(await listed("state=dead")).toEqual([]);
    expect((await listed("")).length).toBeGreaterThan(4);
  });

  test.each(["state=", "state=broken", "state=failed,broken"])("refuses %s", async (query) => {
    expect(await refusalOf(await core.call(`/api/jobs?${query}`))).toMatchObject({ status: 400, code: "bad_request" });
  });
});

test("one job comes with where it stands and how its attempts ended", async () => {
  await addJob(core.board, "twice", { maxAttempts: 2, priority: 5, deadlineAt: 8e12 });
  const [claim] = await claimJobs(core.board, "1-a", () => 1, 2_000);
  if (claim === undefined) throw new Error("Nothing was claimed.");
  await spend(core, claim, 7);
  await retryJob(core.board, claim, { error, runAt: 9_000, isCounted: true }, 3_000);
  expect(await (await core.call("/api/jobs/twice")).json()).toMatchObject({
    job: { id: "twice", state: "retrying", runAt: 9_000, costUsd: 0.000007 },
    run: { state: "retrying", attempt: 1, maxAttempts: 2, priority: 5, deadlineAt: 8e12, runAt: 9_000 },
    attempts: [
      { attempt: 1, workerId: "1-a", startedAt: 2_000, endedAt: 3_000, outcome: "retrying", error, costMicroUsd: 7 },
    ],
  });
  expect(await refusalOf(await core.call("/api/jobs/none"))).toMatchObject({ status: 404 });
});
