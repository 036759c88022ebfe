// A person's side of the board: stopping a job and running one again.
import { describe, expect, test } from "bun:test";
import { claimJobs, stopAsked } from "../../src/shared/claims.ts";
import { cancelJob } from "../../src/shared/control.ts";
import { claimOne, jobOf, kindsOf, loseWorkers, runOf } from "./claiming.ts";
import { addJob, temporaryBoard } from "./temporary.ts";

describe("stopping", () => {
  test("a job that waits ends it at once, and nobody starts it", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    expect(await cancelJob(place.board, "a", 3_000)).toBe("cancelled");
    expect(await claimJobs(place.board, "1-a", 1, 4_000)).toEqual([]);
    expect(jobOf(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "cancelled" } } });
    expect(kindsOf(place, "a")).toEqual(["job-created", "job-failed"]);
    expect(await cancelJob(place.board, "a", 4_000)).toBe("ended");
  });

  test("a job that runs asks its worker, and only that one", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    const claims = [await claimOne(place), await claimOne(place)];
    expect(await cancelJob(place.board, "a", 3_000)).toBe("asked");
    expect(jobOf(place, "a")?.status).toBe("running");
    expect(stopAsked(place.board, claims)).toEqual(["a"]);
  });

  test("outlives the worker that was asked: nobody begins the job anew", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place);
    await cancelJob(place.board, "a", 3_000);
    expect(await loseWorkers(place, 4_000)).toEqual(["a"]);
    expect(await claimJobs(place.board, "2-b", 1, 5_000)).toEqual([]);
    expect(runOf(place, "a").state).toBe("cancelled");
    expect(jobOf(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "cancelled" } } });
  });

  test("what does not exist is said so", async () => {
    using place = temporaryBoard();
    expect(await cancelJob(place.board, "nothing", 3_000)).toBe("unknown");
  });
});
